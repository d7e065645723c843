"""Computed fields of frozen types are computed once, and anew in a changed copy."""

from __future__ import annotations

from tests.factories import make_case, make_record


def test_a_changed_copy_of_a_case_has_a_key_of_its_own() -> None:
    case = make_case()
    key = case.key
    changed = case.model_copy(update={"batch_size": case.batch_size + 1})
    assert changed.key == type(case).model_validate(changed.fields()).key != key
    assert changed.model_copy(update={"batch_size": case.batch_size}).key == key
    assert case == case.model_copy()
    assert case == type(case).model_validate(case.fields())


def test_a_changed_copy_of_a_record_has_figures_of_its_own() -> None:
    record = make_record(steps=[0.010] * 9)
    assert record.step_interval_s == (0.010, 0.010)
    assert record.model_copy(update={"step_s": [0.020] * 9}).step_interval_s == (0.020, 0.020)
