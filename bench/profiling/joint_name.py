"""The name of work that several layers share, as a fusion does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath


def joint_name(layers: Sequence[str]) -> str:
    """`encoder/conv1 + block.conv2` of `encoder/conv1` and `encoder/block/conv2`."""
    parent = os.path.commonpath([str(PurePosixPath(name).parent) for name in layers])
    ends = [str(PurePosixPath(name).relative_to(parent)).replace("/", ".") for name in layers]
    return str(PurePosixPath(parent) / " + ".join(ends))
