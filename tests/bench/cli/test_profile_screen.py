"""A profile on a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from anatomy.bench.cli.screens.profile_screen import print_profile
from anatomy.bench.records.case_profile import Profile
from tests.factories import failed_profile, make_profile, nested_profile, operation


def shown(profile: Profile, width: int = 80, **options: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_profile(console, profile, **options)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the file is a StringIO
    assert "\x1b" not in text
    return list(text.splitlines())


def line(lines: list[str], word: str) -> str:
    return next(one for one in lines if word in one)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    lines = [one for one in shown(nested_profile(), width) if not one.startswith("Trace")]
    assert max(cell_len(one) for one in lines) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_figures_keep_their_columns_at_every_level(width: int) -> None:
    lines = shown(nested_profile(), width)
    end = line(lines, "GFLOP/s").index("GFLOP/s") + len("GFLOP/s")
    tree = [one for one in lines if "── " in one]
    assert len(tree) > 20
    assert all(one[end - 1] in "0123456789–" and one[end : end + 1] == " " for one in tree)


def test_the_step_is_told_with_and_without_its_trace() -> None:
    lines = shown(make_profile({"a": [operation(time=0.5)]}, step=0.4))
    assert lines[:2] == [
        "mlp train jax b8",
        "step 400.000 ms, traced 500.000 ms (tracing cost +25.0 %), 10 steps traced",
    ]


def test_gaps_and_their_sum_are_shares_of_the_step() -> None:
    lines = shown(make_profile({"a": [operation(time=0.5)]}, input_wait=0.25, missed=0.25))
    assert line(lines, "input wait").split()[-3:-1] == ["25.0", "%"]
    assert "75.0 %" in line(lines, "sum")
    assert "does not add up" in line(lines, "sum")
    assert not any("does not add up" in one for one in shown(nested_profile()))


def test_layers_are_sorted_and_small_ones_are_one_line() -> None:
    layers = {"big": [operation(time=1.0)], "bigger": [operation(time=2.0)]}
    small = {f"small{n}": [operation(time=1e-3)] for n in range(5)}
    lines = shown(make_profile(layers | small, flops={"big": 3_000_000_000, "bigger": 1_000_000_000}))
    tree = [one for one in lines if "── " in one]
    assert [one.split()[1] for one in tree] == ["bigger", "big", "5"]
    assert tree[1].split()[2:] == ["1,000.0", "33.3", "75.0", "3.0", "compute", "convolution"]
    assert "5 more layers" in tree[2]


def test_a_single_small_layer_keeps_its_name() -> None:
    assert line(shown(make_profile({"a": [operation(time=1.0)], "b": [operation(time=1e-6)]})), "── b")


def test_limit_and_depth() -> None:
    profile = nested_profile()
    top = [one for one in shown(profile, depth=1) if "── " in one]
    assert [one.split()[1] for one in top] == ["encoder", "head", "(optimizer)", "2", "(unattributed)"]
    few = shown(make_profile({f"layer{n}": [operation()] for n in range(30)}), limit=4)
    assert line(few, "26 more layers")


def test_kinds_unattributed_and_what_is_missing() -> None:
    lines = shown(nested_profile())
    assert "44.6 %" in next(one for one in lines if one.startswith("convolution"))
    assert line(lines, "unattributed:").startswith("unattributed: 1.5 % of the device time: copy 0.500 ms")
    assert "not measured: host: the step is launched as a whole" in lines
    assert line(lines, "Trace: tensorboard/")


def test_a_failed_case_is_its_reason() -> None:
    assert shown(failed_profile()) == ["mlp train torch b8", "crashed: MemoryError: <b>too</b> much"]


def test_names_are_no_markup() -> None:
    lines = shown(make_profile({"[red]layer": [operation()]}, name="[bold]x[/]"), 120)
    assert lines[0] == "[bold]x[/]"
    assert line(lines, "[red]layer")


@pytest.mark.long
@given(st.dictionaries(st.text("ab/", max_size=9), st.floats(1e-9, 10), max_size=20), st.integers(40, 160))
def test_any_profile_has_a_screen(times: dict[str, float], width: int) -> None:
    profile = make_profile({name: [operation(time=time)] for name, time in times.items()})
    assert shown(profile, width)[0] == profile.name
