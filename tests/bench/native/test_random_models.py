"""Functional models that nobody wrote are translated, and compute the same."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.bench.native.comparisons import ROOT
from tests.marks import extended_but


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(["jax", "tensorflow", "torch"], "jax"))
def test_random_models(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install keras-anatomy[{backend}]")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.native.compare_random_models", "15"],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    # They are not all of one kind.
    assert len(done.stdout.split()) > 12
