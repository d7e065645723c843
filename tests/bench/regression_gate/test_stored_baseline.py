"""A stored run as the base, from records made by hand: what is compared, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RECORDS_FILE, RUN_FILE, RunHeader, RunWriter
from anatomy.bench.regression_gate.gate_request import GateRequest
from anatomy.bench.regression_gate.inventory import Selection
from anatomy.bench.regression_gate.policy import Policy
from anatomy.bench.regression_gate.resolve_sides import parse_base
from anatomy.bench.regression_gate.run_gate import run_gate
from anatomy.bench.regression_gate.stored_baseline import EXACT_ALONE, UNRELIABLE, compare_records
from anatomy.bench.runner.session import Session
from anatomy.bench.suites.suite import Axes

CASE = Case(model="mlp", mode="train", backend="jax")
LAX = Policy().with_level({"step": "10%..30%"}, "x")


def record(step_s: Sequence[float] = (0.1,) * 8, case: Case = CASE, parameters: int = 10, **more: Any) -> Record:
    counts = {
        "parameters": parameters, "trainable_parameters": parameters, "macs": 10, "flops": 20, "units": 1,
        "weight_layers": 1, "depth": 1, "activation_bytes": 4, "input_shape": [1], "output_shape": [1],
    }  # fmt: skip
    fields = {"outcome": "ok", "counts": counts, "recompilations": 0, "step_s": list(step_s), **more}
    return Record.model_validate({"case": case, "name": "mlp", "started_at": "2026-01-01T00:00:00+00:00", **fields})


def in_processes(*medians_s: float, **more: Any) -> Record:
    """A record that combines processes with these medians."""
    return record(process_medians_s=list(medians_s), **more)


def store(folder: Path, *records: Record, planned: Sequence[Case] = (), **settings: Any) -> Path:
    header = RunHeader(
        id="stored",
        started_at="2026-01-01T00:00:00+00:00",
        command=[],
        suite="x",
        settings=settings,
        environment=collect_environment.collect(),
        planned=list(planned) or [found.case for found in records],
    )
    writer = RunWriter.create(folder, header)
    for found in records:
        writer.append(found)
    return folder


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The cases that were measured; each measuring gives an equal record."""
    asked: list[Case] = []

    def measure(session: Session, case: Case, listener: object, repeat: int = 0) -> Record:
        asked.append(case)
        session.writer.append(made := record(case=case, repeat=repeat))
        return made

    monkeypatch.setattr(Session, "measure", measure)
    return asked


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., GateRequest]:
    def make(against: Path, models: Sequence[str] = (), **more: Any) -> GateRequest:
        return GateRequest(
            base=parse_base(str(against)),
            directory=tmp_path,
            selection=Selection(models, None, Axes(backend=("jax",), mode=("train",))),
            out=tmp_path / "gate",
            **more,
        )

    return make


Ask = Callable[..., GateRequest]


def test_exact_figures_are_judged_and_time_is_not(tmp_path: Path, measured: list[Case], ask: Ask) -> None:
    result = run_gate(ask(store(tmp_path / "run", record(), planned=[CASE])))
    (case,) = result.cases
    assert {metric.metric: metric.verdict for metric in case.metrics} == {
        "parameters": "PASS",
        "flops": "PASS",
        "programs": "PASS",
        "outputs": "SHOWN",
    }
    assert (case.verdict, result.notes, measured) == ("PASS", [EXACT_ALONE], [CASE])
    assert (result.base.what, result.candidate.what) == ("stored run stored", f"working tree {tmp_path.name}")
    assert json.loads((tmp_path / "gate" / "candidate" / RUN_FILE).read_text())["planned"]


def test_the_candidate_is_measured_in_as_many_processes_where_time_counts(
    tmp_path: Path, measured: list[Case], ask: Ask
) -> None:
    run = store(tmp_path / "run", in_processes(0.1), processes=3)
    result = run_gate(ask(run, allow_stored_time=True))
    assert measured == [CASE] * 3
    assert result.notes == [UNRELIABLE]
    (step,) = [metric for metric in result.cases[0].metrics if metric.metric == "step"]
    assert step.reason == "1 and 3 processes: an interval needs two of each; use --processes 6 or more"
    assert result.verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(("allow_new", "verdict"), [(False, "FAIL"), (True, "NEW")])
def test_a_case_that_the_run_lacks(
    tmp_path: Path, measured: list[Case], ask: Ask, allow_new: bool, verdict: str
) -> None:
    run = store(tmp_path / "run", record())
    result = run_gate(ask(run, ["mlp:hidden=7"], allow_new=allow_new))
    assert [(case.verdict, case.case.options["hidden"]) for case in result.cases] == [(verdict, [7])]
    assert "the stored run has no record of it" in result.cases[0].reason


def test_every_record_of_the_run_is_measured_where_nothing_is_chosen(
    tmp_path: Path, measured: list[Case], ask: Ask
) -> None:
    other = CASE.model_copy(update={"batch_size": 64})
    run_gate(ask(store(tmp_path / "run", record(), record(case=other), planned=[CASE])))
    assert measured == [CASE, other]


