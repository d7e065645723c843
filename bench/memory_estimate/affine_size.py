"""Bytes as a function of the batch size: what is there whatever the batch, and what each example adds."""

from __future__ import annotations

from typing import NamedTuple


class Extent(NamedTuple):
    """`fixed_bytes + bytes_per_example × batch size`."""

    fixed_bytes: int = 0
    bytes_per_example: int = 0

    def at(self, batch_size: int) -> int:
        """Bytes at a batch size."""
        return self.fixed_bytes + self.bytes_per_example * batch_size

    @classmethod
    def through(cls, at_1: int, at_2: int) -> Extent:
        """From the bytes of a batch of one example and of two."""
        return cls(2 * at_1 - at_2, at_2 - at_1)


NOTHING = Extent()
