"""`anatomy gate` from end to end: each kind of base, each verdict, each trouble with its message and exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from anatomy.bench.regression_gate.gate_result import load_result
from tests.bench.regression_gate.conftest import NETS, Project

pytestmark = pytest.mark.backends

CASE = ("nets.py:net", "--backend", "jax", "--mode", "infer", "--batch-size", "256")
# Wide enough that noise decides nothing.
LAX = tuple(f"--tolerate={rule}" for rule in ("step=60%..300%", "compile=100%..400%", "peak_host=50%..100%"))
ANY_MODEL = tuple(f"--tolerate={rule}" for rule in ("parameters=any", "flops=any", "outputs=any"))
SLOW = NETS.format(layers=30)


def no_worktree_left(project: Project) -> bool:
    return len(project.git("worktree", "list").splitlines()) == 1


def test_identical_code_passes(project: Project) -> None:
    done = project.gate(*CASE, *LAX, "--against", "HEAD", "--json")
    assert done.code == 0, done.err
    (case,) = done.result["cases"]
    metrics = {metric["metric"]: metric for metric in case["metrics"]}
    assert case["verdict"] == "PASS"
    assert {name for name, m in metrics.items() if m["verdict"] == "PASS"} >= {"step", "parameters", "flops", "outputs"}
    assert metrics["outputs"]["candidate"] == 0.0
    assert len(metrics["step"]["effects"]) == case["pairs"] >= 4
    assert done.result["base"]["commit"] == done.result["candidate"]["commit"] == project.git("rev-parse", "HEAD")
    (folder,) = (project.folder / "anatomy-runs").iterdir()
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    assert [pair["number"] for pair in pairs] == list(range(case["pairs"]))
    assert all(len(pair["base"]["step_s"]) == len(pair["candidate"]["step_s"]) >= 8 for pair in pairs)
    assert no_worktree_left(project)


def test_slower_code_fails_and_every_report_says_so(project: Project, tmp_path: Path) -> None:
    project.commit(nets=SLOW)
    summary = tmp_path / "summary.md"
    done = project.gate(
        *CASE,
        *LAX,
        *ANY_MODEL,
        "--against",
        "HEAD~1",
        env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)},
    )
    assert done.code == 1, done.err
    assert "FAIL nets.py:net infer jax b256: step +" in done.out
    assert "::error file=nets.py,title=FAIL nets.py%3Anet infer jax b256::step +" in done.err
    assert "❌ FAIL" in summary.read_text()
    (folder,) = (project.folder / "anatomy-runs").iterdir()
    suite = ElementTree.parse(folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    sarif = json.loads((folder / "gate.sarif").read_text())
    assert [found["ruleId"] for found in sarif["runs"][0]["results"]] == ["regression"]
    assert "step time" in (folder / "gate.html").read_text()
    case = load_result(folder).cases[0]
    step = case.metric("step")
    assert step is not None
    assert step.confirmation
    assert step.low is not None
    assert step.low > 0.6
    assert case.explanation is not None, case.not_explained
    changes = case.explanation.layers
    assert sum(change.delta for change in changes) == pytest.approx(case.explanation.difference)
    assert "of the change" in done.out
    assert "of the change" in summary.read_text()
    assert "Which layers account for it" in (folder / "gate.html").read_text()
    assert list((folder / "candidate").rglob("*.xplane.pb"))


@pytest.mark.extended
def test_another_model_fails_by_its_counts_alone(project: Project) -> None:
    project.commit(nets=NETS.format(layers=2))
    done = project.gate(*CASE, "--against", "HEAD~1", "--json", *(f"--tolerate={m}=any" for m in ("step", "compile")))
    assert done.code == 1
    verdicts = {metric["metric"]: metric["verdict"] for metric in done.result["cases"][0]["metrics"]}
    assert (verdicts["parameters"], verdicts["flops"], verdicts["step"]) == ("FAIL", "FAIL", "SHOWN")


@pytest.mark.extended
def test_settings_of_the_candidate(project: Project) -> None:
    done = project.gate(*CASE, *LAX, "--candidate", "jit=off", "--candidate", "env:ANATOMY_TEST=1", "--json")
    case = done.result["cases"][0]
    assert case["differences"]["jit"] == [True, False]
    assert done.result["candidate"]["settings"] == {"jit": "off"}
    assert done.result["candidate"]["environment"] == {"ANATOMY_TEST": "1"}
    programs = next(metric for metric in case["metrics"] if metric["metric"] == "programs")
    assert programs["verdict"] == "SHOWN"


def test_time_that_is_up_is_inconclusive(project: Project) -> None:
    done = project.gate(*CASE, "--against", "HEAD", "--minutes", "0.00001")
    assert done.code == 3
    assert "no time was left for it" in done.out


def test_what_no_side_can_run_is_inconclusive(project: Project) -> None:
    done = project.gate("nets.py:net", "--backend", "openvino", "--mode", "train", "--against", "HEAD")
    assert done.code == 3
    assert "skipped: " in done.out


def test_a_new_case_fails_unless_it_is_let_through(project: Project) -> None:
    project.commit(more=NETS.format(layers=1))
    asked = ("more.py:net", *CASE[1:], "--against", "HEAD~1")
    done = project.gate(*asked)
    assert done.code == 1
    assert "missing on the base: ValueError: no file more.py" in done.out
    allowed = project.gate(*asked, "--allow-new")
    assert allowed.code == 5
    assert "Nothing was compared" in allowed.out


SUITE = """
[tool.anatomy.suites.ci]
backend = "jax"
mode = "infer"
tolerate = {{ step = "60%..300%", compile = "any", peak_host = "any" }}
matrix = [{{ model = {models} }}]
"""


def test_a_case_that_is_gone_fails(project: Project) -> None:
    project.commit(**{"pyproject.toml": SUITE.format(models=["nets.py:net", "nets.py:net:layers=2"])})
    project.commit(**{"pyproject.toml": SUITE.format(models=["nets.py:net"])})
    done = project.gate("--suite", "ci", "--against", "HEAD~1", "--json")
    assert done.code == 1, done.err
    found = {case["name"]: (case["verdict"], case["reason"]) for case in done.result["cases"]}
    assert found["nets.py:net infer jax b32"][0] == "PASS"
    gone = found["nets.py:net:layers=2 infer jax b32"]
    assert gone == ("FAIL", "missing on the candidate: in the base's suite ci, not in the candidate's")


def test_an_empty_selection_has_a_code_of_its_own(project: Project) -> None:
    excluded = SUITE.format(models=["nets.py:net"]) + 'exclude = [{ backend = "jax" }]\n'
    project.commit(**{"pyproject.toml": excluded})
    done = project.gate("--suite", "ci", "--against", "HEAD")
    assert done.code == 5
    assert "no case is left" in done.err


def test_a_base_that_does_not_build_is_an_error_of_the_base(project: Project) -> None:
    project.commit(nets="def net():\n    raise RuntimeError('not today')\n")
    project.commit(nets=NETS.format(layers=1))
    done = project.gate(*CASE, "--against", "HEAD~1")
    assert done.code == 4
    assert "ERROR nets.py:net infer jax b256: base (HEAD~1" in done.out
    assert "not today" in done.out
    assert "candidate" not in next(line for line in done.out.splitlines() if line.startswith("ERROR nets.py"))


def test_a_candidate_that_dies_is_an_error_of_the_candidate(project: Project) -> None:
    project.commit(nets="import os, signal\n\ndef net():\n    os.kill(os.getpid(), signal.SIGSEGV)\n")
    done = project.gate(*CASE, "--against", "HEAD~1")
    assert done.code == 4
    assert "candidate (HEAD" in done.out
    assert "SIGSEGV" in done.out


def test_a_side_that_loads_the_other_sides_code_is_refused(project: Project) -> None:
    helper = f"import sys\nsys.path.insert(0, {str(project.folder)!r})\nimport helper\n"
    project.commit(nets=helper + NETS.format(layers=1), helper="")
    done = project.gate(*CASE, "--against", "HEAD")
    assert done.code == 4
    assert "loaded helper.py from the other side's tree" in done.out
    assert "compared with itself" in done.out


def test_a_dirty_tree_is_refused(project: Project) -> None:
    project.write(nets=SLOW)
    done = project.gate(*CASE, "--against", "HEAD")
    assert done.code == 2
    assert "the work tree differs from its commit (nets.py)" in done.err
    assert "--allow-dirty" in done.err


@pytest.mark.parametrize(
    ("against", "said"),
    [
        ("nowhere", "no revision 'nowhere'"),
        ("python:/no/such/python", "no such interpreter"),
        ("run:nowhere", "nowhere holds no run"),
    ],
)
def test_a_base_that_is_not_there(project: Project, against: str, said: str) -> None:
    done = project.gate(*CASE, "--against", against)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_both_sides_alike_is_no_comparison(project: Project) -> None:
    done = project.gate(*CASE)
    assert done.code == 2
    assert "name a base with --against" in done.err


def test_a_shallow_clone_says_how_to_deepen_it(project: Project, tmp_path: Path) -> None:
    first = project.git("rev-parse", "HEAD")
    project.commit(nets=SLOW)
    shallow = tmp_path / "shallow"
    project.git("clone", "-q", "--depth", "1", f"file://{project.folder}", str(shallow))
    done = Project(shallow).gate(*CASE, "--against", first)
    assert done.code == 2
    assert "shallow clone" in done.err
    assert "fetch-depth: 0" in done.err


def test_outside_a_repository(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    done = Project(folder).gate("mlp", "--against", "main")
    assert done.code == 2
    assert "in no git repository" in done.err


@pytest.mark.extended
def test_a_base_with_dependencies_of_its_own(project: Project, wheel: Callable[[str, str], Path]) -> None:
    path = wheel("1.0", "WIDTH = 64\n")
    base = NETS.format(layers=1).replace("import keras", "import keras, tiny").replace("width=64", "width=tiny.WIDTH")
    project.commit(nets=base, **{"requirements.txt": f"{path}\n"})
    project.commit(nets=NETS.format(layers=1), **{"requirements.txt": ""})
    done = project.gate(*CASE, *LAX, "--against", "HEAD~1", "--json")
    assert done.code == 0, done.out + done.err
    assert done.result["base"]["python"] != done.result["candidate"]["python"]
    assert done.result["base"]["versions"] == done.result["candidate"]["versions"]


def test_dependencies_that_cannot_be_installed(project: Project) -> None:
    project.commit(**{"requirements.txt": "./nowhere-1.0-py3-none-any.whl\n"})
    project.commit(**{"requirements.txt": ""})
    done = project.gate(*CASE, "--against", "HEAD~1")
    assert done.code == 4
    assert "the base's dependencies could not be installed" in done.err
    assert no_worktree_left(project)


def test_an_interpreter_that_lacks_what_a_worker_needs(project: Project, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    done = project.gate(*CASE, "--against", f"python:{tmp_path / 'bare' / 'bin' / 'python'}")
    assert done.code == 4
    assert "lacks keras" in done.err
    assert "-m pip install" in done.err


@pytest.mark.extended
def test_another_interpreter(project: Project, tmp_path: Path) -> None:
    from anatomy.bench.regression_gate.overlay_venv import make_overlay

    python = make_overlay(tmp_path / "other", project.folder, [])
    done = project.gate(*CASE, *LAX, "--against", f"python:{python}", "--json")
    assert done.code == 0, done.out + done.err
    assert done.result["base"]["python"] == python
    assert done.result["base"]["what"].startswith("Python 3")


@pytest.fixture
def stored(project: Project) -> Path:
    """A run of the project's model, as `anatomy run` leaves it."""
    code = "import sys; sys.argv[0] = 'anatomy'; from anatomy.bench.cli.main import main; main()"
    arguments = (
        "run",
        *CASE,
        "--seconds",
        "0.1",
        "--processes",
        "2",
        "--no-report",
        "-q",
        "--out",
        "anatomy-runs/base",
    )
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=project.folder, check=True, timeout=200)
    return project.folder / "anatomy-runs" / "base"


