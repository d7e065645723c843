"""Whose memory it is, among the processes that NVML lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anatomy.bench.machine.telemetry.gpu_processes import CONTAINER, in_machine_namespace, own_bytes
from anatomy.bench.machine.telemetry.sample_series import UnmeasurableError

UNKNOWN = 4_194_999


def test_a_process_and_its_children_are_added_up() -> None:
    assert own_bytes({1: 10, 2: 20, 3: 40}, {1, 3}, in_machine=True) == 50


def test_in_a_container_a_number_of_ours_among_unknown_ones_is_not_trusted() -> None:
    here = os.getpid()
    assert own_bytes({here: 10}, {here}, in_machine=False) == 10
    with pytest.raises(UnmeasurableError, match="another pid namespace"):
        own_bytes({here: 10, UNKNOWN: 20}, {here}, in_machine=False)
    assert own_bytes({here: 10, UNKNOWN: 20}, {here}, in_machine=True) == 10


@pytest.mark.parametrize(
    ("memory", "in_machine", "why"),
    [
        ({}, True, "NVML lists no process on the device"),
        ({}, False, "--pid=host"),
        ({1: 5}, True, "none of this case"),
        ({1: 5}, False, CONTAINER[:20]),
        ({7: None}, True, "not its memory"),
    ],
)
def test_else_there_is_a_reason(memory: dict[int, int | None], in_machine: bool, why: str) -> None:
    with pytest.raises(UnmeasurableError, match=why):
        own_bytes(memory, {7}, in_machine)


def test_where_the_kernel_does_not_say_it_is_no_machine(tmp_path: Path) -> None:
    assert not in_machine_namespace(tmp_path / "pid")
    assert not in_machine_namespace(tmp_path)
