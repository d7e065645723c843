"""Which record a key, a beginning of a key or words of a name mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import KERAS_BACKENDS, Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.find_record import find_record
from anatomy.bench.records.record import Record


def _record(**point: object) -> Record:
    case = Case.model_validate({"model": "mlp", "options": {}, **point})
    return Record(case=case, name=case_name(case), outcome="ok", started_at="2026-01-01T00:00:00+00:00")


RECORDS = [
    _record(model=model, mode=mode, backend=backend, batch_size=size)
    for model in ("mlp", "lstm")
    for mode in ("train", "infer")
    for backend in KERAS_BACKENDS
    for size in (8, 80)
]
MIXED = [*RECORDS, _record(backend="jax", batch_size=8, dtype="mixed_bfloat16")]


@given(st.sampled_from(RECORDS), st.integers(4, 12))
def test_a_key_or_its_beginning(record: Record, length: int) -> None:
    beginning = record.key[:length]
    if sum(other.key.startswith(beginning) for other in RECORDS) == 1:
        assert find_record(RECORDS, beginning) is record
        assert find_record(RECORDS, beginning.upper()) is record


@given(st.sampled_from(RECORDS), st.randoms())
def test_words_in_any_order_and_case(record: Record, random: object) -> None:
    words = record.name.upper().split()
    random.shuffle(words)  # type: ignore[attr-defined]
    assert find_record(RECORDS, " ".join(words)) is record


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("mlp train jax b8", "mlp train jax b8"),
        ("ml inf jax b80", "mlp infer jax b80"),
        ("mlp mixed", "mlp train jax b8 mixed_bfloat16"),
    ],
)
def test_the_nearest_fit_wins(wanted: str, name: str) -> None:
    assert find_record(MIXED, wanted).name == name


def test_several_are_listed() -> None:
    with pytest.raises(UsageError, match=r"'lstm infer torch' fits 2 records") as caught:
        find_record(RECORDS, "lstm infer torch")
    assert "lstm infer torch b8\n" in str(caught.value)
    assert "lstm infer torch b80" in str(caught.value)


def test_none_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="fits no record") as caught:
        find_record(RECORDS, "mlp train jx b8")
    assert "mlp train jax b8" in str(caught.value)


@pytest.mark.parametrize("wanted", ["", "  "])
def test_nothing_asked_is_no_record(wanted: str) -> None:
    with pytest.raises(UsageError):
        find_record(RECORDS, wanted)


def test_an_empty_run_says_so() -> None:
    with pytest.raises(UsageError, match="no records"):
        find_record([], "mlp")
