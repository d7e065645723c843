"""`anatomy gate` from end to end, with real processes: each kind of base, and what a worker's failure looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from anatomy.bench.regression_gate.gate_result import RESULT_FILE, GateResult
from tests.bench.regression_gate.conftest import NETS, Project, no_worktree_left

pytestmark = pytest.mark.backends

CASE = ("nets.py:net", "--backend", "jax", "--mode", "infer", "--batch-size", "256")
# Wide enough that noise decides nothing.
LAX = tuple(f"--tolerate={rule}" for rule in ("step=60%..300%", "compile=100%..400%", "peak_host=50%..100%"))
ANY_MODEL = tuple(f"--tolerate={rule}" for rule in ("parameters=any", "flops=any", "outputs=any"))
SLOW = NETS.format(layers=30)


@pytest.mark.quiet
def test_identical_code_passes(project: Project) -> None:
    done = project.gate(*CASE, *LAX, "--against", "HEAD", "--json")
    assert done.code == 0, done.err
    (case,) = done.result["cases"]
    metrics = {metric["metric"]: metric for metric in case["metrics"]}
    assert case["verdict"] == "PASS"
    assert {name for name, m in metrics.items() if m["verdict"] == "PASS"} >= {"step", "parameters", "flops", "outputs"}
    assert metrics["outputs"]["candidate"] == 0.0
    assert 4 <= len(metrics["step"]["effects"]) <= case["pairs"]
    assert done.result["base"]["commit"] == done.result["candidate"]["commit"] == project.git("rev-parse", "HEAD")
    (folder,) = (project.folder / "anatomy-runs").glob("gate-*")
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    assert [pair["number"] for pair in pairs] == list(range(case["pairs"]))
    assert all(len(pair["base"]["step_s"]) == len(pair["candidate"]["step_s"]) >= 8 for pair in pairs)
    assert no_worktree_left(project)


@pytest.mark.quiet
@pytest.mark.extended
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
    (folder,) = (project.folder / "anatomy-runs").glob("gate-*")
    suite = ElementTree.parse(folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    sarif = json.loads((folder / "gate.sarif").read_text())
    assert [found["ruleId"] for found in sarif["runs"][0]["results"]] == ["regression"]
    assert "step time" in (folder / "gate.html").read_text()
    case = GateResult.model_validate_json((folder / RESULT_FILE).read_text()).cases[0]
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


@pytest.mark.quiet
@pytest.mark.extended
def test_settings_of_the_candidate(project: Project) -> None:
    done = project.gate(*CASE, *LAX, "--candidate", "jit=off", "--candidate", "env:ANATOMY_TEST=1", "--json")
    case = done.result["cases"][0]
    assert case["differences"]["jit"] == [True, False]
    assert done.result["candidate"]["settings"] == {"jit": "off"}
    assert done.result["candidate"]["environment"] == {"ANATOMY_TEST": "1"}
    programs = next(metric for metric in case["metrics"] if metric["metric"] == "programs")
    assert programs["verdict"] == "SHOWN"


@pytest.mark.extended
def test_a_new_case_is_let_through_where_that_is_allowed(project: Project) -> None:
    project.commit(more=NETS.format(layers=1))
    done = project.gate("more.py:net", *CASE[1:], "--against", "HEAD~1", "--allow-new")
    assert done.code == 5
    assert "missing on the base: ValueError: no file more.py" in done.out
    assert "Nothing was compared" in done.out


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


@pytest.mark.quiet
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


@pytest.mark.quiet
@pytest.mark.extended
def test_another_interpreter(project: Project, tmp_path: Path) -> None:
    from anatomy.bench.regression_gate.overlay_venv import overlay_venv

    python = overlay_venv(tmp_path / "other", project.folder, [])
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


@pytest.mark.quiet
@pytest.mark.extended
def test_a_stored_run_judges_exact_figures_and_time_only_when_told(project: Project, stored: Path) -> None:
    done = project.gate("--against", "anatomy-runs/base", "--json")
    assert done.code == 0, done.out + done.err
    (case,) = done.result["cases"]
    assert {metric["metric"] for metric in case["metrics"]} == {"parameters", "flops", "programs", "outputs"}
    timed = project.gate("--against", "anatomy-runs/base", "--allow-stored-time", "--tolerate=step=400%", "--json")
    step = next(metric for metric in timed.result["cases"][0]["metrics"] if metric["metric"] == "step")
    assert step["low"] < step["change"] < step["high"]

    project.write(nets=NETS.format(layers=2))
    grown = project.gate("--against", "anatomy-runs/base", "--json")
    assert grown.code == 1
    assert grown.result["cases"][0]["reason"].startswith("parameters, flops")
