"""What keeps the gate from a verdict."""

from __future__ import annotations

from typing import Literal

SideName = Literal["base", "candidate"]
SIDES: tuple[SideName, SideName] = ("base", "candidate")


class GateError(ValueError):
    """The gate was asked for something that cannot be compared; the message names it, and the remedy."""


class SideError(RuntimeError):
    """A side could not be set up, or a case could not be measured on it."""


class NothingComparedError(RuntimeError):
    """No case is left to compare."""
