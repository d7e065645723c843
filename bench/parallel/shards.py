"""The part of a batch that each of several devices gets."""

from __future__ import annotations

from typing import Any


def shard(data: Any, rank: int, count: int) -> Any:
    """The `rank`-th of `count` equal parts of every array of a tree, along the first axis.

    Raises:
        ValueError: the length of an array is not a multiple of `count`.
    """
    import keras

    def part(array: Any) -> Any:
        size, rest = divmod(len(array), count)
        if rest:
            raise ValueError(f"{len(array)} examples do not divide into {count} equal parts")
        return array[rank * size : (rank + 1) * size]

    return keras.tree.map_structure(part, data)
