"""Axes as the command line has them: repeated, or separated by commas."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.suites.suite import MAX_BATCH, Axes, validation_message


def wants_largest_batch(batch_sizes: list[str] | None) -> bool:
    """Whether `--batch-size max` was given.

    Raises:
        UsageError: beside other sizes.
    """
    given = [part.strip() for item in batch_sizes or () for part in item.split(",") if part.strip()]
    if MAX_BATCH in given and len(given) > 1:
        raise UsageError(
            f"--batch-size {','.join(given)}: {MAX_BATCH} tries the sizes that it needs by itself; give it alone"
        )
    return given == [MAX_BATCH]


def parse_axes(given: Mapping[str, list[str] | None]) -> Axes:
    """The command line's axes, validated as a suite's are.

    Raises:
        UsageError: a value is not one of its axis.
    """
    values = {
        name: [part.strip() for item in items for part in item.split(",") if part.strip()]
        for name, items in given.items()
        if items
    }
    try:
        return Axes.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(validation_message("command line", item) for item in error.errors())) from error
