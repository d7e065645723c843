"""A step of native PyTorch: memory formats, views of the weights, what it leaves as it was."""

from __future__ import annotations

import pytest

from tests.bench.native.comparisons import false_facts


@pytest.mark.backends
def test_facts_of_a_step() -> None:
    assert false_facts("torch_step_facts", "torch") == []
