"""Keras's backend says nothing on the terminal at start, unless it cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORT = "from anatomy.bench.backends.quiet_import import import_keras_quietly; import_keras_quietly(); import os; "


def started(*, path: Path | None = None, then: str = "", backend: str = "jax") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"KERAS_BACKEND": backend} | ({"PYTHONPATH": str(path)} if path else {})
    return subprocess.run(
        [sys.executable, "-c", IMPORT + then], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.process
def test_the_start_of_tensorflow_is_not_shown_and_later_lines_are() -> None:
    found = started(backend="tensorflow", then="os.write(2, b'later')")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "later")


@pytest.mark.process
def test_a_closed_standard_error_is_no_obstacle() -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    script = f"exec {sys.executable} -c '{IMPORT}print(1)' 2>&-"
    found = subprocess.run(("bash", "-c", script), env=environment, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "1\n")


@pytest.mark.process
@pytest.mark.parametrize("ending", ["raise ImportError('no such library')", "import sys; sys.exit(3)"])
def test_what_was_written_before_a_failed_import_is_shown(ending: str, tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(f"import os\nos.write(2, b'cannot find the driver')\n{ending}\n")
    found = started(path=tmp_path)
    assert found.returncode != 0
    assert found.stderr.startswith("cannot find the driver")
