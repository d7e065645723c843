"""Sizes, memory, initialisers, inputs and availability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.backends.available import availability, unsupported_reason
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine import peak_memory
from anatomy.bench.records.case import Case
from anatomy.bench.suites.units import parse_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("4GiB", 4 << 30), ("4g", 4 << 30), ("500MB", 500_000_000), ("1.5 KiB", 1536), ("2 kb", 2000)],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "GiB", "4 bits", "-1", "1e9"])
def test_what_is_no_size_says_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="expected a number with"):
        parse_bytes(text)


@given(st.integers(0, 2**50))
def test_bare_numbers_are_bytes(size: int) -> None:
    assert parse_bytes(str(size)) == size


def test_peak_memory_is_reset_and_then_seen() -> None:
    assert peak_memory.reset_peak()
    before = peak_memory.peak_bytes()
    hoard = np.ones(8 << 20)
    assert peak_memory.peak_bytes() - before >= 0.9 * hoard.nbytes
    del hoard
    assert peak_memory.reset_peak()
    assert peak_memory.peak_bytes() - before < 0.5 * (64 << 20)


def test_a_backend_that_is_missing_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anatomy.bench.backends.available.find_spec", lambda name: None)
    assert availability("jax").remedy == "pip install 'keras-anatomy[jax]'"
    assert "pip install 'keras-anatomy[torch]'" in str(unsupported_reason(Case(model="mlp", backend="torch")))


def test_openvino_does_not_train() -> None:
    reason = unsupported_reason(Case(model="mlp", backend="openvino", mode="train"))
    assert reason is not None
    assert "does not train" in reason or not availability("openvino").installed
