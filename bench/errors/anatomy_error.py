"""The errors that Anatomy raises for its users: one base with an exit code, and subclasses that are caught apart."""

from __future__ import annotations

from anatomy.bench.errors import exit_codes


class AnatomyError(Exception):
    """Base of all errors whose message is written for the user: it names the input, what was expected, the remedy."""

    exit_code = exit_codes.NOT_ALL_MEASURED


class UsageError(AnatomyError, ValueError):
    """Something was asked for that cannot be done: an option, a configuration, a file that cannot be read."""

    exit_code = exit_codes.USAGE


class NothingSelectedError(UsageError):
    """The selection leaves no case; the gate, unlike a run, gives this an exit code of its own."""


class SetupError(AnatomyError):
    """A fork server, a side of the gate or a node of a cluster could not be set up, or was lost."""


class NothingMeasuredError(AnatomyError):
    """Nothing could be measured at all."""

    exit_code = exit_codes.NOTHING_MEASURED


class InvalidCaseError(AnatomyError, ValueError):
    """A case was run, and its figures mean nothing; its record gets the outcome `invalid` with this message."""
