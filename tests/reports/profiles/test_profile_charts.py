"""Charts of profiles: what Plotly is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from anatomy.bench.records.case_profile import Profile
from anatomy.reports.profiles.colours import COLOURS, text_on
from anatomy.reports.profiles.icicle import icicle_chart
from anatomy.reports.profiles.layer_bars import MOST_LAYERS, gap_chart, layer_chart, other_passes
from anatomy.reports.run_labels import LabelledProfile
from tests.factories import make_profile, nested_profile, operation
from tests.reports.browsing import contrast


def labelled(*profiles: Profile) -> list[LabelledProfile]:
    return [LabelledProfile("run", profile.name, profile) for profile in profiles]


def test_the_icicles_totals_hold_as_the_browser_adds_them() -> None:
    spec = icicle_chart(nested_profile(), "key").spec
    assert spec is not None
    (trace,) = spec["data"]
    values = dict(zip(trace["ids"], trace["values"], strict=True))
    assert len(values) == len(trace["ids"])
    assert trace["branchvalues"] == "total"
    children: dict[str, list[float]] = {}
    for above, value in zip(trace["parents"], trace["values"], strict=True):
        children.setdefault(above, []).append(value)
    assert len(children.pop("")) == 1
    for above, below in children.items():
        total = 0.0
        for value in below:
            total += value
        assert values[above] == total


def test_names_in_the_icicle_are_text() -> None:
    spec = icicle_chart(nested_profile(), "key").spec
    assert spec is not None
    assert "&lt;script&gt;alert(2)&lt;" in "".join(spec["data"][0]["labels"])
    assert not any("<" in label for label in spec["data"][0]["labels"])


def test_a_long_model_is_drawn_with_few_parts() -> None:
    profile = make_profile({f"block{n}/conv": [operation(time=1e-6)] * 5 for n in range(2000)})
    spec = icicle_chart(profile, "key").spec
    assert spec is not None
    assert len(spec["data"][0]["ids"]) < 50
    assert "2,000 smaller parts" in spec["data"][0]["labels"]


def test_a_profile_of_nothing_has_a_sentence() -> None:
    assert icicle_chart(make_profile({}), "key").spec is None
    assert layer_chart(make_profile({}), "key").spec is None
    assert gap_chart(labelled(make_profile({})), "key").spec is None


def bars(spec: Mapping[str, Sequence[dict[str, object]]]) -> dict[str, object]:
    return {str(trace["name"]): trace["x"] for trace in spec["data"]}


def test_bars_of_layers_are_shares_by_pass_beside_flops() -> None:
    layers = {
        "a": [operation(time=1.0), operation(time=2.0, pass_="backward")],
        "b": [operation(time=0.5)],
        "(optimizer)": [operation(time=0.5, pass_="update")],
    }
    spec = layer_chart(make_profile(layers, flops={"a": 75, "b": 25}), "key").spec
    assert spec is not None
    assert bars(spec) == {
        "forward": pytest.approx([0.25, 0.125, 0.0]),
        "backward": pytest.approx([0.5, 0.0, 0.0]),
        "update, or not known": pytest.approx([0.0, 0.0, 0.125]),
        "FLOPs": pytest.approx([0.75, 0.25]),
    }


def test_only_the_longest_layers_are_drawn_and_the_caption_says_so() -> None:
    profile = make_profile({f"layer{n}": [operation(time=1.0 + n)] for n in range(MOST_LAYERS + 7)})
    chart = layer_chart(profile, "key")
    assert chart.spec is not None
    assert len(chart.spec["data"][0]["x"]) == MOST_LAYERS
    assert chart.spec["layout"]["yaxis"]["ticktext"][0] == f"layer{MOST_LAYERS + 6}"
    assert "7 shorter ones" in chart.caption


def test_rounding_is_no_pass() -> None:
    profile = make_profile({"a": [operation(time=0.1), operation(time=0.2, pass_="backward")]})
    assert other_passes(profile.layers[0]) == 0.0


def test_bars_of_gaps_are_shares_of_the_step() -> None:
    profile = make_profile({"a": [operation(time=1.0)]}, input_wait=0.5, host_dispatch=0.25, idle=0.0, missed=0.25)
    spec = gap_chart(labelled(profile), "key").spec
    assert spec is not None
    assert bars(spec) == {"input wait": [0.25], "host dispatch": [0.125], "device compute": [0.5]}


def test_cases_of_one_long_model_have_labels_of_their_own() -> None:
    names = [f"unet:depth=2,base_filters=8,input_shape=32x32x1 train {backend} b8" for backend in ("jax", "torch")]
    spec = gap_chart(labelled(*(nested_profile(name=name) for name in names)), "key").spec
    assert spec is not None
    assert spec["layout"]["yaxis"]["ticktext"] == [
        "unet:depth=2,base_filters…<br>train jax b8",
        "unet:depth=2,base_filters…<br>train torch b8",
    ]


def as_rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


@pytest.mark.parametrize("name", COLOURS)
def test_text_on_every_colour_has_contrast(name: str) -> None:
    assert contrast(as_rgb(text_on(COLOURS[name])), as_rgb(COLOURS[name])) >= 4.5
