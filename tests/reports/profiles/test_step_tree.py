"""The tree of a step adds up, whatever the profile."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.profiling.layer_tree import layer_tree
from anatomy.bench.records.case_profile import Kind, Operation, Pass, Profile
from anatomy.reports.profiles.colours import COLOURS
from anatomy.reports.profiles.step_tree import Node, step_tree
from tests.factories import make_profile, nested_profile, operation

SECONDS = st.floats(0, 10) | st.floats(1e-9, 1e-3)
OPERATIONS = st.lists(
    st.builds(
        operation,
        name=st.sampled_from(["dot", "convolution", "copy", ""]),
        time=SECONDS,
        kind=st.sampled_from(get_args(Kind)),
        pass_=st.sampled_from(get_args(Pass)),
    ),
    max_size=4,
)
NAMES = st.lists(st.sampled_from(["a", "b", "encoder", "(optimizer)", ""]), min_size=1, max_size=4).map("/".join)
PROFILES = st.builds(
    make_profile,
    st.dictionaries(NAMES, OPERATIONS, max_size=8),
    OPERATIONS,
    input_wait=SECONDS,
    host_dispatch=SECONDS,
    idle=SECONDS,
    missed=SECONDS,
)


@pytest.mark.long
@given(PROFILES, st.sampled_from([0.0, 0.001, 0.05, 0.5]))
def test_parents_are_the_sum_of_their_children(profile: Profile, smallest: float) -> None:
    for node in step_tree(profile, smallest).walk():
        total = 0.0
        for child in node.children:
            total += child.seconds
        # To the last bit, since the browser adds them up again.
        assert not node.children or node.seconds == total


@pytest.mark.long
@given(PROFILES)
def test_nothing_is_lost_and_nothing_counted_twice(profile: Profile) -> None:
    tree = step_tree(profile)
    leaves = math.fsum(node.seconds for node in tree.walk() if not node.children)
    assert profile.gaps is not None
    assert leaves == pytest.approx(profile.gaps.step, rel=1e-6, abs=1e-12)
    operations = [*profile.unattributed, *(one for layer in profile.layers for one in layer.operations)]
    device = [child for child in tree.children if child.name.startswith("device compute")]
    assert sum(node.seconds for node in device) == pytest.approx(math.fsum(o.time for o in operations), abs=1e-12)


@pytest.mark.long
@given(PROFILES, st.sampled_from([0.01, 0.2]))
def test_folding_keeps_the_step_and_hides_only_what_is_small(profile: Profile, smallest: float) -> None:
    whole, folded = step_tree(profile), step_tree(profile, smallest)
    assert folded.seconds == pytest.approx(whole.seconds)
    for node in folded.walk():
        small = [child for child in node.children if child.seconds < smallest * whole.seconds]
        names = [child.name for child in small if "smaller parts" not in child.name]
        assert len(names) <= 1 or ("smaller parts" in node.name and set(names) <= set(COLOURS))


@given(PROFILES)
def test_every_part_has_a_colour(profile: Profile) -> None:
    assert {node.colour for node in step_tree(profile).walk()} <= set(COLOURS)


@pytest.mark.long
@given(PROFILES)
def test_the_tree_of_layers_has_every_layer_once(profile: Profile) -> None:
    top = layer_tree(profile.layers)
    found = [layer.name for node in top for layer in node.layers]
    assert sorted(found) == sorted(layer.name for layer in profile.layers)
    assert sum(node.time for node in top) == pytest.approx(sum(layer.time for layer in profile.layers))
    assert [node.time for node in top] == sorted((node.time for node in top), reverse=True)


def child(node: Node, *path: str) -> Node:
    for name in path:
        (node,) = (one for one in node.children if one.name == name)
    return node


def test_nested_models_hold_their_layers_and_those_their_kinds() -> None:
    tree = step_tree(nested_profile())
    convolution = child(tree, "device compute", "encoder", "stage2", "block1", "conv", "convolution")
    assert convolution.seconds == pytest.approx(9e-3 * 5 / 6)
    assert [(one.name, one.note) for one in convolution.children] == [
        ("convolution, backward", "backward, 2 calls a step"),
        ("convolution, forward", "forward, 1 call a step"),
    ]
    assert child(tree, "device compute", "unattributed", "data movement").seconds == pytest.approx(7e-4)
    assert child(tree, "not in the trace").seconds == pytest.approx(3e-4)


def test_many_small_layers_are_one_part_divided_by_kind() -> None:
    kinds: dict[str, Kind] = {"conv": "convolution", "norm": "normalisation", "add": "element-wise"}
    layers = {f"{name}{n}": [operation(name, 1e-3, kind)] for n in range(500) for name, kind in kinds.items()}
    part = child(step_tree(make_profile(layers), 0.01), "device compute", "1,500 smaller parts")
    assert {one.name: one.seconds for one in part.children} == pytest.approx(dict.fromkeys(kinds.values(), 0.5))


def test_time_of_a_layer_beyond_its_operations_is_shown() -> None:
    profile = make_profile({"a": [operation(time=2.0)]})
    (layer,) = profile.layers
    longer = profile.model_copy(update={"layers": [layer.model_copy(update={"time": 3.0})]})
    assert child(step_tree(longer), "device compute", "a", "no operation named").seconds == pytest.approx(1.0)


def test_communication_is_part_of_the_layers() -> None:
    exchanged = operation("all-reduce", 1.0, "communication", "backward")
    tree = step_tree(make_profile({"a": [operation(time=2.0), exchanged]}, communication=1.0))
    assert [(one.name, one.seconds) for one in tree.children if one.seconds] == [
        ("device compute and communication", 3.0)
    ]


def test_without_gaps_the_step_is_its_device_time() -> None:
    profile = make_profile({"a": [operation(time=2.0)]}, [operation(time=1.0)], gaps=None)
    assert step_tree(profile).seconds == 3.0


def test_an_operation_that_is_fused_says_so() -> None:
    one = Operation(name="fusion", kind="reduction", pass_="forward", calls=1.5, fused=4.0, time=1.0)
    tree = step_tree(make_profile({"a": [one]}))
    assert child(tree, "device compute", "a", "reduction", "fusion").note == "forward, 1.5 calls a step, 4 fused"
