from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.record import Record
from anatomy.reports.settings_differences import key_without_backend
from anatomy.reports.speed import ratio_text, relative_speed, throughputs

speeds = st.floats(min_value=1e-3, max_value=1e6)
tables = st.dictionaries(
    st.sampled_from(["tensorflow", "jax", "torch", "openvino"]),
    st.dictionaries(st.integers(0, 5), speeds, max_size=6),
    max_size=4,
)


def test_only_common_cases_count() -> None:
    result = relative_speed({"jax": {"a": 4.0, "b": 1.0, "only jax": 1e9}, "torch": {"a": 1.0, "b": 1.0}})
    assert result.common == 2
    assert result.speeds == pytest.approx({"jax": 1.0, "torch": 0.5})
    assert result.fastest == "jax"


def test_a_backend_without_cases_takes_no_part() -> None:
    result = relative_speed({"jax": {"a": 4.0}, "openvino": {}})
    assert result.speeds == {"jax": 1.0}
    assert result.taking_part == ("jax",)


def test_without_common_cases_nothing_is_decided() -> None:
    result = relative_speed({"jax": {"a": 4.0}, "torch": {"b": 1.0}})
    assert (result.speeds, result.common, result.fastest) == ({}, 0, None)


@given(tables)
def test_the_fastest_has_one_and_no_other_more(table: dict[str, dict[int, float]]) -> None:
    result = relative_speed(table)
    if result.speeds:
        assert max(result.speeds.values()) == 1.0
        assert all(0 < speed <= 1 for speed in result.speeds.values())
        assert set(result.speeds) == {backend for backend, cases in table.items() if cases}


@given(tables, speeds)
def test_the_unit_of_one_case_does_not_matter(table: dict[str, dict[int, float]], factor: float) -> None:
    """The property that asks for a geometric mean."""
    scaled = {
        backend: {case: speed * (factor if case == 0 else 1) for case, speed in cases.items()}
        for backend, cases in table.items()
    }
    assert relative_speed(scaled).speeds == pytest.approx(relative_speed(table).speeds, rel=1e-6)


@given(tables)
def test_case_outside_the_common_ones_changes_nothing(table: dict[str, dict[int, float]]) -> None:
    result = relative_speed(table)
    if len(result.speeds) > 1:
        backend = next(iter(result.speeds))
        more = {**table, backend: {**table[backend], 99: 1e-3}}
        assert relative_speed(more).speeds == pytest.approx(result.speeds)


def test_throughputs_take_measured_cases_of_the_mode(record: Callable[..., Record]) -> None:
    records = [
        record(speed=50.0, case={"mode": "train", "backend": "jax"}),
        record(speed=70.0, case={"mode": "infer", "backend": "jax"}),
        record(outcome="oom", case={"mode": "train", "backend": "torch"}),
    ]
    assert throughputs(records, "train") == {"jax": {key_without_backend(records[0]): pytest.approx(50.0)}}


def test_cases_that_differ_in_batch_size_are_not_the_same(record: Callable[..., Record]) -> None:
    same = [record(case={"backend": backend, "batch_size": 8}) for backend in ("jax", "torch")]
    other = record(case={"backend": "jax", "batch_size": 16})
    assert key_without_backend(same[0]) == key_without_backend(same[1]) != key_without_backend(other)


@pytest.mark.parametrize(("ratio", "text"), [(1.0, "1.00"), (0.5, "0.50"), (0.0071234, "0.0071"), (0.05, "0.050")])
def test_small_ratios_keep_two_digits(ratio: float, text: str) -> None:
    assert ratio_text(ratio) == text


def test_a_mean_over_unlike_models_is_too_close_to_call() -> None:
    """JAX wins one model by as much as the other loses: no single winner."""
    result = relative_speed({"jax": {"a": 4.0, "b": 1.0, "c": 2.2}, "torch": {"a": 1.0, "b": 4.0, "c": 2.0}})
    assert result.fastest == "jax"
    low, high = result.intervals["torch"]
    assert low < 1 < high
    assert (result.verdict("jax"), result.verdict("torch")) == ("too close to torch", "too close")


def test_a_backend_that_always_loses_is_slower() -> None:
    result = relative_speed({"jax": {n: 10.0 + n for n in range(5)}, "torch": {n: 5.0 + n / 2 for n in range(5)}})
    assert result.intervals["torch"] == pytest.approx((0.5, 0.5))
    assert (result.verdict("jax"), result.verdict("torch")) == ("fastest", "slower")


def test_of_one_model_there_is_no_interval() -> None:
    result = relative_speed({"jax": {"a": 4.0}, "torch": {"a": 1.0}})
    assert (result.intervals, result.verdict("jax"), result.verdict("torch")) == ({}, None, None)


@given(tables)
def test_the_interval_holds_the_mean(table: dict[str, dict[int, float]]) -> None:
    result = relative_speed(table)
    for backend, (low, high) in result.intervals.items():
        assert low * (1 - 1e-9) <= result.speeds[backend] <= high * (1 + 1e-9)
