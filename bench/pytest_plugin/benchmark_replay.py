"""Feed recorded step times to pytest-benchmark through its public interface.

`benchmark.pedantic` times a function with the timer of the item's `benchmark` marker. Here only the function advances
that timer, by one recorded step per call. The table, the JSON and `pytest-benchmark compare` get the raw times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anatomy.bench.pytest_plugin.json_parameters import shown_parameters
from anatomy.bench.records.record import Record

# Figures of a record that go into `extra_info`.
_FIGURES = (
    "throughput_examples_per_s",
    "step_median_s",
    "step_p90_s",
    "step_p99_s",
    "peak_host_bytes",
    "peak_host_above_base_bytes",
    "step_peak_host_above_base_bytes",
    "peak_device_bytes",
    "cpu_cores_used",
)


class ReplayClock:
    """A timer for pytest-benchmark that shows only the times given to `replay`."""

    def __init__(self) -> None:
        self.__name__ = "anatomy.synchronised_step"
        self._now_s = 0.0

    def __call__(self) -> float:
        """Seconds since the last reset."""
        return self._now_s

    def replay(self, benchmark: Any, times: Sequence[float], info: Mapping[str, Any]) -> None:
        """Hand step times in seconds to the `benchmark` fixture, and `info` for its JSON."""
        # Its file must be written whatever the parameters are: a dict with tuples as keys ends json.dump.
        benchmark.params = None if benchmark.params is None else shown_parameters(benchmark.params)
        # `--dist` without workers distributes nothing, but makes pytest-benchmark disable itself.
        benchmark.disabled = False
        steps = iter(times)

        def reset() -> None:
            # From zero each time: end − start is then the recorded value to the last bit.
            self._now_s = 0.0

        def step() -> None:
            # A run with --benchmark-cprofile calls once more than there are steps.
            self._now_s = next(steps, 0.0)

        benchmark.extra_info.update(info)
        benchmark.pedantic(step, setup=reset, rounds=len(times), iterations=1)


def rounds(record: Record) -> list[float]:
    """Synchronised steps; of a loop (fit, predict) the seconds a step of each epoch."""
    return record.step_s or [block.seconds / block.steps for block in record.blocks]


def extra_info(record: Record) -> dict[str, Any]:
    """The record's figures beside the step times: counts, throughput, memory, settings in effect."""
    counted = ("parameters", "trainable_parameters", "macs", "flops")
    counts = {name: record.counts.whole(name) for name in counted} if record.counts else {}
    return {
        "key": record.key,
        "name": record.name,
        **record.case.model_dump(
            include={
                *("model", "backend", "mode", "batch_size", "dtype", "devices"),
                *("feed", "source", "workers", "steps_per_execution"),
            }
        ),
        **counts,
        **{name: getattr(record, name) for name in _FIGURES},
        "settings": record.settings,
        "not_measured": record.not_measured,
    }
