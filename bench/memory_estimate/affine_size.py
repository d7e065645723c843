"""Bytes as an affine function of the batch size."""

from __future__ import annotations

from typing import NamedTuple


class AffineSize(NamedTuple):
    """`fixed_bytes + bytes_per_example × batch size`."""

    fixed_bytes: int = 0
    bytes_per_example: int = 0

    def at(self, batch_size: int) -> int:
        """Bytes at a batch size."""
        return self.fixed_bytes + self.bytes_per_example * batch_size

    @classmethod
    def through(cls, at_1: int, at_2: int) -> AffineSize:
        """The size with `at_1` bytes at batch size 1 and `at_2` at batch size 2."""
        return cls(2 * at_1 - at_2, at_2 - at_1)


NOTHING = AffineSize()
