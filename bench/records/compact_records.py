"""Records held in a third of their memory, for reports of many: numbers in arrays, and what is equal held once."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from pydantic import BaseModel

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record

# Parts of a record that many records have in common.
_SHARED = ("settings", "versions", "checks", "not_measured", "counts", "series")
# Intervals are derived of so many records at once.
BATCH = 500


class _PlainBlock(NamedTuple):
    """A `Block` without the dictionary of a model."""

    steps: int
    seconds: float


class RecordCompactor:
    """Makes records smaller in place; they read as before, but are not to be changed or written."""

    def __init__(self, planned: Iterable[Case]) -> None:
        """Begin with the cases of a plan, which the records then have in common with it."""
        self._known: dict[Hashable, Any] = {}
        self._cases: dict[Hashable, Case] = {}
        for case in planned:
            self._share_fields(case)
            case.__dict__["options"] = self._shared(case.options)
            self._cases.setdefault((case.alike(), case.options_as_given), case)

    def compact(self, records: Sequence[Record]) -> None:
        """Derive what is derived of the raw values of some records, and hold these as arrays."""
        Record.derive_intervals(records)
        for record in records:
            held = record.__dict__
            for name in _SHARED:
                held[name] = self._shared(held[name])
            case = record.case
            held["case"] = self._cases.setdefault((case.alike(), case.options_as_given), case)
            held["blocks"] = [_PlainBlock(block.steps, block.seconds) for block in record.blocks]
            for model in _models_of(record):
                _numbers_as_arrays(model)
                self._share_fields(model)

    def _share_fields(self, model: BaseModel) -> None:
        chosen = frozenset(model.model_fields_set)
        object.__setattr__(model, "__pydantic_fields_set__", self._known.setdefault(chosen, set(chosen)))

    def _shared(self, value: Any) -> Any:
        """The first value that was equal to this one, in its types, too."""
        fields = value.__dict__ if isinstance(value, BaseModel) else value
        return self._known.setdefault((type(value), repr(fields)), value) if fields else value


def _models_of(record: Record) -> Iterator[BaseModel]:
    yield record
    yield from (value for value in record.__dict__.values() if isinstance(value, BaseModel))


def _numbers_as_arrays(model: BaseModel) -> None:
    held = model.__dict__
    for name, value in held.items():
        if isinstance(value, list) and len(value) > 2 and isinstance(value[0], float):
            # A list may have None or whole numbers among its floats.
            with suppress(TypeError):
                held[name] = cast("list[float]", array("d", value))
