"""The gate's parts without processes: alternation, sides, bases, origins, arguments for the base's pytest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.measurement.alternating_steps import LONGEST_REST_S, rest
from anatomy.bench.pytest_plugin.gated_items import forwarded
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_result import SideName
from anatomy.bench.regression_gate.process_pair import alternation
from anatomy.bench.regression_gate.resolve_sides import parse_base
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.import_origin import Origin


@given(st.integers(0, 200), st.sampled_from(["base", "candidate"]))
def test_both_sides_take_as_many_turns_in_pairs(turns: int, first: SideName) -> None:
    order = list(alternation(turns, first))
    assert len(order) == 2 * turns
    assert all({a, b} == {"base", "candidate"} for a, b in zip(order[::2], order[1::2], strict=True))
    assert order[:1] == [first][:turns]


@given(st.integers(2, 6), st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3))
def test_alternation_cancels_drift_up_to_its_order(power: int, a: float, b: float, c: float) -> None:
    """A machine that slows down as a polynomial of time slows both sides alike."""
    order = list(alternation(2 ** (power - 1), "base"))
    drift = [a + b * t + (c * t * t if power > 2 else 0) for t in range(len(order))]
    sums = {side: sum(d for d, s in zip(drift, order, strict=True) if s == side) for side in ("base", "candidate")}
    assert sums["base"] == pytest.approx(sums["candidate"], abs=1e-6)


def test_a_side_has_settings_of_its_own() -> None:
    side = Side("candidate", "tree", Path()).with_settings(["jit=on", "dtype=mixed_bfloat16", "env:A=b=c"])
    case = side.case(Case(model="mlp"))
    assert (case.jit, case.dtype, dict(side.environment)) == ("on", "mixed_bfloat16", {"A": "b=c"})
    assert side.what == "tree with jit=on, dtype=mixed_bfloat16, env:A=b=c"


@pytest.mark.parametrize("text", ["mode=infer", "batch_size=8", "model=vgg", "jit", "jit=", "env:=1", "=1", ""])
def test_what_would_be_another_case_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected backend="):
        Side("candidate", "tree", Path()).with_settings([text])


def test_a_value_that_no_axis_has_is_named() -> None:
    with pytest.raises(UsageError, match=r"--candidate jit: .*maybe"):
        Side("candidate", "tree", Path()).with_settings(["jit=maybe"]).case(Case(model="mlp"))


def test_what_a_base_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main").mkdir()
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "run.json").touch()
    kinds = {
        text: parse_base(text).kind for text in ("main", "origin/main", "stored", "python:/x", "run:main", "git:x")
    }
    assert kinds == {
        "main": "revision",
        "origin/main": "revision",
        "stored": "run",
        "python:/x": "python",
        "run:main": "run",
        "git:x": "revision",
    }
    assert parse_base(None).kind == "same"


def test_paths_of_one_tree_become_those_of_the_other(tmp_path: Path) -> None:
    work, base = tmp_path / "work", tmp_path / "base"
    origin = Origin(instead_of=work, tree=base)
    installed = str(work / ".venv" / "lib" / "site-packages")
    paths = [str(work), str(work / "src"), installed, "/usr/lib/python3", ""]
    assert origin.mapped(paths) == [str(base), str(base / "src"), installed, "/usr/lib/python3", ""]


def test_files_of_the_other_tree_are_strays_but_for_what_is_installed_in_it(tmp_path: Path) -> None:
    work = tmp_path / "work"
    nested = Origin(instead_of=work, tree=work / "made" / "base")
    files = [
        str(work / "src" / "a.py"),
        str(work / ".venv" / "lib" / "site-packages" / "keras" / "x.py"),
        str(work / "made" / "base" / "b.py"),
        "/usr/lib/python3/os.py",
    ]
    assert nested.strays(files) == ["src/a.py"]


def test_what_this_session_writes_is_not_asked_of_the_base() -> None:
    given_to = ["--benchmark", "-k", "mlp", "--anatomy-against", "main", "--junitxml=x", "tests", "--anatomy-allow-new"]
    assert forwarded([*given_to, "--benchmark-json", "out.json", "--anatomy-tolerate=step=5%"]) == [
        "--benchmark",
        "-k",
        "mlp",
        "tests",
    ]


def test_resting_ends_when_the_threads_sleep_and_not_later_than_its_limit() -> None:
    now, used = [0.0], [0.0]

    def sleeping(busy_for: float) -> float:
        now[0] = used[0] = 0.0

        def sleep(seconds: float) -> None:
            now[0] += seconds
            used[0] = min(now[0], busy_for)

        rest(lambda: now[0], lambda: used[0], sleep)
        return now[0]

    assert sleeping(0.0) <= 0.0011
    assert 0.01 <= sleeping(0.01) <= 0.013
    assert LONGEST_REST_S <= sleeping(9.9) <= LONGEST_REST_S + 0.002
