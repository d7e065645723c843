"""A search in a scripted world: what is fast and wrong never wins, nor what is fast at first; equals are said to be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anatomy.bench.records.case import Case, Mode
from anatomy.bench.records.input_figures import InputFigures
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block
from anatomy.bench.records.run_store import RECORDS_FILE, RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.records.tuning import Goal, GoalName, Tuning, front, read_tuning, setting_text
from anatomy.bench.runner.open_run import OpenRun
from anatomy.bench.tuning import tune_model
from anatomy.bench.tuning.same_function import departure
from anatomy.bench.tuning.search_space import changed
from anatomy.bench.tuning.tune_model import MOST_VARIED, SilentSearch, TuneRequest, tune
from anatomy.reports.tuning_words import answer_sentences, change_lines
from tests.factories import make_record

MIB = 2**20
# Examples/s at large batches of each backend; a backend that is not named does not exist.
SPEEDS = {"tensorflow": 100.0, "jax": 200.0, "torch": 60.0}
Changes = Callable[[Case, bool], dict[str, Any]]


def nothing(case: Case, brief: bool) -> dict[str, Any]:
    return {}


class World:
    """Stands in for a session: a record for each case, from rules."""

    def __init__(self, changes: Changes, seed: int = 0, knee: float = 8.0) -> None:
        self.measured: list[tuple[Case, int, MeasureSettings]] = []
        self.settings = MeasureSettings()
        self._changes, self._rng, self._knee = changes, np.random.default_rng(seed), knee

    def __call__(self, *arguments: object) -> World:
        return self

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def measure(self, case: Case, listener: object, repeat: int, settings: MeasureSettings) -> Record:
        self.measured.append((case, repeat, settings))
        brief = settings.seconds < 1
        size = case.batch_size
        speed = SPEEDS[case.backend] * size / (size + self._knee)
        speed *= {"float32": 1.0, "mixed_bfloat16": 1.2}[case.dtype] * {"on": 1.1, "off": 0.5}.get(case.jit, 1.0)
        speed *= {"numpy": 1.0, "tf.data": 1.15}.get(case.feed, 0.8) * {0: 1.0, 8: 1.2}.get(
            case.steps_per_execution, 1.4
        )
        given = {"speed": speed, "memory": (50 + 2 * size) * MIB, **self._changes(case, brief)}
        speed = given.pop("speed") * math.exp(self._rng.normal(scale=0.005))
        memory = given.pop("memory")
        values: dict[str, Any] = {
            "case": case,
            "settings": {"jit": case.backend == "jax" or case.jit == "on", "dtype_policy": case.dtype},
            "step_s": [size / speed] * 120,
            "blocks": [Block(steps=10, seconds=10 * size / speed)],
            "peak_device_bytes": memory,
            "output_sample": [0.1, 0.9, 0.3],
            "checks": {"loss goes down": "passed"},
            "loss_first": 2.3,
            "repeat": repeat,
        }
        return make_record().model_copy(update=values | given)


def search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Changes = nothing, mode: Mode = "infer", **request: Any
) -> tuple[Tuning, World]:
    world = World(changes, **request.pop("world", {}))
    monkeypatch.setattr(tune_model, "Session", world)
    default = Case(model="mlp", backend="tensorflow", mode=mode, batch_size=32)
    given: dict[str, Any] = {
        "default": default,
        "goal": Goal(),
        "backends": tuple(SPEEDS),
        "dtypes": ("float32", "mixed_bfloat16"),
    } | request
    tmp_path.mkdir(exist_ok=True)
    run = OpenRun(RunWriter(tmp_path), [(default, 0)], MeasureSettings(), "here")
    tuning = tune(TuneRequest(**given), run, SilentSearch())
    assert read_tuning(tmp_path) == tuning
    return tuning, world


def winner_of(tuning: Tuning) -> tuple[str, str, str]:
    assert tuning.winner is not None
    case = tuning.winner.case
    return case.backend, case.dtype, case.jit


@pytest.mark.long
def test_the_best_is_found_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, world = search(tmp_path, monkeypatch)
    assert winner_of(tuning) == ("jax", "mixed_bfloat16", "auto")
    found = tuning.advantage(tuning.as_default)
    assert found is not None
    ratio, interval = found
    assert interval is not None
    assert interval[0] <= ratio <= interval[1]
    assert ratio > 2.2
    first, *rest = answer_sentences(tuning)
    assert first.startswith("mlp, infer: JAX, mixed_bfloat16, batch ")
    assert "what you get by default (TensorFlow, float32, batch 32)" in first
    assert any(sentence.startswith("Next best: JAX, float32") for sentence in rest)
    assert any("layout of images" in sentence for sentence in rest)
    assert 'os.environ["KERAS_BACKEND"] = "jax"' in change_lines(tuning)[0]
    assert 'set_dtype_policy("mixed_bfloat16")' in change_lines(tuning)[1]
    # A race, not a grid: what is far behind is measured once.
    assert sum(case.backend == "torch" for case, *_ in world.measured) <= 2


@pytest.mark.long
def test_feeds_and_steps_per_execution_are_searched_in_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, world = search(tmp_path, monkeypatch, mode="fit")
    assert tuning.winner is not None
    case = tuning.winner.case
    assert (case.backend, case.feed, case.steps_per_execution) == ("jax", "tf.data", 64)
    first, *_ = answer_sentences(tuning)
    assert f"JAX, mixed_bfloat16, tf.data 64 steps per execution, batch {case.batch_size}" in first
    lines = "\n".join(change_lines(tuning))
    assert "model.compile(…, steps_per_execution=64)" in lines
    assert f"model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch({case.batch_size})" in lines
    assert "batch_size=" not in lines
    # They are tried at the best batch size of a setting alone.
    varied = {(one.backend, one.dtype, one.batch_size) for one, *_ in world.measured if one.feed != "numpy"}
    assert len(varied) == len({place[:2] for place in varied}) <= MOST_VARIED
    assert all(size > 32 for *_, size in varied)
    # What an epoch keeps in memory is no memory of the step.
    assert {one.memory_bytes for one in tuning.contenders} == {None}


@pytest.mark.parametrize(
    ("change", "batch_size", "loss", "out"),
    [
        ({"backend": "jax"}, 32, 2.7, False),
        ({"backend": "jax"}, 32, 3.5, True),
        ({"backend": "jax"}, 1024, 2.7, True),
        # On the same backend the same numbers are drawn.
        ({"jit": "on"}, 32, 2.7, True),
    ],
)
def test_a_first_loss_may_differ_by_what_random_layers_draw(
    change: dict[str, str], batch_size: int, loss: float, out: bool
) -> None:
    case = Case(model="mlp", backend="tensorflow", mode="fit", batch_size=batch_size)
    reference = make_record().model_copy(update={"case": case, "loss_first": 2.4, "checks": {}})
    other = changed(case, change)
    assert bool(departure(reference.model_copy(update={"case": other, "loss_first": loss}), reference)) == out


@pytest.mark.long
def test_a_dataset_of_the_users_is_fed_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_dataset(case: Case, brief: bool) -> dict[str, Any]:
        return {"input_figures": InputFigures(fed_step_s=[1.0, 1.0], ready_step_s=[1.0, 1.0], alone_step_s=[0.1, 0.1])}

    tuning, _ = search(tmp_path, monkeypatch, with_dataset, mode="fit")
    assert {(one.case.feed, one.case.steps_per_execution) for one in tuning.contenders} == {("numpy", 0)}
    assert any("of a dataset that came with the model" in sentence for sentence in answer_sentences(tuning))


@pytest.mark.long
def test_what_is_fast_and_wrong_is_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(case: Case, brief: bool) -> dict[str, Any]:
        return {"output_sample": [0.9, 0.1, 0.3]} if case.backend == "jax" else {}

    tuning, _ = search(tmp_path, monkeypatch, wrong)
    assert winner_of(tuning) == ("tensorflow", "mixed_bfloat16", "on")
    out = [one for one in tuning.contenders if one.case.backend == "jax"]
    assert out
    assert all(one.standing == "out" and "outputs differ" in one.reason for one in out)


@pytest.mark.long
def test_a_wrong_setting_is_found_where_the_defaults_batch_does_not_fit_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy_and_wrong(case: Case, brief: bool) -> dict[str, Any]:
        if case.backend != "jax":
            return {}
        if case.batch_size > 8:
            return {"outcome": "oom", "reason": "too large", "blocks": [], "step_s": []}
        return {"speed": 1000.0, "output_sample": [0.9, 0.1, 0.3]}

    tuning, world = search(tmp_path, monkeypatch, greedy_and_wrong)
    assert winner_of(tuning)[0] == "tensorflow"
    wrong = [one for one in tuning.contenders if one.case.backend == "jax" and one.case.batch_size == 8]
    assert wrong
    assert all("outputs differ" in one.reason for one in wrong)
    # It was compared with the default's settings at its own batch.
    assert any((case.backend, case.batch_size) == ("tensorflow", 8) for case, *_ in world.measured)


@pytest.mark.long
@pytest.mark.parametrize(
    "trap",
    [
        {"checks": {"loss goes down": "not checked: stuck"}},
        {"loss_first": 4.6},
        {"outcome": "invalid", "reason": "the loss is not finite", "blocks": [], "step_s": []},
    ],
)
def test_what_does_not_learn_as_the_default_does_is_out(
    trap: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning, _ = search(tmp_path, monkeypatch, lambda case, _: trap if case.backend == "jax" else {}, mode="train")
    assert winner_of(tuning)[0] == "tensorflow"


@pytest.mark.long
def test_what_is_fast_at_first_does_not_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tires(case: Case, brief: bool) -> dict[str, Any]:
        return {} if brief or case.backend != "jax" else {"speed": 50.0}

    tuning, _ = search(tmp_path, monkeypatch, tires, dtypes=("float32",), backends=("tensorflow", "jax"))
    # Its first figures put it in front, alone with what is near.
    raced = [one for one in tuning.contenders if one.rounds]
    assert {one.case.backend for one in raced} == {"jax", "tensorflow"}
    assert winner_of(tuning)[0] == "tensorflow"


@pytest.mark.long
def test_of_equals_the_one_nearest_to_the_default_is_recommended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning, _ = search(tmp_path, monkeypatch, lambda case, _: {"speed": 100.0})
    assert tuning.winner is not None
    assert tuning.winner.case == tuning.default
    assert any(one.standing == "as good" for one in tuning.contenders)
    first, second, *_ = answer_sentences(tuning)
    assert "This is what you get by default" in first
    assert second.startswith("Too close to tell apart (within 3 %)")
    assert change_lines(tuning) == []


@pytest.mark.long
def test_memory_is_forecast_and_what_does_not_fit_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goal = Goal(max_memory_bytes=500 * MIB)
    tuning, world = search(tmp_path, monkeypatch, goal=goal, world={"knee": 500.0})
    assert tuning.winner is not None
    assert tuning.winner.case.batch_size == 128
    assert max(case.batch_size for case, *_ in world.measured) == 128
    tried = [one for one in tuning.forecasts if one.measured_bytes is not None]
    assert tried
    assert all(abs(one.forecast_bytes / (one.measured_bytes or 1) - 1) < 0.1 for one in tried)
    assert any(one.measured_bytes is None and one.case.batch_size == 256 for one in tuning.forecasts)


@pytest.mark.long
def test_the_largest_throughput_under_a_limit_of_latency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, _ = search(tmp_path, monkeypatch, goal=Goal(max_latency_s=0.1), dtypes=("float32",))
    assert tuning.winner is not None
    assert tuning.winner.case.backend == "jax"
    # 200 · b / (b + 8) examples/s: a step of b takes (b + 8) / 200 s.
    assert tuning.winner.case.batch_size == 8
    out = tuning.as_default
    assert out is not None
    assert "100 ms are allowed" in out.reason


@pytest.mark.long
def test_a_limit_that_nothing_meets_says_what_was_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, _ = search(tmp_path, monkeypatch, goal=Goal(max_latency_s=1e-6))
    assert tuning.winner is None
    assert "Nearest: " in answer_sentences(tuning)[0]
    assert "0.001 ms are allowed" in answer_sentences(tuning)[0]


@pytest.mark.long
@pytest.mark.parametrize("name", ["latency", "memory"])
def test_less_is_better_of_time_and_memory(name: GoalName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, _ = search(tmp_path, monkeypatch, goal=Goal(name=name, min_batch_size=4))
    assert tuning.winner is not None
    assert tuning.winner.case.batch_size == 4
    assert (" ms" if name == "latency" else " MiB") in answer_sentences(tuning)[0]


@pytest.mark.long
def test_energy_where_it_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, _ = search(tmp_path, monkeypatch, goal=Goal(name="energy"))
    assert tuning.winner is None
    assert "energy is not measured here" in answer_sentences(tuning)[0]


@pytest.mark.long
def test_a_search_that_was_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = search(tmp_path / "whole", monkeypatch)
    kept = len(first.measured) // 2
    folder, world = tmp_path / "again", World(nothing)
    folder.mkdir()
    with (folder / RECORDS_FILE).open("w") as file:
        for case, repeat, settings in first.measured[:kept]:
            file.write(world.measure(case, None, repeat, settings).model_dump_json() + "\n")
    tuning, second = search(folder, monkeypatch)
    assert len(second.measured) < len(first.measured)
    assert winner_of(tuning) == ("jax", "mixed_bfloat16", "auto")


@pytest.mark.long
def test_when_the_time_is_up_what_was_not_tried_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, world = search(tmp_path, monkeypatch, minutes=1e-9)
    assert tuning.winner is not None
    assert tuning.winner.case == tuning.default
    assert {case.key for case, *_ in world.measured} == {tuning.default.key}
    # Each once, in the words of the answer; a climb that cannot go on names its next batch and no other.
    assert [name for name in tuning.left_out if "batch" in name] == [
        "TensorFlow, compiled as a whole, float32, batch 32",
        "JAX, float32, batch 32",
        "PyTorch, float32, batch 32",
        "TensorFlow, mixed_bfloat16, batch 32",
        "TensorFlow, float32, batch 64",
    ]


@pytest.mark.long
def test_what_was_tried_before_the_time_was_up_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    # Three settings are tried; then the time is up, and no batch size is followed.
    now = iter([began] * 3)
    monkeypatch.setattr(time, "monotonic", lambda: next(now, began + 1e6))
    tuning, world = search(tmp_path, monkeypatch, dtypes=("float32",))
    measured = {setting_text(case) for case, *_ in world.measured}
    assert len(measured) == 3
    assert not measured & set(tuning.left_out)


@pytest.mark.long
def test_the_front_has_no_point_that_another_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, _ = search(tmp_path, monkeypatch)
    points = front(tuning.contenders)
    for one in points:
        assert not any(
            (other.figure or 0) > (one.figure or 0) and (other.memory_bytes or 0) < (one.memory_bytes or 0)
            for other in tuning.contenders
            if other.standing != "out"
        )
    assert [one.memory_bytes for one in points] == sorted(one.memory_bytes or 0 for one in points)
