"""Whose steps a difference is laid on: those of the runs where both have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.profiling.select_profiles import explain_selected
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import Profile, append_profile
from tests.bench.profiling.test_explanation import profile
from tests.factories import make_record, make_run


def run(folder: Path, layers: dict[str, float], step: float, measured: float | None) -> Path:
    """A folder with a profile whose own steps took `step`, in a run that has measured `measured`."""
    one = profile(layers, step)
    if measured is not None:
        record = make_record("mlp", steps=[measured] * 3).model_copy(update={"case": one.case})
        make_run(folder, [record])
    folder.mkdir(exist_ok=True)
    append_profile(folder, one)
    return folder


def test_the_medians_of_two_runs_are_explained(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=2.0)
    second = run(tmp_path / "b", {"dense": 2.0}, 5.0, measured=3.0)
    (found,) = explain_selected(str(first), str(second), tmp_path).explanations
    assert (found.before_step, found.after_step) == pytest.approx((2.0, 3.0))
    assert sum(change.delta for change in found.layers) == pytest.approx(1.0)


def test_a_median_is_not_set_against_the_steps_of_a_profile(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=2.0)
    second = run(tmp_path / "b", {"dense": 2.0}, 6.0, measured=None)
    (found,) = explain_selected(str(first), str(second), tmp_path).explanations
    assert (found.before_step, found.after_step) == pytest.approx((5.0, 6.0))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=2.0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty has no profiles; take profiles with"):
        explain_selected(str(first), str(tmp_path / "empty"), tmp_path)
    with pytest.raises(UsageError, match="fits no record"):
        explain_selected("vgg", "mlp", first)


def failing(folder: Path) -> Path:
    """One more case in a folder, which could not be profiled."""
    folder.mkdir(exist_ok=True)
    append_profile(folder, Profile(case=Case(model="vgg"), name="vgg", outcome="oom", reason="killed at 4 GiB"))
    return folder


def test_a_case_that_failed_is_left_out_by_name(tmp_path: Path) -> None:
    first = failing(run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=None))
    second = failing(run(tmp_path / "b", {"dense": 2.0}, 6.0, measured=None))
    found = explain_selected(str(first), str(second), tmp_path)
    assert [one.difference for one in found.explanations] == pytest.approx([1.0])
    why = f"oom in {first}: killed at 4 GiB; oom in {second}: killed at 4 GiB"
    assert found.skipped == [f"vgg is left out: {why}"]
    said = CliRunner().invoke(app, ["explain", str(first), str(second), "--json"])
    assert said.exit_code == exit_codes.OK
    assert len(json.loads(said.stdout)) == 1
    assert said.stderr == f"anatomy explain: vgg is left out: {why}\n"


def test_where_all_that_is_common_failed_the_error_says_why(tmp_path: Path) -> None:
    first, second = failing(tmp_path / "a"), failing(tmp_path / "b")
    with pytest.raises(UsageError, match=r"(?s)nothing to compare.*vgg is left out: oom in .*killed at 4 GiB"):
        explain_selected(str(first), str(second), tmp_path)


def test_runs_of_other_cases_have_none_in_common(tmp_path: Path) -> None:
    first = run(tmp_path / "a", {"dense": 1.0}, 5.0, measured=None)
    with pytest.raises(UsageError, match="no profiled case in common"):
        explain_selected(str(first), str(failing(tmp_path / "b")), tmp_path)
