"""Python's search for unused cycles, kept away from many objects that live long."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """Search for no cycles while many objects are made that stay: it would go through all of them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def present_objects_stay() -> Iterator[None]:
    """Search for cycles among the objects alone that are made from now on."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
