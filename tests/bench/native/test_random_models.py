"""Functional models that nobody wrote are translated, and compute the same."""

from __future__ import annotations

import pytest

from tests.bench.native.comparisons import printed_by
from tests.marks import extended_but


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(["jax", "tensorflow", "torch"], "jax"))
def test_random_models(backend: str) -> None:
    *_, kinds = printed_by("compare_random_models", backend, "15")
    # They are not all of one kind.
    assert len(kinds.split()) > 12
