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


def require_installed(backend: str) -> None:
    """Skip the test where the backend is missing."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install keras-anatomy[{backend}]")


def printed_by(program: str, backend: str, *arguments: str) -> list[str]:
    """The lines that a program of this folder prints on a backend."""
    require_installed(backend)
    # What is computed is compared, not how fast: compiling takes two thirds of the time so. Programs that are optimised
    # are compared in every measured case (tests/bench/native/test_native_backends.py).
    quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {quick}".strip()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.native.{program}", *arguments],
        env=os.environ
        | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()


def false_facts(program: str, backend: str) -> list[str]:
    """The facts that a program says do not hold."""
    facts = json.loads(printed_by(program, backend)[-1])
    assert facts
    return [name for name, holds in facts.items() if not holds]


@cache
def comparisons(backend: str, catalogue: str) -> dict[str, dict[str, Any]]:
    """What the program that compares prints, by the model's name."""
    facts = [json.loads(line) for line in printed_by("compare_programs", backend, catalogue)]
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
