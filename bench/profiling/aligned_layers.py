"""Rows of two profiles that stand for the same layers: what one side fuses is put together on the other side too."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.profiling.joint_name import joint_name
from anatomy.bench.records.case_profile import LayerTime


def align_layers(before: Sequence[LayerTime], after: Sequence[LayerTime]) -> tuple[list[LayerTime], list[LayerTime]]:
    """Merge rows until both sides have the same ones: a fusion on one side becomes a row on both.

    Times, shares and operations of rows that are put together add up; their rates and bounds are not known.
    """
    groups = _Groups()
    for row in (*before, *after):
        groups.link(_members(row))
    # A row with all layers of its group names it, whatever the order of them.
    names = {groups.key(_members(row)): row.name for row in (*after, *before) if groups.is_whole(_members(row))}
    return _grouped(before, groups, names), _grouped(after, groups, names)


def _members(row: LayerTime) -> tuple[str, ...]:
    return tuple(row.members) or (row.name,)


class _Groups:
    """Layers that any rows link, directly or over others (a union-find structure)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._layers: dict[str, list[str]] = {}

    def link(self, members: Sequence[str]) -> None:
        for name in members:
            if name not in self._parent:
                self._parent[name], self._layers[name] = name, [name]
            first, other = self._root(members[0]), self._root(name)
            if first != other:
                self._parent[other] = first
                self._layers[first] += self._layers.pop(other)

    def key(self, members: Sequence[str]) -> str:
        return self._root(members[0])

    def layers(self, members: Sequence[str]) -> list[str]:
        return self._layers[self.key(members)]

    def is_whole(self, members: Sequence[str]) -> bool:
        return len(members) == len(self.layers(members))

    def _root(self, name: str) -> str:
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name


def _grouped(rows: Sequence[LayerTime], groups: _Groups, names: dict[str, str]) -> list[LayerTime]:
    together: dict[str, list[LayerTime]] = {}
    for row in rows:
        together.setdefault(groups.key(_members(row)), []).append(row)
    return [
        _one(names.get(key) or joint_name(groups.layers(_members(found[0]))), found, groups)
        for key, found in together.items()
    ]


def _one(name: str, rows: Sequence[LayerTime], groups: _Groups) -> LayerTime:
    if len(rows) > 1 or not groups.is_whole(_members(rows[0])):
        return _merged(name, rows, groups)
    return rows[0] if rows[0].name == name else rows[0].model_copy(update={"name": name})


def _merged(name: str, rows: Sequence[LayerTime], groups: _Groups) -> LayerTime:
    members = groups.layers(_members(rows[0]))
    hosts = [row.host for row in rows if row.host is not None]
    return LayerTime(
        name=name,
        type=f"{len(members)} layers, fused on one side",
        time=sum(row.time for row in rows),
        share=sum(row.share for row in rows),
        forward=sum(row.forward for row in rows),
        backward=sum(row.backward for row in rows),
        host=sum(hosts) if hosts else None,
        operations=[operation for row in rows for operation in row.operations],
        members=members,
    )
