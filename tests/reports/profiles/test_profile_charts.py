"""Charts of profiles: what is drawn."""

from __future__ import annotations

import pytest

from anatomy.bench.records.case_profile import Profile
from anatomy.reports.profiles.layer_bars import MOST_LAYERS, PASSES, gap_chart, layer_chart, other_passes, pass_shares
from anatomy.reports.run_labels import LabelledProfile
from tests.factories import make_profile, nested_profile, operation
from tests.reports.drawn import bars, marks, written


def labelled(*profiles: Profile) -> list[LabelledProfile]:
    return [LabelledProfile("run", profile.name, profile) for profile in profiles]


def test_a_profile_of_nothing_has_a_sentence() -> None:
    assert layer_chart(make_profile({}), "key").figure is None
    assert gap_chart(labelled(make_profile({})), "key").figure is None


def test_bars_of_layers_are_shares_by_pass_beside_flops() -> None:
    layers = {
        "a": [operation(time=1.0), operation(time=2.0, pass_="backward")],
        "b": [operation(time=0.5)],
        "(optimizer)": [operation(time=0.5, pass_="update")],
    }
    profile = make_profile(layers, flops={"a": 75, "b": 25})
    found = {layer.name: list(pass_shares(layer, profile.device_time).values()) for layer in profile.layers}
    assert found == {
        "a": pytest.approx([0.25, 0.5, 0.0]),
        "b": pytest.approx([0.125, 0.0, 0.0]),
        "(optimizer)": pytest.approx([0.0, 0.0, 0.125]),
    }
    chart = layer_chart(profile, "key")
    assert bars(chart) == [pytest.approx(bar) for bar in ((0, 0.25), (0.25, 0.5), (0, 0.125), (0, 0.125))]
    assert [x for x, _ in marks(chart)] == pytest.approx([0.75, 0.25])
    assert [entry.name for entry in chart.entries] == [*PASSES, "FLOPs"]
    assert written(chart) == ["a", "b", "(optimizer)", "75 %", "12.5 %", "12.5 %"]


def test_only_the_longest_layers_are_drawn_and_the_caption_says_so() -> None:
    profile = make_profile({f"layer{n}": [operation(time=1.0 + n)] for n in range(MOST_LAYERS + 7)})
    chart = layer_chart(profile, "key")
    assert len(bars(chart)) == MOST_LAYERS
    assert written(chart)[0] == f"layer{MOST_LAYERS + 6}"
    assert "7 shorter ones" in chart.caption


def test_rounding_is_no_pass() -> None:
    profile = make_profile({"a": [operation(time=0.1), operation(time=0.2, pass_="backward")]})
    assert other_passes(profile.layers[0]) == 0.0


def test_bars_of_gaps_are_shares_of_the_step() -> None:
    profile = make_profile({"a": [operation(time=1.0)]}, input_wait=0.5, host_dispatch=0.25, idle=0.0, missed=0.25)
    chart = gap_chart(labelled(profile), "key")
    assert bars(chart) == [pytest.approx(bar) for bar in ((0, 0.25), (0.25, 0.125), (0.375, 0.5))]
    assert [entry.name for entry in chart.entries] == ["input wait", "host dispatch", "device compute"]


def test_cases_of_one_long_model_have_labels_of_their_own() -> None:
    names = [f"unet:depth=2,base_filters=8,input_shape=32x32x1,x={'9' * 40} train {b} b8" for b in ("jax", "torch")]
    chart = gap_chart(labelled(*(nested_profile(name=name) for name in names)), "key")
    first, second = written(chart)
    assert first.endswith("train jax b8")
    assert second.endswith("train torch b8")
    assert max(len(first), len(second)) <= 62
