"""A mistake in a model's name ends a command at once, in one line, whichever command it is; no other process starts."""

from pathlib import Path

import pytest

import anatomy.bench as ab
from anatomy.bench.errors.anatomy_error import UsageError
from tests.command import anatomy

MISTAKES = {
    "mine.py:biuld": "did you mean 'build'?",
    "mine:build:unts=2": "did you mean 'units'?",
    "wrong:build": "wrong.py, line 1: SyntaxError",
    "lacks.py:build": "lacks.py, line 1: ModuleNotFoundError: No module named 'not_there'",
    "absent.py:build": "no file absent.py",
    "absent.keras": "no file absent.keras",
    "absent.module:build": "no module 'absent.module'",
    "mine.py": "name what builds the model, mine.py:build",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text("def build(units=3): ...")
    (tmp_path / "wrong.py").write_text("def build(:")
    (tmp_path / "lacks.py").write_text("import not_there")
    return tmp_path


@pytest.mark.parametrize("command", ["run", "profile", "gate", "inspect"])
@pytest.mark.parametrize("model", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(folder: Path, command: str, model: str) -> None:
    more = ["--candidate", "jit=on"] if command == "gate" else []
    done = anatomy(command, model, *more, folder=folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"anatomy {command}: ")
    assert MISTAKES[model] in done.err
    assert done.err.count("\n") == 1
    assert not (folder / "anatomy-runs").exists()


def test_a_layout_map_is_looked_up_too(folder: Path) -> None:
    split = ["--devices", "2", "--model-parallel", "2", "--backend", "jax", "--layout-map", "mine.py:spread"]
    done = anatomy("run", "mlp", *split, folder=folder)
    assert done.code == 2
    assert "unknown function in mine.py 'spread'" in done.err


def test_the_public_face_raises_usage_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for call in (ab.measure, ab.profile, ab.largest_batch, ab.count):
        with pytest.raises(UsageError if call is not ab.count else ValueError, match="did you mean 'build'"):
            call("mine.py:biuld")


@pytest.mark.parametrize("command", ["run", "profile", "inspect"])
def test_unsafe_is_for_saved_models(folder: Path, command: str) -> None:
    done = anatomy(command, "mlp", "--unsafe", folder=folder)
    assert done.code == 2
    assert "--unsafe lets a saved model (.keras, .h5, .json) run code that it brings along" in done.err
