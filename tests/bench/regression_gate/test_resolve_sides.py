"""Two sides from what was asked for, without a process of a model: each refusal, and what is left behind."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.regression_gate.overlay_venv import overlay_venv
from anatomy.bench.regression_gate.resolve_sides import parse_base, resolve_sides
from anatomy.bench.regression_gate.sides import Side
from tests.bench.regression_gate.conftest import NETS, Project, no_worktree_left


def resolved(
    project: Project, against: str | None, *, candidate: Sequence[str] = (), allow_dirty: bool = False
) -> tuple[Side, Side]:
    """Both sides, after everything made for them is gone again."""
    with resolve_sides(parse_base(against), candidate, project.folder, allow_dirty, None) as sides:
        return sides


def test_a_revision_beside_the_working_tree(project: Project) -> None:
    first = project.git("rev-parse", "HEAD")
    second = project.commit(nets=NETS.format(layers=2))
    with resolve_sides(parse_base("HEAD~1"), [], project.folder, False, None) as (base, candidate):
        assert (base.commit, candidate.commit) == (first, second)
        assert base.what == f"HEAD~1 ({first[:10]})"
        assert candidate.what == f"HEAD ({second[:10]})"
        assert "layers=1" in (base.directory / "nets.py").read_text()
        assert candidate.directory == project.folder
        assert base.origin is not None
        assert candidate.origin is not None
        assert (base.origin.tree, base.origin.instead_of) == (base.directory, project.folder)
        assert (candidate.origin.tree, candidate.origin.instead_of) == (project.folder, base.directory)
        assert base.python == candidate.python == sys.executable
    assert not base.directory.exists()
    assert no_worktree_left(project)


@pytest.mark.long
def test_a_folder_of_the_repository_is_the_same_folder_of_the_base(project: Project) -> None:
    (project.folder / "inner").mkdir()
    project.commit(**{"inner/x.py": ""})
    with resolve_sides(parse_base("HEAD"), [], project.folder / "inner", False, None) as (base, candidate):
        assert base.directory.name == candidate.directory.name == "inner"
    with (
        pytest.raises(SetupError, match="HEAD~1 has no folder inner"),
        resolve_sides(parse_base("HEAD~1"), [], project.folder / "inner", False, None),
    ):
        pass
    assert no_worktree_left(project)


def test_a_dirty_tree_is_refused_unless_that_is_allowed(project: Project) -> None:
    project.write(nets=NETS.format(layers=30))
    with pytest.raises(UsageError, match=r"the work tree differs from its commit \(nets\.py\).*--allow-dirty"):
        resolved(project, "HEAD")
    base, candidate = resolved(project, "HEAD", allow_dirty=True)
    assert base.commit == project.git("rev-parse", "HEAD")
    assert candidate.commit is None
    assert candidate.what.startswith("work tree, 1 files changed from ")


@pytest.mark.parametrize(
    "name",
    [
        "new.py",
        "inner/new.py",
        "pyproject.toml",
        "ci/suite.toml",
        "conftest.py",
        "pytest.ini",
        "tox.ini",
        "x.so",
        "mod.pyc",
        "model.keras",
        "fast.cpython-311-x86_64-linux-gnu.so",
        "requirements-dev.txt",
        "lib/site.pth",
        "net.yaml",
        "weights.safetensors",
        "model.onnx",
    ],
)
def test_a_new_file_that_a_side_could_read_is_a_reason(project: Project, name: str) -> None:
    place = project.folder / name
    place.parent.mkdir(exist_ok=True)
    place.touch()
    with pytest.raises(UsageError, match=rf"the work tree differs from its commit \({re.escape(name)}\)"):
        resolved(project, "HEAD")


@pytest.mark.parametrize(
    "name", ["a.log", "out/report.html", "x.csv", "core.1234", "dist/x.whl", "__pycache__/nets.cpython-311.pyc", "py"]
)
def test_a_new_file_that_no_side_reads_is_only_named(project: Project, name: str) -> None:
    project.commit(**{".gitignore": ""})
    place = project.folder / name
    place.parent.mkdir(exist_ok=True)
    place.touch()
    base, candidate = resolved(project, "HEAD")
    assert base.commit == candidate.commit
    assert candidate.note.startswith(f"New files that were not taken for a change: {name}.")


def test_a_repository_within_is_a_reason(project: Project) -> None:
    """Git lists its folder and not what is in it, which a side may import."""
    inner = project.folder / "lib"
    inner.mkdir()
    subprocess.run(("git", "init", "-q"), cwd=inner, check=True)
    (inner / "m.py").touch()
    with pytest.raises(UsageError, match=r"differs from its commit \(lib/\)"):
        resolved(project, "HEAD")


def test_a_revision_that_is_not_there_is_the_greater_mistake(project: Project) -> None:
    project.write(nets="")
    with pytest.raises(UsageError, match="no revision 'nowhere'"):
        resolved(project, "nowhere")


def test_an_interpreter_that_is_not_there(project: Project) -> None:
    with pytest.raises(UsageError, match="no such interpreter"):
        resolved(project, "python:/no/such/python")


@pytest.mark.process
@pytest.mark.parametrize(
    ("script", "said"), [("#!/bin/sh\necho 'not today' >&2; exit 3\n", "not today"), ("#!/bin/sh\n", "")]
)
def test_what_is_no_interpreter(project: Project, tmp_path: Path, script: str, said: str) -> None:
    fake = tmp_path / "python"
    fake.write_text(script)
    fake.chmod(0o755)
    with pytest.raises(UsageError, match=f"is no Python interpreter: .*{said}"):
        resolved(project, f"python:{fake}")


@pytest.mark.process
def test_an_interpreter_that_lacks_what_a_worker_needs(project: Project, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    with pytest.raises(SetupError, match=r"lacks keras, .*-m pip install keras"):
        resolved(project, f"python:{tmp_path / 'bare' / 'bin' / 'python'}")


@pytest.mark.process
def test_another_interpreter_gets_this_anatomy(project: Project, tmp_path: Path) -> None:
    python = overlay_venv(tmp_path / "other", project.folder, [])
    with resolve_sides(parse_base(f"python:{python}"), [], project.folder, False, None) as (base, candidate):
        assert (base.python, candidate.python) == (python, sys.executable)
        assert base.what.startswith("Python 3")
        (injected,) = base.environment["PYTHONPATH"].split(":")[:1]
        assert (Path(injected) / "anatomy" / "bench" / "regression_gate").is_dir()
    assert not Path(injected).exists()


def test_both_sides_alike_is_no_comparison(project: Project) -> None:
    with pytest.raises(UsageError, match="name a base with --against"):
        resolved(project, None)


def test_settings_are_the_candidate_s_alone(project: Project) -> None:
    base, candidate = resolved(project, None, candidate=["jit=off", "env:ANATOMY_TEST=1"])
    assert (base.settings, base.environment) == ({}, {})
    assert (candidate.settings, candidate.environment) == ({"jit": "off"}, {"ANATOMY_TEST": "1"})


def test_a_shallow_clone_says_how_to_deepen_it(project: Project, tmp_path: Path) -> None:
    first = project.git("rev-parse", "HEAD")
    project.commit(nets=NETS.format(layers=2))
    project.git("clone", "-q", "--depth", "1", f"file://{project.folder}", str(tmp_path / "shallow"))
    with pytest.raises(UsageError, match=r"shallow clone.*fetch-depth: 0"):
        resolved(Project(tmp_path / "shallow"), first)


def test_outside_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in no git repository"):
        resolved(Project(tmp_path), "main")


@pytest.mark.process
def test_dependencies_that_cannot_be_installed(project: Project) -> None:
    project.commit(**{"requirements.txt": "./nowhere-1.0-py3-none-any.whl\n"})
    project.commit(**{"requirements.txt": ""})
    with pytest.raises(SetupError, match="the base's dependencies could not be installed: pip install -r"):
        resolved(project, "HEAD~1")
    assert no_worktree_left(project)


@pytest.mark.process
def test_a_base_with_dependencies_of_its_own(project: Project, wheel: Callable[[str, str], Path]) -> None:
    project.commit(**{"requirements.txt": f"{wheel('1.0', 'WIDTH = 64')}\n"})
    project.commit(**{"requirements.txt": ""})
    with resolve_sides(parse_base("HEAD~1"), [], project.folder, False, None) as (base, candidate):
        code = "import psutil, tiny; print(tiny.WIDTH)"
        printed = subprocess.run([base.python, "-c", code], capture_output=True, text=True, check=True).stdout
        assert printed == "64\n"
        assert base.python != candidate.python == sys.executable


def test_a_damaged_pyproject_of_the_base_is_named(project: Project) -> None:
    project.commit(**{"pyproject.toml": "project = 3\n"})
    project.commit(**{"pyproject.toml": ""})
    with pytest.raises(UsageError, match=r"base/pyproject\.toml: project: "):
        resolved(project, "HEAD~1")
    assert no_worktree_left(project)


def test_what_was_set_up_is_removed_on_the_way_out_of_a_failure(project: Project) -> None:
    with pytest.raises(KeyError), resolve_sides(parse_base("HEAD"), [], project.folder, False, None):
        raise KeyError
    assert no_worktree_left(project)
