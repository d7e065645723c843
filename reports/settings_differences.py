"""Settings in effect that differ between records which a row or a mean sets side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from anatomy.bench.records.parity import Setting, manifest
from anatomy.bench.records.record import Record
from anatomy.reports.model_labels import model_text
from anatomy.reports.number_words import count

_UNSTATED = "not stated"


def unlike_settings(records: Iterable[Record]) -> str:
    """The settings that differ and who has which, `jit: on (jax), off (tensorflow, torch)`; empty when all agree."""
    return "; ".join(differing(records).values())


def differing(records: Iterable[Record]) -> dict[str, str]:
    """Name of a setting of the parity manifests, or `machine`, that differs → who has which, in words.

    A setting that no more than one record states cannot differ; where two state it differently, those that do
    not state it are named as well.
    """
    measured = [record for record in records if record.outcome == "ok"]
    modes_alone = len({record.case.backend for record in measured}) == 1
    manifests = [(r.case.mode if modes_alone else r.case.backend, _machine(r) | manifest(r).items()) for r in measured]
    names = dict.fromkeys(name for _, items in manifests for name in items)
    found = {name: _holders((who, items.get(name)) for who, items in manifests) for name in names}
    return {
        name: f"{name}: " + ", ".join(f"{text} ({', '.join(who)})" for text, who in holders.items())
        for name, holders in found.items()
        if len(holders.keys() - {_UNSTATED}) > 1
    }


def comparable(records: Iterable[Record], **alike: str) -> dict[str, list[Record]]:
    """Records that may share a row: cases that differ in the fields `alike` alone, with equal parameter counts.

    Args:
        records: of one run.
        alike: fields of the case, e.g. `backend`, with a value that stands in for all of theirs.

    Returns:
        A key of the row → its records. A record without counts (a failure) joins the first row of its case.
    """
    cases: dict[str, list[Record]] = {}
    for record in records:
        cases.setdefault(record.case.model_copy(update=alike).key, []).append(record)
    rows: dict[str, list[Record]] = {}
    for key, group in cases.items():
        sizes = list(dict.fromkeys(record.counts.parameters for record in group if record.counts))
        for record in group:
            size = record.counts.parameters if record.counts else sizes[0] if sizes else None
            rows.setdefault(key if len(sizes) < 2 else f"{key} {size}", []).append(record)
    return rows


def refused(records: Iterable[Record]) -> list[str]:
    """Cases whose measured backends built models of unlike sizes, which no row or mean may hold, in words."""
    cases: dict[str, list[Record]] = {}
    for record in records:
        if record.outcome == "ok":
            cases.setdefault(record.case.model_copy(update={"backend": "tensorflow"}).key, []).append(record)
    return [
        f"{model_text(case.model, case.options)} {case.mode} ({differing(group)['parameters']})"
        for case, group in ((group[0].case, group) for group in cases.values())
        if len(comparable(group, backend="tensorflow")) > 1
    ]


def tally(groups: Iterable[Iterable[Record]]) -> str:
    """Differences over several rows: `jit: on (jax), off (torch) in 3 cases`; empty when all agree."""
    counted = Counter(text for group in groups for text in differing(group).values())
    return "; ".join(f"{text} in {count(number, 'case')}" for text, number in counted.items())


def _machine(record: Record) -> dict[str, Setting]:
    """In a sweep over a cluster, the machine: even of one kind, two differ by some per cent."""
    return {"machine": record.host} if record.host is not None else {}


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
