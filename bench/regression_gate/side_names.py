"""The names of the two sides of a comparison."""

from __future__ import annotations

from typing import Literal

SideName = Literal["base", "candidate"]
SIDES: tuple[SideName, SideName] = ("base", "candidate")
