"""Programs start on the CPUs that are chosen for them, and this process keeps its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.cpu_affinity import started_on, usable_cpus
from anatomy.bench.records.cpu_list import cpus_text

HERE = sorted(os.sched_getaffinity(0))


@pytest.mark.process
@pytest.mark.parametrize("cpu", HERE[:2])
def test_a_program_starts_on_the_chosen_cpus(cpu: int) -> None:
    with started_on(str(cpu)):
        code = "import os; print(sorted(os.sched_getaffinity(0)))"
        found = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert found == f"[{cpu}]\n"
    assert sorted(os.sched_getaffinity(0)) == HERE


def test_without_a_choice_nothing_changes() -> None:
    with started_on(None):
        assert sorted(os.sched_getaffinity(0)) == HERE


def test_a_cpu_that_is_not_here_is_refused() -> None:
    missing = HERE[-1] + 1
    with pytest.raises(UsageError, match=rf"no CPU {missing} here; this process may use {cpus_text(HERE)}"):
        usable_cpus(f"{HERE[0]},{missing}")
    with pytest.raises(UsageError), started_on(str(missing)):
        raise AssertionError("started on a CPU that is not here")