def _edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


def test_a_stored_run_judges_exact_figures_and_time_only_when_told(project: Project, stored: Path) -> None:
    done = project.gate("--against", "anatomy-runs/base", "--json")
    assert done.code == 0, done.out + done.err
    (case,) = done.result["cases"]
    assert {metric["metric"] for metric in case["metrics"]} == {"parameters", "flops", "programs", "outputs"}
    timed = project.gate("--against", "anatomy-runs/base", "--allow-stored-time", "--tolerate=step=400%", "--json")
    step = next(metric for metric in timed.result["cases"][0]["metrics"] if metric["metric"] == "step")
    assert step["low"] < step["change"] < step["high"]
    assert "unreliable" in step["reason"]
    assert "identical code" in timed.result["notes"][0]

    project.write(nets=NETS.format(layers=2))
    grown = project.gate("--against", "anatomy-runs/base", "--json")
    assert grown.code == 1
    assert grown.result["cases"][0]["reason"].startswith("parameters, flops")

    _edit(stored / "run.json", lambda run: run["environment"].update(cpu="Another CPU"))
    elsewhere = project.gate("--against", "anatomy-runs/base", "--allow-stored-time")
    assert elsewhere.code == 2
    assert "measured in another environment" in elsewhere.err

    (stored / "records.jsonl").write_text('{"schema_version": 2, "nonsense": 1}\n')
    corrupt = project.gate("--against", "anatomy-runs/base")
    assert corrupt.code == 2
    assert "records.jsonl, line 1 is not a record" in corrupt.err
    (stored / "run.json").write_text("{")
    assert "run.json is not a run header" in project.gate("--against", "anatomy-runs/base").err
