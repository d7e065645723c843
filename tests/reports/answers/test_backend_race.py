"""Races: who is compared with whom, who wins, and when that is not said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block
from anatomy.reports.answers.answer_words import answer_sentence, score_sentence, untried
from anatomy.reports.answers.backend_race import Race, races
from tests.factories import make_counts, make_record

BF16 = {"jit": True, "dtype_policy": "float32", "matmul_precision": "bf16", "device": "cpu"}


def timed(backend: str, speed: float, model: str = "mlp", spread: float = 0.001, **more: Any) -> Record:
    """A settled case of one process; the rates of its blocks lie evenly around the speed."""
    case = {"mode": "train", "backend": backend, "batch_size": 8, **more.pop("case", {})}
    rates = [speed * (1 + spread * offset) for offset in (-1, 1, -1, 1, 0)]
    blocks = [Block(steps=100, seconds=100 * case["batch_size"] / rate) for rate in rates]
    return make_record(model, speed=speed, case=case, blocks=blocks, **more)


def of_processes(backend: str, *speeds: float, **more: Any) -> Record:
    return timed(
        backend, speeds[0], process_throughputs=list(speeds), process_medians_s=[8 / s for s in speeds], **more
    )


def one_race(*records: Record) -> Race:
    (race,) = races(records)
    return race


def test_the_fastest_wins_where_it_is_clear() -> None:
    race = one_race(timed("torch", 55), timed("jax", 100), timed("tensorflow", 80))
    assert race.winner is race.leader
    assert [entry.name for entry in race.contenders] == ["jax", "tensorflow", "torch"]
    assert answer_sentence(race) == (
        "mlp train: jax, 100.0 ± 0.1 % examples/s (batch 8), 1.25 × tensorflow, 1.82 × torch."
    )


@pytest.mark.parametrize("speed", [100.0, 95.0, 91.0])
def test_equal_backends_are_too_close(speed: float) -> None:
    race = one_race(timed("jax", 100), timed("torch", speed), timed("tensorflow", 40))
    assert race.winner is None
    assert answer_sentence(race).startswith("mlp train: too close between jax and torch; jax has 100.0 ± 0.1 %")
    assert answer_sentence(race).endswith("; 2.5 × tensorflow.")
    assert score_sentence([race]) == "too close 1"


def test_a_winner_by_noise_is_not_named() -> None:
    assert one_race(timed("jax", 150, spread=0.5), timed("torch", 100)).winner is None


def test_several_processes_have_the_interval_between_them() -> None:
    close = one_race(of_processes("jax", 100, 101, 100), of_processes("torch", 94, 94.5, 94))
    assert close.winner is close.leader
    apart = one_race(of_processes("jax", 120, 80, 100), of_processes("torch", 90, 91, 90))
    assert apart.winner is None


def test_coarser_products_are_a_race_of_their_own() -> None:
    found = races([timed("openvino", 300, settings=BF16), timed("jax", 100), timed("torch", 50)])
    assert {race.precision: [c.name for c in race.contenders] for race in found} == {
        "bfloat16": ["openvino bf16"],
        "float32": ["jax", "torch"],
    }
    assert "products in bfloat16" in answer_sentence(found[0])
    assert answer_sentence(found[0]).endswith("; jax, torch computed in another precision (float32).")
    assert score_sentence(found) == "jax 1, without a rival 1"


def test_compilers_on_and_off_are_named() -> None:
    race = one_race(timed("torch", 100, case={"jit": "on"}), timed("torch", 50), timed("jax", 70))
    assert [entry.name for entry in race.contenders] == ["torch jit=on", "jax", "torch"]


def test_each_takes_part_with_its_best_batch_size() -> None:
    sizes = [timed("jax", speed, case={"batch_size": size}) for size, speed in ((8, 50), (64, 90), (128, 80))]
    race = one_race(*sizes, timed("torch", 30, case={"batch_size": 8}))
    assert race.leader.record.case.batch_size == 64
    assert "(batch 64)" in answer_sentence(race)
    assert "torch (batch 8)" in answer_sentence(race)


def test_models_of_unlike_size_do_not_race() -> None:
    records = [timed("jax", 100), timed("torch", 50, counts=make_counts(999))]
    assert [len(race.contenders) for race in races(records)] == [1, 1]


def test_what_failed_or_was_counted_takes_no_part() -> None:
    failed = timed("torch", 100).model_copy(update={"outcome": "invalid"})
    counted = make_record(case={"mode": "count"})
    assert races([failed, counted]) == []


def test_many_races_have_no_single_winner() -> None:
    models = ["mlp", "lstm", "text_cnn"]
    found = races([r for m in models[:2] for r in (timed("jax", 100, m), timed("torch", 50, m))])
    assert score_sentence(found) == "jax 2 of 2"
    assert score_sentence([*found, one_race(timed("jax", 1, "alexnet"))]) == "jax 2 of 2, without a rival 1"
    mixed = [*found, *races([timed("jax", 50, "text_cnn"), timed("torch", 100, "text_cnn")])]
    assert score_sentence(mixed) == "no single winner: jax 2, torch 1"


def test_what_was_not_varied_is_named_with_its_option() -> None:
    one = timed("jax", 1)
    assert [what for what, _ in untried(one_race(one))] == ["other batch sizes", "other precisions", "other backends"]
    # What failed was tried.
    failed = make_record(outcome="oom", case={"mode": "train", "backend": "torch", "batch_size": 16})
    assert [what for what, _ in untried(one_race(one, failed))] == ["other precisions"]


def test_a_backend_whose_outputs_deviate_wins_nothing() -> None:
    samples = {"jax": [1.0, 2.0], "torch": [1.0, 2.0], "tensorflow": [1.0, 2.0], "openvino": [1.5, 2.0]}
    speeds = {"jax": 100, "torch": 50, "tensorflow": 40, "openvino": 300}
    infer = {"mode": "infer"}
    race = one_race(*(timed(b, s, case=infer, output_sample=samples[b]) for b, s in speeds.items()))
    assert race.leader.name == "jax"
    assert race.contenders[-1].name == "openvino"
    assert [one.short for one in race.contenders[-1].weaknesses] == ["deviates"]
    assert answer_sentence(race).endswith("2.5 × tensorflow; left out, since outputs deviate: openvino.")


def test_loops_say_how_they_are_fed_once() -> None:
    fed = {"mode": "fit", "steps_per_execution": 16}
    assert one_race(timed("jax", 1, case=fed)).variant == "16 steps per execution"
    assert one_race(timed("jax", 1, case={"mode": "fit", "feed": "tf.data"})).variant == "tf.data"


def test_two_policies_of_one_precision_are_told_apart() -> None:
    policies = ("bfloat16", "mixed_bfloat16")
    settings = {policy: {"dtype_policy": policy} for policy in policies}
    race = one_race(
        *(timed("jax", s, case={"dtype": p}, settings=settings[p]) for s, p in zip((1, 2), policies, strict=True))
    )
    assert [entry.name for entry in race.contenders] == ["jax", "jax dtype=bfloat16"]


def test_one_that_was_not_counted_races_with_the_others() -> None:
    race = one_race(timed("jax", 100), timed("torch", 50, counts=None))
    assert len(race.contenders) == 2


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=4, unique=True), st.floats(0.0, 0.3))
def test_a_winner_is_faster_than_all_by_more_than_both_may_err(speeds: list[float], spread: float) -> None:
    backends = ("jax", "torch", "tensorflow", "openvino")
    race = one_race(*(timed(b, s, spread=spread) for b, s in zip(backends, speeds, strict=False)))
    rates = [entry.rate for entry in race.contenders]
    assert rates == sorted(rates, reverse=True)
    if race.winner is not None:
        assert rates[0] * 0.95 > rates[1] * 1.05
