"""Whose steps a difference is laid on: those of the runs where both have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.profiling.explanation import NotComparableError
from anatomy.bench.profiling.pairs import pairs_of
from anatomy.bench.profiling.result import append_profile
from anatomy.bench.select import SelectionError
from tests.bench.profiling.test_explanation import profile
from tests.reports.conftest import build_record, build_run


def run(folder: Path, layers: dict[str, float], step: float, measured: float | None) -> Path:
    """A folder with a profile whose own steps took `step`, in a run that has measured `measured`."""
    one = profile(layers, step)
    if measured is not None:
        record = build_record("mlp", steps=[measured] * 3).model_copy(update={"case": one.case})
        build_run(folder, [record])
    folder.mkdir(exist_ok=True)
    append_profile(folder, one)
    return folder


def test_the_medians_of_two_runs_are_explained(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=2.0)
    second = run(tmp_path / "b", {"dense": 2.0}, 5.0, measured=3.0)
    (found,) = pairs_of(str(first), str(second), tmp_path)
    assert (found.before_step, found.after_step) == pytest.approx((2.0, 3.0))
    assert sum(change.delta for change in found.layers) == pytest.approx(1.0)


def test_a_median_is_not_set_against_the_steps_of_a_profile(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=2.0)
    second = run(tmp_path / "b", {"dense": 2.0}, 6.0, measured=None)
    (found,) = pairs_of(str(first), str(second), tmp_path)
    assert (found.before_step, found.after_step) == pytest.approx((5.0, 6.0))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=2.0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotComparableError, match="empty has no profiles; take profiles with"):
        pairs_of(str(first), str(tmp_path / "empty"), tmp_path)
    with pytest.raises(SelectionError, match="fits no record"):
        pairs_of("vgg", "mlp", first)
