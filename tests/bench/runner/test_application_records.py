"""An application's stages as cases and records, without a worker."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import anatomy.bench as ab
from anatomy.bench.application.lifecycle_options import lifecycle_options
from anatomy.bench.application.newsgroups_options import newsgroups_options
from anatomy.bench.application.stages import Stage
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.protocol.events import StageEnded, StageFailed
from anatomy.bench.records.application_stages import accuracies, application_name, stage_rows
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.combine_processes import combine_processes
from anatomy.bench.records.record import Outcome, Record
from anatomy.bench.runner.application_records import StageRecords, options_of, parts, stage_cases
from anatomy.bench.runner.worker import stage_ended
from tests.factories import STARTED_AT, make_case, make_run

OPTIONS = newsgroups_options(data="texts", network="rcnn", epochs=1, vectors="glove.txt")
STAGES = ["scan", "read", "decode", "tokenise", "pad", "load vectors", "embed", "build", "compile", "input"]
TRAINING = ["epoch 1", "evaluate 1", "predict"]


def blank(case: Case, outcome: Outcome, reason: str) -> Record:
    return Record(case=case, name=case_name(case), outcome=outcome, reason=reason, started_at=STARTED_AT)


def stage_of(record: Record) -> str:
    return str(record.case.options["stage"])


def ended(name: str, seconds: float, **fields: Any) -> StageEnded:
    values = {"examples": 0, "size_bytes": 0, "base_bytes": 100, "peak_bytes": 7}
    return StageEnded.model_validate({"name": name, "seconds": seconds, **values, **fields})


def test_a_case_for_each_stage_that_knows_its_application() -> None:
    cases = stage_cases(OPTIONS, "jax")
    assert [case.options["stage"] for case in cases] == [*STAGES, *TRAINING]
    assert len({case.key for case in cases}) == len(cases)
    assert {options_of(case) for case in cases} == {OPTIONS}
    other = stage_cases(OPTIONS.model_copy(update={"headers": True}), "jax")
    assert not {case.key for case in cases} & {case.key for case in other}


def test_the_stages_of_an_application_go_together_and_cases_alone() -> None:
    jax, torch = stage_cases(OPTIONS, "jax"), stage_cases(OPTIONS, "torch")
    alone = [make_case("mlp"), make_case("lstm")]
    todo = [(case, repeat) for repeat in range(2) for case in (*alone, *jax[3:], *torch)]
    found = list(parts(todo))
    assert [(len(part.cases), part.repeat, part.is_application) for part in found] == [
        (1, repeat, False) if size == 1 else (size, repeat, True)
        for repeat in range(2)
        for size in (1, 1, len(jax) - 3, len(torch))
    ]
    assert [(case, part.repeat) for part in found for case in part.cases] == todo


def test_a_stage_that_diverged_says_what_its_loss_was() -> None:
    made: list[Record] = []
    stage = Stage("epoch 1", examples=10, seconds=1.0, loss=math.nan, accuracy=0.5, deviation=math.inf)
    StageRecords(stage_cases(OPTIONS, "jax"), blank, made.append).end(stage_ended(stage))
    (epoch,) = made
    assert epoch.stage is not None
    assert (epoch.stage.losses, epoch.stage.accuracies, epoch.stage.deviation) == ([], [0.5], None)
    assert epoch.not_measured.items() >= {("stage.loss", "it was nan"), ("stage.deviation", "it was inf")}
    assert Record.model_validate_json(epoch.model_dump_json()) == epoch


def test_each_stage_has_its_record_when_it_ends_and_the_others_say_why_not() -> None:
    made: list[Record] = []
    records = StageRecords(stage_cases(OPTIONS, "jax")[1:], blank, made.append)
    records.end(ended("scan", 0.1))
    assert made == []
    records.end(ended("read", 2.0, examples=10, size_bytes=4_000_000))
    assert [stage_of(record) for record in made] == ["read"]
    (read,) = made
    assert (read.step_median_s, read.throughput_examples_per_s) == (2.0, 5.0)
    assert (read.peak_host_above_base_bytes, read.peak_host_bytes) == (7, 107)
    records.fail("oom", "too large", "decode")
    assert [stage_of(record) for record in made] == STAGES[1:] + TRAINING
    assert [record.reason for record in made[1:3]] == ["too large", "not reached: decode ended with: too large"]
    assert {record.outcome for record in made[1:]} == {"oom"}
    row = stage_rows(made)[0]
    assert (row.share, row.mb_per_s, row.peak_bytes) == (1.0, 2.0, 7)


def test_an_ended_application_leaves_nothing_to_fail() -> None:
    made: list[Record] = []
    records = StageRecords(stage_cases(OPTIONS, "jax"), blank, made.append)
    for name in [*STAGES, *TRAINING]:
        records.end(ended(name, 1.0))
    records.fail("ok", "", "predict")
    assert [record.outcome for record in made] == ["ok"] * len([*STAGES, *TRAINING])


def test_accuracies_are_those_of_all_processes() -> None:
    case = next(case for case in stage_cases(OPTIONS, "jax") if case.options["stage"] == "evaluate 1")
    processes = []
    for repeat, accuracy in enumerate([0.5, 0.7, 0.6]):
        made: list[Record] = []
        StageRecords([case], blank, made.append).end(
            ended("evaluate 1", 1.0 + repeat, examples=4, loss=1.0, accuracy=accuracy)
        )
        processes.append(made[0].model_copy(update={"repeat": repeat}))
    (right,) = accuracies([combine_processes(processes)])
    assert (right.stage, right.processes) == ("evaluate 1", 3)
    assert right.mean == pytest.approx(0.6)
    # Student's t for two degrees of freedom, and a standard deviation of 0.1.
    assert right.interval == pytest.approx((0.6 - 4.3027 * 0.1 / 3**0.5, 0.6 + 4.3027 * 0.1 / 3**0.5), abs=1e-3)
    assert application_name(processes[0]) == "newsgroups rcnn, data=texts, vectors=glove.txt, epochs=1"


def run_of(folder: Path, stages: dict[str, list[float]]) -> Path:
    """A run whose stages took these seconds, one in each process."""
    made: list[Record] = []
    for stage, seconds in stages.items():
        case = next(case for case in stage_cases(OPTIONS, "jax") if case.options["stage"] == stage)
        for repeat, one in enumerate(seconds):
            records = StageRecords([case], blank, made.append)
            records.end(ended(stage, one, examples=0 if stage == "build" else 100))
            made[-1] = made[-1].model_copy(update={"repeat": repeat})
    return make_run(folder, made).path


def test_a_stage_that_became_slower_is_named_by_a_comparison(tmp_path: Path) -> None:
    before = run_of(tmp_path / "a", {"tokenise": [1.0, 1.01, 0.99], "pad": [2.0, 2.1, 1.9], "build": [0.5, 0.51, 0.49]})
    after = run_of(tmp_path / "b", {"tokenise": [1.2, 1.21, 1.19], "pad": [2.05, 1.9, 2.1], "build": [0.7, 0.71, 0.69]})
    found = ab.compare(before, after)
    verdicts = {str(name).split()[-2]: verdict for name, verdict in found["verdict"].items()}
    assert verdicts == {"tokenise": "slower", "pad": "too close", "build": "slower"}
    slower = found[found["verdict"] == "slower"]
    assert sorted(slower["ratio"].round(2)) == [0.71, 0.83]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"network": "lstm"}, "unknown model of the text application 'lstm'"),
        ({"length": 100}, "a text of 100 words is too short for its poolings; the shortest is 149"),
        ({"network": "rcnn", "length": 0}, "newsgroups: length: Input should be greater than or equal to 1"),
        ({"epochs": 0}, "newsgroups: epochs: Input should be greater than or equal to 1"),
        ({"words": "many"}, "newsgroups: words: Input should be a valid integer"),
    ],
)
def test_wrong_options_are_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        newsgroups_options(data="texts", **given)


def test_a_stage_that_fails_by_itself_has_its_reason_and_the_others_theirs() -> None:
    made: list[Record] = []
    records = StageRecords(stage_cases(lifecycle_options(network="mlp"), "jax"), blank, made.append)
    records.end(ended("predict", 2.0, examples=8, deviation=0.25, beside_s=3.0))
    records.fail_one(StageFailed(name="export ONNX", outcome="unsupported", reason="never"))
    records.fail("crashed", "boom", "export OpenVINO")
    outcomes = {record.case.options["stage"]: (record.outcome, record.reason) for record in made}
    assert outcomes["export ONNX"] == ("unsupported", "never")
    assert outcomes["export OpenVINO"] == ("crashed", "boom")
    assert outcomes["load OpenVINO"] == ("crashed", "not reached: export OpenVINO ended with: boom")
    assert made[0].stage is not None
    assert (made[0].stage.deviation, made[0].stage.beside_s) == (0.25, 3.0)
    assert application_name(made[0]) == "lifecycle mlp"
