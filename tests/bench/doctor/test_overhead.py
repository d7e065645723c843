"""The cost of observing, from planted times and for real."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.doctor.observer_overhead import measure_overhead, order, summarise
from anatomy.bench.doctor.observers import Observers
from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.runner.worker_handle import STEPS_WATCH_INTERVAL_S


@pytest.mark.parametrize(("cost", "verdict"), [(0.0, "within"), (0.003, "within"), (0.02, "over")])
def test_a_planted_cost_is_found(cost: float, verdict: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.005, (2, 400))
    bare, observed = 0.005 * np.exp(noise[0]), 0.005 * (1 + cost) * np.exp(noise[1])
    found = summarise(list(bare), list(observed), 0.0, 0.005)
    assert found.verdict == verdict
    assert found.low < cost < found.high


def test_a_machine_that_changes_its_speed_hides_no_cost() -> None:
    """A tenth of the pairs is astride a change between two speeds, as on a shared machine."""
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.005, (2, 1000)) + np.log(1.6) * (generator.random((2, 1000)) < 0.05)
    bare, observed = 0.005 * np.exp(noise[0]), 0.005 * 1.01 * np.exp(noise[1])
    found = summarise(list(bare), list(observed), 0.0, 0.005)
    assert found.verdict == "over"
    assert found.high - found.low < 0.002


def test_wild_times_say_nothing() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (2, 20))
    assert summarise(list(np.exp(noise[0])), list(np.exp(noise[1])), 0.0, 0.005).verdict == "too noisy to say"


def test_too_few_pairs_are_an_error() -> None:
    with pytest.raises(ValueError, match="6 independent pairs or more, of 3"):
        summarise([1.0, 1.1, 1.2], [1.0, 1.1, 1.2], 0.0, 0.005)


@given(st.integers(1, 50))
def test_each_pair_has_both_and_their_order_alternates(pairs: int) -> None:
    blocks = list(order(pairs))
    assert len(blocks) == 2 * pairs
    first = blocks[::2]
    assert all(a != b for a, b in zip(first, blocks[1::2], strict=True))
    assert all(a != b for a, b in pairwise(first))


@pytest.mark.quiet
@pytest.mark.extended
@pytest.mark.process
def test_the_real_thing_runs() -> None:
    class Counting(Observers):
        waited = 0

        def wait(self, answer: object) -> None:
            Counting.waited += 1
            super().wait(answer)  # type: ignore[arg-type]

    found = measure_overhead(0.001, 0.01, lambda pid: Counting(pid, DeviceSampler()), pairs=40)
    assert Counting.waited == found.pairs == 40
    assert 1e-5 < found.step_s < 0.1
    assert found.low <= found.cost <= found.high
    assert found.supervisor_cores < 0.5


class Slow:
    """A sampler whose start burns a known time of the supervisor."""

    gpu_reason = cpu_reason = ""

    def start(self, pid: int | None = None) -> None:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass

    def stop(self) -> None:
        """Nothing to end."""


@pytest.mark.quiet
@pytest.mark.extended
@pytest.mark.process
def test_what_the_observers_compute_is_seen() -> None:
    slow: DeviceSampler = Slow()  # type: ignore[assignment]
    found = measure_overhead(0.001, 0.01, lambda pid: Observers(pid, slow), pairs=40)
    assert 0.02 < found.supervisor_cores < 0.5


@pytest.mark.process
def test_observers_read_at_the_pace_of_a_run() -> None:
    """Windows shorter than the pace are strung together: no reading of its own for each."""
    program = "import sys, time\nfor _ in sys.stdin: time.sleep(0.04); print(1, flush=True)"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as child:  # type: ignore[call-overload]
        observers = Observers(child.pid, DeviceSampler())
        start = time.perf_counter()
        for _ in range(20):
            child.stdin.write("go\n")
            child.stdin.flush()
            observers.wait(child.stdout)
            child.stdout.readline()
        observed_s = time.perf_counter() - start
        child.stdin.close()
    readings = observers.readings
    assert readings > 0
    assert readings <= observed_s / STEPS_WATCH_INTERVAL_S


@pytest.mark.process
def test_an_observed_process_that_dies_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended with status"):
        measure_overhead(float("nan"), 0.01, lambda pid: Observers(pid, DeviceSampler()), pairs=1)
