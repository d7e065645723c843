"""Records held in a third of their memory, for reports of many: numbers in arrays, and what is equal held once."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts, Series

# What many records have in common.
_PARTS: Mapping[str, type[BaseModel]] = {"counts": Counts, "series": Series}
_SHARED = ("settings", "versions", "checks", "not_measured")
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
        self._cases: dict[str, Case] = {}
        for case in planned:
            self._share_fields(case)
            case.__dict__["options"] = self._shared(case.options)
            self._cases.setdefault(case.key, case)

    def prepare(self, data: dict[str, Any]) -> dict[str, Any]:
        """Put the parts that are known into a record's JSON object: they are validated and held once."""
        parts = {name: self._part(part, data.get(name)) for name, part in _PARTS.items()}
        found: dict[str, Any] = {name: part for name, part in parts.items() if part is not None}
        given = data.get("case")
        if isinstance(given, dict) and (case := self._cases.get(str(given.get("key")))) is not None:
            # The key alone would be taken from the file unchecked.
            whole = given.keys() >= Case.model_fields.keys()
            found |= {"case": case} if whole and given.items() <= case.__dict__.items() else {}
        return data | found

    def compact(self, records: Sequence[Record]) -> None:
        """Derive what is derived of the raw values of some records, and hold these as arrays."""
        Record.derive_intervals(records)
        for record in records:
            held = record.__dict__
            for name in _SHARED:
                held[name] = self._shared(held[name])
            held["blocks"] = [_PlainBlock(block.steps, block.seconds) for block in record.blocks]
            for model in _models_of(record):
                _numbers_as_arrays(model)
                self._share_fields(model)

    def _part(self, part: type[BaseModel], given: Any) -> BaseModel | None:
        """The part that was equal to this, in its types, too; `None` for one that is not valid."""
        if not isinstance(given, dict):
            return None
        text = (part, repr(given))
        if text not in self._known:
            # The record's own validation says what is wrong, and where.
            with suppress(ValidationError):
                self._known[text] = part.model_validate(given)
        found: BaseModel | None = self._known.get(text)
        return found

    def _shared(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The first dictionary that was equal to this one, in its types, too."""
        shared: dict[str, Any] = self._known.setdefault(repr(fields), fields)
        return shared

    def _share_fields(self, model: BaseModel) -> None:
        chosen = frozenset(model.model_fields_set)
        object.__setattr__(model, "__pydantic_fields_set__", self._known.setdefault(chosen, set(chosen)))


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
