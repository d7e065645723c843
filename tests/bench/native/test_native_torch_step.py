"""A step of native PyTorch: memory formats, views of the weights, what it leaves as it was."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from tests.bench.native.comparisons import ROOT


@pytest.mark.backends
def test_facts_of_a_step() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed: pip install keras-anatomy[torch]")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.native.torch_step_facts"],
        env={**os.environ, "KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    assert [name for name, holds in facts.items() if not holds] == []
