"""Settings in effect that differ between records in one row or one mean, and which records may share them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from anatomy.bench.records.parity import Manifest, Setting
from anatomy.bench.records.record import Record
from anatomy.reports.model_labels import case_text
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledRun

_UNSTATED = "not stated"


def settings_differences(records: Iterable[Record], names: Mapping[str, str] | None = None) -> str:
    """Return `jit: on (jax), off (tensorflow, torch)` for the settings that differ; empty where all agree."""
    return "; ".join(differing_settings(records, names).values())


def differing_settings(records: Iterable[Record], names: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return each setting of the parity manifests, or `machine`, that differs, and in words who has which value.

    A setting differs where two records state it differently; then those that do not state it are named as well.

    Args:
        records: what is set side by side.
        names: key of a record → what it is called; by default its backend, or its mode where all have one backend.
    """
    measured = [record for record in records if record.outcome == "ok"]
    modes_alone = len({record.case.backend for record in measured}) == 1
    own: dict[str, str] = {r.key: r.case.mode if modes_alone else r.case.backend for r in measured}
    called = own if names is None else names
    return dict(_differing(tuple((called[r.key], r.host, _ById(r.manifest)) for r in measured)))


class _ById(NamedTuple):
    """A manifest, equal to itself alone: equal settings have one manifest."""

    manifest: Manifest

    def __hash__(self) -> int:
        return id(self.manifest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.manifest is self.manifest


@lru_cache(maxsize=4096)
def _differing(stated: tuple[tuple[str, str | None, _ById], ...]) -> dict[str, str]:
    """Name of a setting → in words who has which value, of holders' names, machines and manifests."""
    manifests = [(who, _machine(host) | one.manifest.items()) for who, host, one in stated]
    settings = dict.fromkeys(name for _, items in manifests for name in items)
    found = {name: _holders((who, items.get(name)) for who, items in manifests) for name in settings}
    return {
        name: f"{name}: " + ", ".join(f"{text} ({', '.join(who)})" for text, who in holders.items())
        for name, holders in found.items()
        if len(holders.keys() - {_UNSTATED}) > 1
    }


class SizedKey(NamedTuple):
    """The key of a row whose case has several rows, told apart by the parameter count."""

    case: Hashable
    parameters: int | None


def comparable_records(records: Iterable[Record], **alike: str) -> dict[Hashable, list[Record]]:
    """Group records that may share a row: cases that differ in the fields `alike` only, with equal parameter counts.

    Args:
        records: records of one run.
        alike: fields of the case, e.g. `backend`, each with a value that stands in for all of theirs.

    Returns:
        The records of each row, by a key of the row. A record without counts (a failure) joins the first row of its
        case.
    """
    cases: dict[Hashable, list[Record]] = {}
    for record in records:
        cases.setdefault(record.case.alike(**alike), []).append(record)
    rows: dict[Hashable, list[Record]] = {}
    for key, group in cases.items():
        sizes = list(dict.fromkeys(record.counts.parameters for record in group if record.counts))
        for record in group:
            size = record.counts.parameters if record.counts else sizes[0] if sizes else None
            rows.setdefault(key if len(sizes) < 2 else SizedKey(key, size), []).append(record)
    return rows


def incomparable_cases(records: Iterable[Record]) -> list[str]:
    """Return, in words, the cases whose backends built models of unlike sizes: no row or mean may hold them."""
    cases: dict[Hashable, list[Record]] = {}
    for record in records:
        if record.outcome == "ok":
            cases.setdefault(key_without_backend(record), []).append(record)
    return [
        f"{case_text(case)} {case.mode} ({differing_settings(group)['parameters']})"
        for case, group in ((group[0].case, group) for group in cases.values())
        if len(comparable_records(group, backend="tensorflow")) > 1
    ]


def incomparable_models(item: LabelledRun) -> list[str]:
    """The `incomparable_cases` of the compiled steps of a run."""
    return incomparable_cases(record for record in item.run.records if record.case.mode in ("train", "infer"))


def key_without_backend(record: Record, **fields: Any) -> Hashable:
    """Return a key that cases share when they differ in nothing but the backend, with `fields` of the case replaced."""
    return record.case.alike(backend="tensorflow", **fields)


def count_differences(groups: Iterable[Iterable[Record]]) -> str:
    """Count differences over several rows: `jit: on (jax), off (torch) in 3 cases`; empty where all agree."""
    return counted_differences(Counter(text for group in groups for text in differing_settings(group).values()))


def counted_differences(counted: Counter[str]) -> str:
    """What differs in how many cases: `jit: on (jax), off (torch) in 3 cases`."""
    return "; ".join(f"{text} in {plural(number, 'case')}" for text, number in counted.items())


def _machine(host: str | None) -> dict[str, Setting]:
    """The machine, for a run on a cluster: two machines of one type still differ by some per cent."""
    return {"machine": host} if host is not None else {}


def _holders(values: Iterable[tuple[str, Setting]]) -> dict[str, dict[str, None]]:
    holders: dict[str, dict[str, None]] = {}
    for who, value in values:
        holders.setdefault(_in_words(value), {})[who] = None
    return holders


def _in_words(value: Setting) -> str:
    if value is None:
        return _UNSTATED
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:,}" if isinstance(value, int) else value
