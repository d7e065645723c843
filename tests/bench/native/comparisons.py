"""Comparisons of a catalogue's models on a backend: one process for all of them, however many tests look at it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@cache
def comparisons(backend: str, catalogue: str) -> dict[str, dict[str, Any]]:
    """What the program that compares prints, by the model's name."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install keras-anatomy[{backend}]")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.native.compare_programs", catalogue],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    return {fact.pop("model"): fact for fact in facts}


def differing(backend: str, catalogue: str, tolerance: float) -> dict[str, dict[str, Any]]:
    """The models that were refused, failed or deviate by more than the tolerance."""
    found = comparisons(backend, catalogue)
    assert found
    return {
        name: fact
        for name, fact in found.items()
        if not fact.keys() & {"outputs", "weights"} or max(fact.values()) > tolerance
    }
