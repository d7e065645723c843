"""Exceptions inside the plugin: pytest ends with a sentence, or an item is an ERROR; neither is a regression."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.pytest_plugin import gated_items, items
from anatomy.bench.records.record import Record
from anatomy.bench.regression_gate.gate_result import RESULT_FILE, GateResult
from anatomy.bench.regression_gate.gate_session import GateSession
from tests.bench.regression_gate.conftest import Script, script  # noqa: F401

MODULE = """
import pytest

@pytest.mark.anatomy(backend=["jax"], mode=["infer"], batch_size=[4])
def test_model():
    raise AssertionError("pytest itself does not call it")
"""
# Two sides without a git repository: nothing is set up for them.
GATED = ("--benchmark", "--anatomy-candidate", "env:X=1", "--anatomy-out=out", "-p", "no:cacheprovider")
ANY = [f"--anatomy-tolerate={name}=any" for name in ("parameters", "flops", "outputs")]
ITEM = "test_m.py::test_model[jax-infer-b4-float32]"

ERRORS = [
    (SetupError("not today"), "anatomy: not today"),
    (OSError(28, "No space left on device", "out"), "anatomy: out: No space left on device"),
    (RuntimeError("a fault"), "anatomy: an error in Anatomy itself, *RuntimeError: a fault; the traceback is in *"),
]


@pytest.fixture(autouse=True)
def _module(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(test_m=MODULE)
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path / "logs"))


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run pytest in this process."""
    return pytester.runpytest_inprocess


Run = Callable[..., pytest.RunResult]


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def shown(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


@pytest.mark.long
@pytest.mark.parametrize(("error", "said"), ERRORS)
@pytest.mark.parametrize("where", ["open_gate", "items_gone", "points_of"])
def test_an_exception_in_a_hook_ends_the_session_with_a_sentence(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,  # noqa: F811
    where: str,
    error: Exception,
    said: str,
) -> None:
    monkeypatch.setattr(items if where == "points_of" else gated_items, where, raising(error))
    result = run(*GATED)
    assert result.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED)
    assert "Traceback" not in shown(result)
    assert "INTERNALERROR" not in shown(result)
    pytest.LineMatcher(shown(result).splitlines()).fnmatch_lines([f"*{said}*"])
    assert script.pairs == 0


@pytest.mark.long
@pytest.mark.parametrize(("error", "code"), [(ERRORS[1][0], 2), (ERRORS[2][0], 4)])
def test_a_result_that_cannot_be_written_is_no_success(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,  # noqa: F811
    error: Exception,
    code: int,
) -> None:
    monkeypatch.setattr(GateSession, "finish", raising(error))
    result = run(*GATED, *ANY)
    result.assert_outcomes(passed=1)
    assert result.ret == code
    result.stdout.fnmatch_lines(["anatomy: *"])
    # What items say is said all the same.
    script.slower = 1.5
    result = run(*GATED, *ANY)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.long
