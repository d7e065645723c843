"""The parts of a difference add up to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.profiling.explanation import explain, headline, large, sentence
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import Gaps, KindTime, LayerTime, Operation, Profile


def operation(name: str, calls: float, fused: int | None = 1, time: float = 1e-3) -> Operation:
    return Operation(name=name, kind="element-wise", pass_="forward", calls=calls, fused=fused, time=time)


def profile(
    layers: dict[str, float], step: float, host: float = 0.0, lost: float = 0.0, **more: list[Operation]
) -> Profile:
    """Layers with their seconds; `more` are their operations."""
    rows = [LayerTime(name=n, type="Dense", time=t, share=0.1, operations=more.get(n, [])) for n, t in layers.items()]
    device = sum(layers.values()) + lost
    gaps = Gaps(input_wait=0, host_dispatch=host, device_compute=device, communication=0, idle=0, step=device + host)
    return Profile(
        case=Case(model="mlp", backend="jax"),
        name="mlp",
        steps=5,
        step=step,
        gaps=gaps,
        layers=rows,
        kinds=[KindTime(kind="element-wise", time=device, share=1.0), KindTime(kind="host", time=host, share=0.0)],
        unattributed=[operation("copy", 1, time=lost)] if lost else [],
    )


TIMES = st.floats(1e-6, 1.0)
PROFILES = st.builds(
    profile, st.dictionaries(st.sampled_from("abcdef"), TIMES, min_size=1), TIMES, st.floats(0, 0.1), st.floats(0, 0.1)
)


@given(PROFILES, PROFILES)
def test_the_changes_add_up_to_the_difference(before: Profile, after: Profile) -> None:
    found = explain(before, after)
    whole = max(found.before_step, found.after_step)
    assert found.difference == after.step - before.step  # type: ignore[operator]  # both have one
    for changes in (found.layers, found.kinds):
        assert sum(change.delta for change in changes) == pytest.approx(found.difference, abs=1e-9 * whole)
        assert sum(change.before for change in changes) == pytest.approx(found.before_step)
        assert [abs(c.delta) for c in changes] == sorted((abs(c.delta) for c in changes), reverse=True)


def test_the_layer_that_became_slower_comes_first() -> None:
    found = explain(profile({"a": 1.0, "b": 1.0}, 2e-3), profile({"a": 1.0, "b": 2.0}, 3e-3))
    assert found.layers[0].name == "b"
    assert found.layers[0].delta == pytest.approx(1e-3)
    assert found.layers[0].share == pytest.approx(1.0)
    assert headline(found) == "mlp → mlp: 2.000 ms → 3.000 ms a step, +1.000 ms (+50.0%)"
    assert [change.name for change in large(found.layers, found)] == ["b"]


def test_better_measured_steps_are_what_is_explained() -> None:
    found = explain(profile({"a": 1.0}, 5.0), profile({"a": 2.0}, 5.0), steps=(1e-3, 2e-3), names=("base", "candidate"))
    assert found.difference == pytest.approx(1e-3)
    assert found.layers[0].after == pytest.approx(2e-3)
    assert (found.before, found.after) == ("base", "candidate")


def test_what_else_is_different_is_said() -> None:
    before = profile({"a": 1.0, "b": 1.0}, 1.0, a=[operation("fusion(dot, add)", 1, fused=2)], b=[operation("add", 2)])
    after = profile(
        {"a": 2.0, "b": 2.0, "c": 1.0},
        2.0,
        a=[operation("dot", 1), operation("transpose", 12)],
        b=[operation("add", 2)],
    )
    notes = {change.name: change.notes for change in explain(before, after).layers}
    assert notes["a"] == ["12 more transpose", "1 more dot", "1 fewer fusion(dot, add)", "no longer fused"]
    assert notes["b"] == ["the same operations, 1.60× as long"]
    assert notes["c"] == ["new"]
    change = next(c for c in explain(before, after).layers if c.name == "a")
    assert sentence(change).startswith("a: ")
    assert "12 more transpose" in sentence(change)


def test_how_much_longer_is_said_of_the_rows_own_times() -> None:
    ran = [operation("dot", 1)]
    # Tracing made the second run thrice as slow, whose measured step is only twice as long.
    found = explain(profile({"a": 1.0}, 1e-3, a=ran), profile({"a": 3.0}, 2e-3, a=ran))
    (row,) = found.layers
    assert (row.before, row.after) == pytest.approx((1e-3, 2e-3))
    assert row.notes == ["the same operations, 2.00× as long"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (operation("_FusedConv2D", 1, fused=None), operation("Conv2D", 1), ["no longer fused"]),
        (operation("Conv2D", 1), operation("_FusedConv2D", 1, fused=None), ["now fused"]),
        # OpenVINO does not tell of any node whether it was merged.
        (operation("Convolution", 1, fused=None), operation("Conv2D", 1), []),
        (operation("FusedBatchNormV3", 1), operation("Mul", 1), []),
    ],
)
def test_merging_is_said_only_where_it_is_known(before: Operation, after: Operation, said: list[str]) -> None:
    found = explain(profile({"a": 1.0}, 1.0, a=[before]), profile({"a": 1.0}, 1.0, a=[after]))
    assert [note for note in found.layers[0].notes if "fused" in note] == said


def test_a_profile_that_failed_explains_nothing() -> None:
    failed = Profile(case=Case(model="mlp"), name="mlp", outcome="unsupported", reason="no profiler")
    with pytest.raises(UsageError, match="no profiler"):
        explain(failed, profile({"a": 1.0}, 1.0))
