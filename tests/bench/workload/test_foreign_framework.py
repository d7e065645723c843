"""Which other framework a train_step calls."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from anatomy.bench.workload.build_case import foreign_framework


def imports_within(data: Any) -> Any:
    import tensorflow as tf

    return tf.constant(data)


def calls_nothing(data: Any) -> Any:
    return data


class Compiled:
    """As `tf.function` wraps a function."""

    python_function = staticmethod(imports_within)


@functools.wraps(imports_within)
def decorated(data: Any) -> Any:
    return imports_within(data)


@pytest.mark.parametrize(
    ("function", "backend", "found"),
    [
        (imports_within, "torch", "tensorflow"),
        (imports_within, "tensorflow", ""),
        (decorated, "jax", "tensorflow"),
        (Compiled(), "torch", "tensorflow"),
        (calls_nothing, "torch", ""),
        (len, "torch", ""),
    ],
)
def test_it_is_found_behind_decorators_too(function: Any, backend: str, found: str) -> None:
    assert foreign_framework(function, backend) == found
