"""A project of its own under git, for gates that run from end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.regression_gate import paired_comparison
from anatomy.bench.regression_gate.gate_result import SideName
from anatomy.bench.regression_gate.paired_comparison import PairedComparison
from anatomy.bench.regression_gate.process_pair import Pair, SideFacts
from anatomy.bench.regression_gate.side_workers import SideWorkers

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


def no_worktree_left(project: Project) -> bool:
    """Whether the project's own is its only working tree."""
    return len(project.git("worktree", "list").splitlines()) == 1


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


FACTS: dict[str, Any] = {"settings": {}, "counts": None, "programs": 1, "recompilations": 0}
# Nothing but the step is judged: the scripted processes have no more.
STEP_ALONE = dict.fromkeys(["parameters", "flops", "outputs"], "any")


@dataclass
class Script:
    """What the scripted pairs show.

    Attributes:
        slower: the candidate's step over the base's.
        missing: key of a case → the side that lacks its model, and why.
        error: raised in place of a pair.
        pairs: how many were taken.
    """

    slower: float = 1.0
    missing: dict[str, tuple[SideName, str]] = field(default_factory=dict)
    error: Exception | None = None
    pairs: int = 0


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()

    def run(key: str, number: int, turns: int, start: object) -> Pair:
        if made.error is not None:
            raise made.error
        made.pairs += 1
        base = [0.010 + 1e-5 * ((turn + number) % 3) for turn in range(turns)]
        sides = {
            name: SideFacts(step_s=[factor * t for t in base], cpu_s=base, compile_s=None, facts=FACTS)
            for name, factor in (("base", 1.0), ("candidate", made.slower))
        }
        return Pair(**sides, first="base", steps_a_turn=1, start_s=1.0, seconds=2.0)

    def no_profile(*_: object) -> None:
        raise SetupError("a scripted process has no profile")

    monkeypatch.setattr(paired_comparison, "measure_pair", run)
    monkeypatch.setattr(PairedComparison, "missing", lambda comparison, cases: made.missing)
    monkeypatch.setattr(SideWorkers, "profile", no_profile)
    return made
