"""Axes as the command line has them: repeated, or separated by commas."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from anatomy.bench.suite import Axes, SuiteError, explain


def axes_of(given: Mapping[str, list[str] | None]) -> Axes:
    """The command line's axes, validated as a suite's are.

    Raises:
        SuiteError: a value is not one of its axis.
    """
    values = {
        name: [part.strip() for item in items for part in item.split(",") if part.strip()]
        for name, items in given.items()
        if items
    }
    try:
        return Axes.model_validate(values)
    except ValidationError as error:
        raise SuiteError("\n".join(explain("command line", item) for item in error.errors())) from error
