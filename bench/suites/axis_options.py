"""Axes on the command line: options that are repeated, or whose values are separated by commas."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.suites.suite import MAX_BATCH, Axes, validation_message


def wants_largest_batch(batch_sizes: list[str] | None) -> bool:
    """Return whether `--batch-size max` was given.

    Raises:
        UsageError: it was given beside other sizes.
    """
    given = [part.strip() for item in batch_sizes or () for part in item.split(",") if part.strip()]
    if MAX_BATCH in given and len(given) > 1:
        raise UsageError(f"--batch-size {','.join(given)}: {MAX_BATCH} chooses the sizes that it tries; give it alone")
    return given == [MAX_BATCH]


def parse_axes(given: Mapping[str, list[str] | None]) -> Axes:
    """Parse and validate the axes of the command line.

    Raises:
        UsageError: a value does not belong to its axis.
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
