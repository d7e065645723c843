"""Rows of two profiles stand for the same layers once they are aligned, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.profiling.aligned_layers import align_layers
from anatomy.bench.profiling.joint_name import joint_name
from anatomy.bench.records.case_profile import LayerTime

NAMES = [*"abc", "net/d", "net/block/e", "(optimizer)"]


def members_of(row: LayerTime) -> frozenset[str]:
    return frozenset(row.members or [row.name])


def rows(*groups: list[str], time: float = 1.0) -> list[LayerTime]:
    return [
        LayerTime(
            name=joint_name(g) if len(g) > 1 else g[0], type="Dense", time=time, share=0.1, host=0.5,
            members=g if len(g) > 1 else [],
        )
        for g in groups
    ]  # fmt: skip


def partition(order: list[str], cuts: set[int]) -> list[list[str]]:
    """The names in groups, cut at these places; what is in brackets is never fused."""
    found: list[list[str]] = []
    for number, name in enumerate(order):
        if number in cuts or not found or name.startswith("(") or found[-1][0].startswith("("):
            found.append([])
        found[-1].append(name)
    return found


PARTITIONS = st.builds(partition, st.permutations(NAMES), st.sets(st.integers(0, len(NAMES))))


@given(PARTITIONS, PARTITIONS)
def test_both_sides_have_the_same_rows_and_the_same_sums(first: list[list[str]], second: list[list[str]]) -> None:
    before, after = align_layers(rows(*first), rows(*second, time=2.0))
    assert {members_of(row) for row in before} == {members_of(row) for row in after}
    assert {row.name for row in before} == {row.name for row in after}
    assert sum(row.time for row in before) == pytest.approx(len(first))
    assert sum(row.time for row in after) == pytest.approx(2 * len(second))
    assert sum(row.share for row in after) == pytest.approx(0.1 * len(second))
    members = sorted(name for row in before for name in members_of(row))
    assert members == sorted(NAMES)


def test_what_no_side_fuses_stays_as_it_is() -> None:
    before, after = rows(["a"], ["b"]), rows(["b"], ["c"])
    assert align_layers(before, after) == (before, after)


def test_a_fusion_on_one_side_is_one_row_on_both() -> None:
    before, after = align_layers(rows(["a"], ["b"], ["c"]), rows(["a", "b"], ["c"]))
    assert [row.name for row in before] == [row.name for row in after] == ["a + b", "c"]
    assert (before[0].time, before[0].host) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        (["conv1", "bn1"], "conv1 + bn1"),
        (["encoder/conv1", "encoder/block/conv2"], "encoder/conv1 + block.conv2"),
    ],
)
def test_a_fusion_is_named_after_its_layers(layers: list[str], name: str) -> None:
    assert joint_name(layers) == name


def test_names_with_dots_and_signs_are_no_obstacle() -> None:
    """The parts of a name are not read from it: a user's layer may be called anything."""
    single, fused = (
        rows(["layer1.0.conv1"], ["layer1.0.bn1"], ["a + b"]),
        rows(["layer1.0.conv1", "layer1.0.bn1"], ["a + b"]),
    )
    before, after = align_layers(single, fused)
    assert [row.name for row in before] == [row.name for row in after] == ["layer1.0.conv1 + layer1.0.bn1", "a + b"]


@pytest.mark.long
def test_many_rows_are_aligned_in_a_pass() -> None:
    many = rows(*([f"layer{number}"] for number in range(20_000)))
    assert align_layers(many, many) == (many, many)
