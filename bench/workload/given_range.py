"""The range that the user gives of an input, held against the tables that the input reaches."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.input_spec import InputSpec
from anatomy.bench.workload.input_parts import UsedPart
from anatomy.bench.workload.input_values import InputValues, Kind
from anatomy.bench.workload.model_inputs import ModelInput


def given_values(leaf: ModelInput, parts: Sequence[UsedPart]) -> InputValues | None:
    """The values of an input with a range that the user gave; `None` where none was given.

    Raises:
        UsageError: an embedding that the input reaches as it is has no row for some of them.
    """
    low, high = leaf.spec.low, leaf.spec.high
    if low is None or high is None:
        return None
    tables = [use for part in parts for use in part.uses if use.rows]
    smallest = min(tables, key=lambda use: use.rows, default=None)
    if smallest is not None and (low < 0 or high >= smallest.rows):
        raise UsageError(_beyond(leaf, low, high, smallest))
    kind: Kind = "integers" if leaf.is_integral else "uniform"
    return InputValues(kind, "given", low=low, high=high)


def _beyond(leaf: ModelInput, low: float, high: float, table: InputValues) -> str:
    name, last = leaf.path or getattr(leaf.tensor, "name", ""), table.rows - 1
    bounds = {"low": low if 0 <= low <= last else 0, "high": high if 0 <= high <= last else last}
    option = f"{name}=" if name else ""
    return (
        f"input {name or 'of the call'!r} is given {InputSpec(low=low, high=high)}, and {table.why} has no row for all"
        f" of these: give a range within 0..{last}, --input {option}{leaf.spec.model_copy(update=bounds)}"
    )
