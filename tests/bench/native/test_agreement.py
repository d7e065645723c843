"""When a program is said to train as Keras does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.native import agreement
from anatomy.bench.native.agreement import (
    ADAPTIVE_TOLERANCE,
    TRAINING_TOLERANCE,
    Trial,
    _agree_on_the_whole,
    _agree_one_by_one,
    require_agreement,
)
from anatomy.bench.native.program import Array
from anatomy.bench.records.case import Case

PATHS = ["kernel", "bias"]
TRAINED = Case(model="mlp", backend="native-torch", mode="train")


def weights(seed: int, scale: float = 1.0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [scale * rng.standard_normal((8, 4)), scale * rng.standard_normal(4)]


@given(st.integers(0, 99), st.floats(0, 1e-3))
def test_rounding_is_no_difference(seed: int, noise: float) -> None:
    before, change = weights(seed), weights(seed + 1, 0.1)
    theirs = [old + moved for old, moved in zip(before, change, strict=True)]
    ours = [new + noise * 0.1 * np.sign(moved) for new, moved in zip(theirs, change, strict=True)]
    assert "agree within" in _agree_one_by_one(before, ours, theirs, PATHS)
    assert "agree within" in _agree_on_the_whole(before, ours, theirs)


@given(st.integers(0, 99), st.floats(1.2, 10))
def test_another_learning_rate_is_a_difference(seed: int, factor: float) -> None:
    before, change = weights(seed), weights(seed + 1, 0.1)
    theirs = [old + moved for old, moved in zip(before, change, strict=True)]
    ours = [old + factor * moved for old, moved in zip(before, change, strict=True)]
    assert factor - 1 > max(TRAINING_TOLERANCE, ADAPTIVE_TOLERANCE)
    with pytest.raises(InvalidCaseError, match=r"kernel|bias"):
        _agree_one_by_one(before, ours, theirs, PATHS)
    with pytest.raises(InvalidCaseError, match="together"):
        _agree_on_the_whole(before, ours, theirs)


def test_one_weight_of_many_that_rounding_moves_decides_nothing_for_adam() -> None:
    before, change = weights(1), weights(2, 0.1)
    theirs = [old + moved for old, moved in zip(before, change, strict=True)]
    ours = [new.copy() for new in theirs]
    ours[1][0] += 0.03
    assert "together agree" in _agree_on_the_whole(before, ours, theirs)
    with pytest.raises(InvalidCaseError, match="bias"):
        _agree_one_by_one(before, ours, theirs, PATHS)


def test_weights_that_move_where_kerass_stay_are_a_difference() -> None:
    before = [np.zeros(3, np.float32), np.ones(4, np.float32)]
    ours = [before[0], before[1] + np.float32(0.1)]
    with pytest.raises(InvalidCaseError, match="differs by inf"):
        _agree_one_by_one(before, ours, before, PATHS)


def test_weights_that_stay_where_they_are_agree() -> None:
    before = weights(3)
    assert "agree within" in _agree_one_by_one(before, before, before, PATHS)
    assert "agree within" in _agree_on_the_whole(before, before, before)


@pytest.mark.parametrize(("off", "agrees"), [({0}, True), ({0, 1}, True), ({0, 1, 2}, False)])
def test_a_program_is_wrong_that_is_off_on_every_batch(
    off: set[int], agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def compare(case: Case, trial: Trial) -> str:
        tried.append(trial)
        if trial.number in off:
            raise InvalidCaseError(f"differs on batch {trial.number}")
        return "weights agree"

    monkeypatch.setattr(agreement, "_compare_training", compare)
    monkeypatch.setattr(agreement, "_amplifies_rounding", lambda case, trial: False)
    if agrees:
        assert require_agreement(TRAINED) == "weights agree"
    else:
        with pytest.raises(InvalidCaseError, match="differs on batch 2"):
            require_agreement(TRAINED)
    # Nothing is tried once it agrees.
    assert tried == [Trial(number, double=number > 0) for number in range(min(len(off) + 1, 3))]


@pytest.mark.parametrize("amplifies", [True, False])
def test_few_steps_decide_only_where_keras_differs_from_itself(
    amplifies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(case: Case, trial: Trial) -> str:
        if trial.steps > 2:
            raise InvalidCaseError("differs")
        return f"after {trial.steps} steps weights agree{trial.text()}"

    monkeypatch.setattr(agreement, "_compare_training", compare)
    monkeypatch.setattr(agreement, "_amplifies_rounding", lambda case, trial: amplifies)
    if not amplifies:
        with pytest.raises(InvalidCaseError, match="differs"):
            require_agreement(TRAINED)
        return
    found = require_agreement(TRAINED)
    assert found == "after 2 steps weights agree, at 0.1 of the learning rate, in float64, where more steps amplify it"


@given(st.integers(0, 99), st.floats(1.001, 1.05))
def test_few_steps_must_agree_the_more_closely(seed: int, factor: float) -> None:
    before, change = weights(seed), weights(seed + 1, 0.1)
    theirs = [old + moved for old, moved in zip(before, change, strict=True)]
    ours = [old + factor * moved for old, moved in zip(before, change, strict=True)]
    few = Trial(1, double=True, few=True)
    with pytest.raises(InvalidCaseError, match="after 2 steps"):
        _agree_one_by_one(before, ours, theirs, PATHS, few)
    with pytest.raises(InvalidCaseError, match="after 2 steps"):
        _agree_on_the_whole(before, ours, theirs, few)


def test_what_has_no_float64_is_compared_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def compare(case: Case, trial: Trial) -> str:
        tried.append(trial)
        if trial.double:
            raise TypeError("no float64")
        if trial.number == 0:
            raise InvalidCaseError("differs")
        return "weights agree"

    monkeypatch.setattr(agreement, "_compare_training", compare)
    assert require_agreement(TRAINED) == "weights agree"
    assert tried == [Trial(), Trial(1, double=True), Trial(1)]


def test_what_float32_rounds_away_is_no_difference() -> None:
    # Weights of about 1 that five steps move by 40 of their spacings: one spacing is 2.5 % of that.
    before, spacing = [np.ones(3, np.float32)], np.spacing(np.float32(1.0))
    theirs = [before[0] + 40 * spacing]
    assert "agree within 0 %" in _agree_one_by_one(before, [before[0] + 41 * spacing], theirs, PATHS)
    with pytest.raises(InvalidCaseError):
        _agree_one_by_one(before, [before[0] + 50 * spacing], theirs, PATHS)
    with pytest.raises(InvalidCaseError):
        _agree_one_by_one(before, [before[0] + 41 * spacing], theirs, PATHS, Trial(double=True))


@pytest.mark.parametrize(("factor", "double"), [(1.05, True), (1.2, False)])
def test_in_float64_all_weights_together_may_differ_less(factor: float, double: bool) -> None:
    before, change = weights(1), weights(2, 0.1)
    theirs = [old + moved for old, moved in zip(before, change, strict=True)]
    ours = [old + factor * moved for old, moved in zip(before, change, strict=True)]
    with pytest.raises(InvalidCaseError, match="together"):
        _agree_on_the_whole(before, ours, theirs, Trial(double=double))
