"""CUDA's variables against lists of GPUs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.telemetry.visible_gpus import PhysicalGpu, choose_visible

ALIKE = [PhysicalGpu("A", f"GPU-{n}a{n}") for n in range(3)]
UNLIKE = [PhysicalGpu("A", "GPU-1"), PhysicalGpu("B", "GPU-2")]
SPLIT = [PhysicalGpu("A", "GPU-1", ("MIG-1", "MIG-2"), mig=True), PhysicalGpu("A", "GPU-2")]
BY_BUS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("0,2", [0, 2]),
        ("2,1", [2, 1]),
        ("0,2,-1,1", [0, 2]),
        ("1,9,0", [1]),
        (" 1 , 0", [1, 0]),
        ("1gpu,0", [1, 0]),
        ("", []),
        ("-1", []),
        ("none", []),
        ("0,0", []),
        ("GPU-2", [2]),
        ("GPU-2a2,GPU-0", [2, 0]),
        ("GPU-,GPU-0", []),
        ("GPU-0,1", [0]),
        ("GPU-0,GPU-9", [0]),
        ("GPU-0,GPU-0a", []),
    ],
)
def test_lists(text: str, indices: list[int]) -> None:
    chosen = choose_visible(ALIKE, {"CUDA_VISIBLE_DEVICES": text})
    assert [index for index, _ in chosen.devices] == indices
    assert bool(chosen.reason) is not bool(indices)
    assert chosen.doubt == ""


def test_without_the_variable_all_are_seen() -> None:
    assert choose_visible(ALIKE, {}).devices == ((0, None), (1, None), (2, None))
    assert choose_visible([], {}).reason == "NVML sees no device"
    assert choose_visible([], {"CUDA_VISIBLE_DEVICES": "0"}).reason == "NVML sees no device"


def test_an_index_among_unlike_gpus_is_not_known_unless_the_order_is() -> None:
    hidden = choose_visible(UNLIKE, {"CUDA_VISIBLE_DEVICES": "1"})
    assert not hidden.devices
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in hidden.reason
    assert choose_visible(UNLIKE, {"CUDA_VISIBLE_DEVICES": "1"} | BY_BUS).devices == ((1, None),)
    assert choose_visible(UNLIKE, {"CUDA_VISIBLE_DEVICES": "GPU-2"}).devices == ((1, None),)
    both = choose_visible(UNLIKE, {})
    assert (len(both.devices), "fastest first" in both.doubt) == (2, True)
    assert "shows no device" in choose_visible(UNLIKE, {"CUDA_VISIBLE_DEVICES": ""}).reason


def test_mig() -> None:
    assert choose_visible(SPLIT, {"CUDA_VISIBLE_DEVICES": "MIG-2"}).devices == ((0, 1),)
    assert choose_visible(SPLIT, {"CUDA_VISIBLE_DEVICES": "0"}).devices == ((0, 0),)
    assert choose_visible(SPLIT, {"CUDA_VISIBLE_DEVICES": "GPU-2"}).devices == ((1, None),)
    assert "one MIG instance" in choose_visible(SPLIT, {}).doubt
    assert "no instance" in choose_visible([PhysicalGpu("A", "GPU-1", mig=True)], {}).reason


@given(st.text(alphabet="0123,-GPUMI x", max_size=20))
def test_any_text_gives_devices_once_each_or_a_reason(text: str) -> None:
    chosen = choose_visible(ALIKE, {"CUDA_VISIBLE_DEVICES": text})
    assert len(set(chosen.devices)) == len(chosen.devices)
    assert bool(chosen.reason) is not bool(chosen.devices)
    assert all(0 <= index < 3 for index, _ in chosen.devices)
