from collections.abc import Callable

import pytest

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.run_labels import environment_differences, label_runs
from anatomy.reports.settings_differences import settings_differences
from anatomy.reports.summary import comparison_warnings, summary_sentences

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


def test_one_run_is_named_by_its_id(run: MakeRun) -> None:
    assert [item.label for item in label_runs([run([], identifier="x")])] == ["x"]


def test_equal_ids_are_told_apart(run: MakeRun) -> None:
    names = [item.label for item in label_runs([run([], "a", identifier="x"), run([], "b", identifier="x")])]
    assert names == ["x (a)", "x (b)"]


def test_the_same_run_twice_is_told_apart(run: MakeRun) -> None:
    same = run([], "a")
    assert len({item.label for item in label_runs([same, same])}) == 2


def test_unlike_machines_are_named_field_by_field(run: MakeRun) -> None:
    runs = label_runs([run([], "a", identifier="x"), run([], "b", identifier="y", cpu="Other", host="elsewhere")])
    assert environment_differences(runs) == ("cpu: x: Imaginary CPU @ 2 GHz; y: Other",)
    assert "not merged" in comparison_warnings(runs)[0]


def test_equal_fingerprints_need_no_warning(run: MakeRun) -> None:
    runs = label_runs([run([], "a", identifier="x"), run([], "b", identifier="y", host="elsewhere")])
    assert comparison_warnings(runs) == ()


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ([{"jit": True}, {"jit": True}], ""),
        ([{"jit": True}, {"jit": False}], "jit: on (jax), off (torch)"),
        ([{"threads": 2}, {}], ""),
        ([{"threads": 2}, {"threads": 4}, {"threads": None}], "threads: 2 (jax), 4 (torch), not stated (tensorflow)"),
        ([{"device": "cpu"}, {"device": "gpu"}], "device: cpu (jax), gpu (torch)"),
        ([{"threads_intra": 0}, {"threads_intra": 2}], "threads_intra: one a core (jax), 2 (torch)"),
        ([{"matmul_precision": "default", "device": "cpu"}, {"matmul_precision": "highest", "device": "cpu"}], ""),
        (
            [{"matmul_precision": "default"}, {"matmul_precision": "f32"}],
            "matmul_precision: default (jax), float32 (torch)",
        ),
        ([{"donated_buffers": True}, {"donated_buffers": False}], "donated_buffers: on (jax), off (torch)"),
        ([{"initialisers": "numpy"}, {"initialisers": "keras"}], ""),
    ],
)
def test_unlike_settings(settings: list[dict[str, object]], note: str, record: MakeRecord) -> None:
    backends = ("jax", "torch", "tensorflow")
    records = [
        record(settings=values, case={"backend": backend})
        for values, backend in zip(settings, backends[: len(settings)], strict=True)
    ]
    assert settings_differences(records) == note


def test_failed_cases_set_no_settings(record: MakeRecord) -> None:
    records = [
        record(settings={"jit": True}, case={"backend": "jax"}),
        record(settings={"jit": False}, outcome="oom", case={"backend": "torch"}),
    ]
    assert settings_differences(records) == ""


def test_summary_counts_and_names_the_fastest(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(speed=100.0, case={"mode": "train", "backend": "jax"}),
        record(speed=50.0, case={"mode": "train", "backend": "torch"}),
        record("lstm", outcome="oom", reason="x", case={"mode": "train", "backend": "torch"}),
    ]
    sentences = summary_sentences(label_runs([run(records)]))
    assert "2 of 3 timed cases were measured; without a result: 1 oom." in sentences[0]
    assert sentences[1].startswith("mlp train: jax, ≈ 100 examples/s (batch ")
    assert "≈ 2.0 × torch" in sentences[1]


def test_an_unfinished_run_says_so(record: MakeRecord, run: MakeRun) -> None:
    done = record(case={"mode": "train", "backend": "jax"})
    todo = record("lstm", case={"mode": "train", "backend": "jax"})
    sentences = summary_sentences(label_runs([run([done], planned=[done.case, todo.case])]))
    assert any("1 of 2 planned cases have no record" in sentence for sentence in sentences)


@pytest.mark.parametrize(("processes", "said"), [(1, True), (3, False)])
def test_intervals_of_one_process_are_said_to_be_that(
    record: MakeRecord, run: MakeRun, processes: int, said: bool
) -> None:
    made = run([record()], "a")
    settings = {**made.header.settings, "processes": processes}
    made = made.model_copy(update={"header": made.header.model_copy(update={"settings": settings})})
    assert any("nothing of the next process" in sentence for sentence in summary_sentences(label_runs([made]))) is said
