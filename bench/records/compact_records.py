"""Records held in a third of their memory, for reports of many: numbers in arrays, and what is equal held once."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, Counts, Series

_Part = TypeVar("_Part", bound=BaseModel | dict[str, Any])

# What many records have in common.
_PARTS: Mapping[str, type[BaseModel]] = {"counts": Counts, "series": Series}
_SHARED = ("settings", "versions", "checks", "not_measured")
_STEPS = ("step_s", "output_sample")
# Lists that are seldom other than empty, and then one list.
_SELDOM = ("process_medians_s", "process_throughputs", "inputs", "lost_nodes")
_EMPTY: list[Any] = []


class _PlainBlock(NamedTuple):
    """A `Block` without the dictionary of a model."""

    steps: int
    seconds: float


class _Blocks(Sequence[_PlainBlock]):
    """The blocks of a record, in two arrays; each is made when it is asked for."""

    __slots__ = ("_seconds", "_steps")

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._steps = array("q", (block.steps for block in blocks))
        self._seconds = array("d", (block.seconds for block in blocks))

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[_PlainBlock]:
        return map(_PlainBlock, self._steps, self._seconds)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return list(self)[place]
        return _PlainBlock(self._steps[place], self._seconds[place])


class RecordCompactor:
    """Makes records smaller in place; they read as before, but are not to be changed or written."""

    def __init__(self, planned: Iterable[Case], most_sampled: int = sys.maxsize) -> None:
        """Begin with the cases of a plan, which the records then have in common with it.

        Args:
            most_sampled: samples of the host are left out from the record on that is of one case more.
        """
        self._most_sampled = most_sampled
        self._keys: set[str] = set()
        self._known: dict[Hashable, Any] = {}
        self._cases: dict[str, Case] = {}
        for case in planned:
            self._share_fields(case)
            held = case.__dict__
            held["options"] = self._shared(case.options)
            # Equal options have equal texts, which take longer to write than to find.
            for name in ("options_text", "options_as_given"):
                text = (name, id(held["options"]))
                held[name] = (
                    self._known[text] if text in self._known else self._known.setdefault(text, getattr(case, name))
                )
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
            manifest = ("manifest", id(held["settings"]), id(held["counts"]))
            if manifest not in self._known:
                self._known[manifest] = self._shared(record.manifest)
            held["manifest"] = self._known[manifest]
            held["blocks"] = _Blocks(record.blocks)
            held.update((name, _EMPTY) for name in _SELDOM if not held[name])
            _as_arrays(held, _STEPS, "d")
            self._keys.add(record.key)
            if len(self._keys) > self._most_sampled:
                held["host_use"] = None
            if record.host_use is not None:
                _as_arrays(record.host_use.__dict__, ("at_s", "cpu_s"), "d")
                _as_arrays(record.host_use.__dict__, ("resident_bytes",), "q")
            for model in (record, record.phases, record.clock, record.host_use):
                if model is not None:
                    self._share_fields(model)

    def _part(self, part: type[BaseModel], given: Any) -> BaseModel | None:
        """The part that was equal to this, in its types, too; `None` for one that is not valid."""
        if not isinstance(given, dict):
            return None
        text = (part, repr(given))
        if text not in self._known:
            # The record's own validation says what is wrong, and where.
            with suppress(ValidationError):
                self._known[text] = self._shared(part.model_validate(given))
        found: BaseModel | None = self._known.get(text)
        return found

    def _shared(self, part: _Part) -> _Part:
        """The first dictionary or model that was equal to this one, in its types, too."""
        shared: _Part = self._known.setdefault(repr(part), part)
        return shared

    def _share_fields(self, model: BaseModel) -> None:
        chosen = frozenset(model.model_fields_set)
        object.__setattr__(model, "__pydantic_fields_set__", self._known.setdefault(chosen, set(chosen)))


def _as_arrays(held: dict[str, Any], names: Sequence[str], kind: str) -> None:
    """Hold lists of numbers as arrays; a list of other values, as a foreign file may have, stays."""
    for name in names:
        if held[name]:
            with suppress(TypeError, OverflowError):
                held[name] = array(kind, held[name])
