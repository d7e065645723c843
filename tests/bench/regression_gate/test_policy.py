"""What may grow by how much: texts, tables, levels, mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_table import GateTable
from anatomy.bench.regression_gate.policy import (
    DEFAULTS,
    METRICS,
    SAMPLED,
    Policy,
    Rule,
    parse_rule,
    policy_of,
    rules_of,
)

TRAIN = Case(model="mlp", mode="train", backend="jax")
INFER = TRAIN.model_copy(update={"mode": "infer"})


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("5%", Rule(tolerated=0.05)),
        (" 2.5% .. 8% ", Rule(tolerated=0.025, minimum=0.08)),
        ("2%, floor 16MiB", Rule(tolerated=0.02, floor=16 * 2**20)),
        ("10%..25%, floor 50ms", Rule(tolerated=0.10, minimum=0.25, floor=0.05)),
        ("exact", Rule()),
        ("any", Rule(gated=False)),
    ],
)
def test_rules_as_people_write_them(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule


@given(st.floats(0.1, 50), st.floats(0.1, 50))
def test_a_range_is_read_back(tolerated: float, room: float) -> None:
    rule = parse_rule(f"{tolerated:.3f}%..{tolerated + room:.3f}%")
    assert rule.tolerated == pytest.approx(tolerated / 100, abs=1e-5)
    assert rule.margins(1.0).minimum == pytest.approx((tolerated + room) / 100, abs=1e-5)


@pytest.mark.parametrize("text", ["5", "-5%", "5%..", "8%..5%", "5%..5%", "5%, floor 3 apples", "", "five", "%"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(UsageError, match="command line: step: "):
        Policy().with_level({"step": text}, "command line")


def test_the_minimum_follows_the_tolerated_change() -> None:
    margins = Rule(tolerated=0.04).margins(1.0)
    assert [margins.tolerated, margins.minimum] == [0.04, pytest.approx(0.1)]


def test_a_floor_raises_the_margins_of_small_figures_only() -> None:
    rule = DEFAULTS["compile"]
    assert rule.margins(100.0).tolerated == 0.10
    assert rule.margins(0.1).tolerated == pytest.approx(2.0)


@pytest.mark.parametrize("metric", SAMPLED)
def test_what_differs_from_process_to_process_cannot_be_exact(metric: str) -> None:
    with pytest.raises(UsageError, match="cannot be exact"):
        Policy().with_level({metric: "exact"}, "x")


def test_later_levels_win_and_the_mode_wins_within_one() -> None:
    table = {
        "tolerate": {"step": "3%", "train.step": "4%"},
        "case": [{"model": "mlp", "mode": "infer", "tolerate": {"step": "6%"}}],
    }
    policy = policy_of(GateTable.model_validate(table), {"compile": "any"})
    assert policy.rule(TRAIN, "step").tolerated == 0.04
    assert policy.rule(INFER, "step").tolerated == 0.06
    assert not policy.rule(INFER, "compile").gated
    assert policy.rule(INFER, "peak_host") == DEFAULTS["peak_host"]
    assert policy.with_level({"step": "9%"}, "marker").rule(TRAIN, "step").tolerated == 0.09


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"tolerate": {"stpe": "5%"}}, r"gate\] tolerate: unknown metric 'stpe'.*did you mean 'step'"),
        ({"tolerate": {"fit.step": "5%"}}, "unknown metric 'fit.step'"),
        ({"case": [{"tolerate": {}}, {"tolerate": {"stpe": "5%"}}]}, r"gate\] case.1.tolerate: .*'stpe'"),
        ({"tolerate": {"step": {"tolerated": "5%", "minimun": "6%"}}}, "step: Extra inputs"),
        ({"tolerate": {"step": 5}}, "step: "),
    ],
)
def test_mistakes_are_named(table: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        policy_of(GateTable.model_validate(table))


@pytest.mark.parametrize("given", [3, "step", ["step"]])
def test_rules_that_are_no_table(given: Any) -> None:
    with pytest.raises(UsageError, match=r"test_x\.py::test_y: tolerate: expected a table"):
        Policy().with_level(given, "test_x.py::test_y: tolerate")


def test_a_metric_that_is_no_text() -> None:
    with pytest.raises(UsageError, match="unknown metric '1'"):
        Policy().with_level({1: "5%"}, "x")  # type: ignore[dict-item]


def test_every_metric_has_a_default_that_can_be_judged() -> None:
    assert set(DEFAULTS) == set(METRICS)
    assert all(DEFAULTS[metric].margins(1e9).minimum > DEFAULTS[metric].tolerated for metric in SAMPLED)


def test_rules_from_the_command_line() -> None:
    assert rules_of(["step=5%", "train.compile = 20%..40%"], "--tolerate") == {
        "step": Rule(tolerated=0.05),
        "train.compile": Rule(tolerated=0.2, minimum=0.4),
    }
    for text, said in (("step", "--tolerate step: expected METRIC=RULE"), ("stpe=5%", "--tolerate: unknown metric")):
        with pytest.raises(UsageError, match=said):
            rules_of([text], "--tolerate")