@pytest.mark.parametrize(("error", "said"), ERRORS)
def test_an_item_that_cannot_be_compared_is_an_error_in_every_report(
    run: Run,
    pytester: pytest.Pytester,
    script: Script,  # noqa: F811
    error: Exception,
    said: str,
) -> None:
    script.error = error
    result = run(*GATED, "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"ERROR test_m.py:test_model infer jax b4: {said.removeprefix('anatomy: ')}"])
    assert "Traceback" not in shown(result)
    found = GateResult.model_validate_json((pytester.path / "out" / RESULT_FILE).read_text())
    assert [(case.verdict, case.item) for case in found.cases] == [("ERROR", ITEM)]
    (case,) = ElementTree.parse(pytester.path / "junit.xml").getroot().iter("testcase")
    verdicts = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert verdicts["anatomy_verdict"] == "ERROR"


@pytest.mark.parametrize(("error", "said"), ERRORS)
def test_an_item_that_cannot_be_measured_fails_with_a_sentence(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    monkeypatch.setattr(items.PytestRun, "measure", raising(error))
    result = run("--benchmark")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"ERROR {ITEM.replace('[', '[[]')}: {said.removeprefix('anatomy: ')}"])
    assert "Traceback" not in shown(result)


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--anatomy-against", "HEAD"), "add --benchmark"),
        (("--benchmark", "--anatomy-against", "HEAD"), "in no git repository"),
        ((*GATED, "--anatomy-tolerate", "stpe=1%"), "--anatomy-tolerate: unknown metric 'stpe'"),
        ((*GATED, "--anatomy-minutes", "0"), "minutes: expected a number above 0"),
        ((*GATED, "-n", "2"), "leave out -n"),
        (("--benchmark", "-n", "1"), "pytest-xdist would measure several items at once"),
        (("--benchmark", "-d", "--tx", "2*popen"), "or add -n 0"),
        ((*GATED, "--benchmark-disable"), "--anatomy-candidate compares what is measured, and --benchmark-disable"),
        ((*GATED, "--benchmark-skip"), "--benchmark-skip skips it; leave it out"),
    ],
)
def test_what_cannot_be_compared_ends_before_anything_runs(
    run: Run, pytester: pytest.Pytester, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in shown(result)
    assert "passed" not in shown(result)


@pytest.mark.parametrize("text", ["tool.anatomy = 3", "[tool]\nanatomy = [1]", '[tool.anatomy.gate]\nminutes = "x"'])
def test_a_wrong_configuration_is_a_usage_error(run: Run, pytester: pytest.Pytester, text: str) -> None:
    # With this pytest does not read the other file, which it would refuse first.
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    (pytester.path / "pyproject.toml").write_text(text)
    result = run(*GATED)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "pyproject.toml" in shown(result)
    assert "Traceback" not in shown(result)


def test_a_wrong_window_fails_the_items_with_a_sentence(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--benchmark", "--anatomy-seconds", "-1")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--anatomy-seconds: Input should be greater than 0 (got -1.0)*"])


ODD = os.fsdecode(b"caf\xe9")


@pytest.mark.long
def test_names_that_are_not_utf_8_end_no_session(
    run: Run,
    pytester: pytest.Pytester,
    script: Script,  # noqa: F811
) -> None:
    """In the id of an item, in its parameter, in a file's name, in the command line and in an error."""
    pytester.makepyfile(
        test_m="""
        import pytest

        @pytest.mark.parametrize("word", ["caf\\udce9"])
        @pytest.mark.anatomy(backend=["jax"], mode=["infer"], batch_size=[4])
        def test_parameter(word):
            pass

        @pytest.mark.parametrize("number", [pytest.param(1, id="caf\\udce9")])
        @pytest.mark.anatomy(backend=["jax"], mode=["infer"], batch_size=[4])
        def test_id(number):
            pass
        """
    )
    Path(os.fsdecode(os.fsencode(pytester.path) + b"/test_caf\xe9.py")).write_text(MODULE)
    result = run(*GATED, *ANY, "--anatomy-candidate", f"env:WORD={ODD}")
    result.assert_outcomes(passed=3)
    found = GateResult.model_validate_json((pytester.path / "out" / RESULT_FILE).read_text())
    assert {case.item for case in found.cases} == {
        "test_caf\\udce9.py::test_model[jax-infer-b4-float32]",
        "test_m.py::test_parameter[jax-infer-b4-float32-caf\\udce9]",
        "test_m.py::test_id[jax-infer-b4-float32-caf\\udce9]",
    }
    assert found.candidate.environment["WORD"] == "caf\\udce9"


def test_an_error_that_is_not_utf_8_is_printed(
    run: Run,
    pytester: pytest.Pytester,
    script: Script,  # noqa: F811
) -> None:
    script.error = SetupError(f"candidate: crashed: {ODD}")
    result = run(*GATED, "--junitxml=j.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["ERROR * candidate: crashed: caf\\udce9"])
    assert (pytester.path / "out" / "gate.html").exists()


def test_records_of_a_session_are_named_in_the_summary(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(run: items.PytestRun, case: object) -> Record:
        run.folder = pytester.path / "records"
        fields = {"outcome": "ok", "started_at": "2026-01-01T00:00:00+00:00", "name": "x", "step_s": [0.1, 0.2]}
        return Record.model_validate({"case": case, **fields})

    monkeypatch.setattr(items.PytestRun, "measure", measure)
    result = run("--benchmark")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"anatomy: records in {pytester.path}/records; a report: anatomy report *"])
