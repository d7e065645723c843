"""The name of work that several layers share, as a fusion does, and the layers that such a name stands for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath

_BETWEEN = " + "


def joint_name(layers: Sequence[str]) -> str:
    """`encoder/conv1 + block.conv2` of `encoder/conv1` and `encoder/block/conv2`."""
    parent = os.path.commonpath([str(PurePosixPath(name).parent) for name in layers])
    ends = [str(PurePosixPath(name).relative_to(parent)).replace("/", ".") for name in layers]
    return str(PurePosixPath(parent) / _BETWEEN.join(ends))


def members_of(name: str) -> tuple[str, ...]:
    """The layers that a row stands for: those of a joint name, else the row's own."""
    parent, _, ends = name.rpartition("/")
    if _BETWEEN not in ends:
        return (name,)
    within = f"{parent}/" if parent else ""
    return tuple(within + end.replace(".", "/") for end in ends.split(_BETWEEN))
