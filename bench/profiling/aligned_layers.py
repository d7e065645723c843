"""Rows of two profiles that stand for the same layers: what one side fuses is put together on the other side too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anatomy.bench.profiling.joint_name import joint_name, members_of
from anatomy.bench.records.case_profile import LayerTime


def align_layers(before: Sequence[LayerTime], after: Sequence[LayerTime]) -> tuple[list[LayerTime], list[LayerTime]]:
    """The rows of both sides such that no layer is in a row of its own on one side and in a fusion on the other.

    Times, shares and operations of rows that are put together add up; their rates and bounds are not known.
    """
    groups = _groups([members_of(row.name) for row in (*before, *after)])
    # The name of the widest row of a group, where one has all of its layers, else all of them.
    names: dict[str, str] = {}
    for group in groups:
        rows = {row.name for row in (*before, *after) if set(members_of(row.name)) <= set(group)}
        whole = next((name for name in rows if set(members_of(name)) == set(group)), joint_name(group))
        names |= dict.fromkeys(rows, whole)
    return _renamed(before, names), _renamed(after, names)


def _groups(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Layers that any rows link, directly or over others, in their order."""
    groups: list[list[str]] = []
    for members in rows:
        linked = [group for group in groups if not set(group).isdisjoint(members)]
        merged = list(dict.fromkeys([*(name for group in linked for name in group), *members]))
        groups = [group for group in groups if group not in linked] + [merged]
    return groups


def _renamed(rows: Sequence[LayerTime], names: dict[str, str]) -> list[LayerTime]:
    together: dict[str, list[LayerTime]] = {}
    for row in rows:
        together.setdefault(names[row.name], []).append(row)
    return [_merged(name, found) for name, found in together.items()]


def _merged(name: str, rows: Sequence[LayerTime]) -> LayerTime:
    if len(rows) == 1 and rows[0].name == name:
        return rows[0]
    hosts = [row.host for row in rows if row.host is not None]
    return LayerTime(
        name=name,
        type=f"{len(members_of(name))} layers, fused on one side",
        time=sum(row.time for row in rows),
        share=sum(row.share for row in rows),
        forward=sum(row.forward for row in rows),
        backward=sum(row.backward for row in rows),
        host=sum(hosts) if hosts else None,
        operations=[operation for row in rows for operation in row.operations],
    )
