"""A project of its own under git, for gates that run from end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NETS = """
import keras

def net(layers={layers}, width=64):
    x = inputs = keras.Input((width,))
    for _ in range(layers):
        x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))
"""


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass
class Project:
    """A git repository with a model in it."""

    folder: Path

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments],
            capture_output=True,
            check=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        """`nets="…"` → `nets.py`; names with a dot are given as `**{"x.toml": …}`."""
        for name, text in files.items():
            (self.folder / (name if "." in name else f"{name}.py")).write_text(text)

    def commit(self, **files: str) -> str:
        self.write(**files)
        self.git("add", "-A")
        self.git("commit", "-qm", "work")
        return self.git("rev-parse", "HEAD")

    def gate(self, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        code = "import sys; sys.argv[0] = 'anatomy'; from anatomy.bench.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "gate", *arguments],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One commit, a model of one layer."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder)
    made.git("init", "-q", "-b", "main")
    made.commit(nets=NETS.format(layers=1), **{".gitignore": "anatomy-runs/\n__pycache__/\n"})
    return made


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[[str, str], Path]:
    """Make a wheel of one module, `tiny`, without building tools."""

    def make(version: str, code: str) -> Path:
        import zipfile

        path = tmp_path / f"tiny-{version}-py3-none-any.whl"
        info = f"tiny-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tiny.py", code)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    return make
