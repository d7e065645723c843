"""A higher recursion limit while Keras walks a deep graph."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recursion_limit(frames: int) -> Iterator[None]:
    """Allow at least `frames` nested calls inside the block; never lowers the limit."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, frames))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