def test_another_model_fails_by_its_counts() -> None:
    found = compare_records(record(), record(parameters=11), LAX, with_time=False)
    assert (found.verdict, found.reason) == ("FAIL", "parameters")


@pytest.mark.parametrize(
    ("base", "candidate", "verdict"),
    [
        ((0.100, 0.101, 0.102), (0.100, 0.101, 0.102), "PASS"),
        ((0.100, 0.101, 0.102), (0.150, 0.151, 0.152), "FAIL"),
        ((0.100, 0.150, 0.200), (0.100, 0.160, 0.220), "INCONCLUSIVE"),
        ((0.100, 0.100), (0.100, 0.100), "PASS"),
    ],
)
def test_time_by_welch_s_interval_between_processes(
    base: Sequence[float], candidate: Sequence[float], verdict: str
) -> None:
    found = compare_records(in_processes(*base), in_processes(*candidate), LAX, with_time=True)
    step = found.metrics[0]
    assert (step.metric, step.verdict) == ("step", verdict)
    assert step.low is not None
    assert step.change is not None
    assert step.high is not None
    assert step.low <= step.change <= step.high
    assert "unreliable" in step.reason


@pytest.mark.parametrize(
    ("base", "candidate", "verdict", "said"),
    [
        ("crashed", "ok", "ERROR", "base: crashed: why"),
        ("ok", "oom", "ERROR", "candidate: oom: why"),
        ("unsupported", "unsupported", "INCONCLUSIVE", "skipped: why"),
    ],
)
def test_records_without_figures(base: str, candidate: str, verdict: str, said: str) -> None:
    ours, theirs = (record(outcome=outcome, reason="why") for outcome in (base, candidate))
    found = compare_records(ours, theirs, LAX, with_time=False)
    assert (found.verdict, found.reason) == (verdict, said)


def _edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.long
def test_what_is_refused(tmp_path: Path, ask: Ask) -> None:
    run = store(tmp_path / "run", record())
    with pytest.raises(UsageError, match="its base cannot be a stored run"):
        run_gate(ask(run, candidate=["jit=on"]))
    environment = json.loads((run / RUN_FILE).read_text())["environment"]
    _edit(run / RUN_FILE, environment=environment | {"cpu": "Another CPU"})
    with pytest.raises(UsageError, match="measured in another environment"):
        run_gate(ask(run, allow_stored_time=True))
    _edit(run / RUN_FILE, settings={"of_tomorrow": 1})
    with pytest.raises(UsageError, match="its settings are not those of this version: of_tomorrow: "):
        run_gate(ask(run))
    (run / RECORDS_FILE).write_text('{"schema_version": 2, "nonsense": 1}\n')
    with pytest.raises(UsageError, match=r"records\.jsonl, line 1 is not a record"):
        run_gate(ask(run))
    (run / RUN_FILE).write_text("{")
    with pytest.raises(UsageError, match=r"run\.json is not a run header"):
        run_gate(ask(run))
    assert not (tmp_path / "gate").exists()


def stage(*seconds: float) -> Record:
    case = Case(model="newsgroups", options={"data": "x", "network": "rcnn", "stage": "tokenise"}, mode="stage")
    return in_processes(*seconds, case=case)


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        ((1.6, 1.61, 1.59, 1.6, 1.62, 1.6), "FAIL"),
        ((1.0, 1.01, 0.99, 1.0, 1.02, 1.0), "PASS"),
        ((0.5, 2.0, 1.0, 3.0, 0.4, 1.5), "INCONCLUSIVE"),
    ],
)
def test_a_stage_of_an_application_has_a_verdict(candidate: Sequence[float], verdict: str) -> None:
    base = stage(1.0, 1.01, 1.02, 0.99, 1.0, 1.01)
    found = compare_records(base, stage(*candidate), LAX, with_time=True)
    assert (found.verdict, [metric.metric for metric in found.metrics]) == (verdict, ["step"])
    assert "tokenise" in found.name
    without = compare_records(base, stage(*candidate), LAX, with_time=False)
    assert (without.verdict, without.reason) == (
        "INCONCLUSIVE",
        "a stage has no figure but its time: add --allow-stored-time",
    )


@pytest.mark.backends
@pytest.mark.extended
def test_the_stages_of_an_application_are_run_again_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from anatomy.bench.cli.main import app

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    small = ["--corpus", "synthetic:60", "--length", "20", "--words", "300", "--epochs", "1", "--model", "rcnn"]
    run = ["app", "newsgroups", *small, "--backend", "jax", "--seeds", "2", "--out", "base", "--no-history", "--quiet"]
    assert CliRunner().invoke(app, run).exit_code == 0
    request = GateRequest(
        base=parse_base("base"), directory=tmp_path, out=tmp_path / "gate", selection=Selection([], None, Axes()),
        allow_stored_time=True, tolerate={"step": "900%..2000%"},
    )  # fmt: skip
    result = run_gate(request)
    names = [found.case.options["stage"] for found in result.cases]
    assert names[:5] == ["scan", "read", "decode", "tokenise", "pad"]
    assert len(names) == 11
    assert {found.verdict for found in result.cases} <= {"PASS", "INCONCLUSIVE"}
    assert "PASS" in {found.verdict for found in result.cases}
