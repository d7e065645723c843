"""What a search for the best settings of a model has found: `tuning.json` in a run's folder.

History of the format (`schema_version`):
    1   first version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Literal

from pydantic import Field

from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.checked_numbers import ByteCount
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.jsonl import read_model
from anatomy.bench.records.record import Record
from anatomy.bench.records.whole_file import write_whole
from anatomy.bench.statistics.interval import Interval, between_processes

SCHEMA_VERSION = 1
TUNING_FILE = "tuning.json"
# How the suite of a search begins: its goal follows.
SEARCH = "tune "

_TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch", "openvino": "OpenVINO"}

GoalName = Literal["throughput", "latency", "memory", "energy"]
Standing = Literal["winner", "as good", "dropped", "out", "too slow to race"]


class Goal(Frozen):
    """What is sought.

    Attributes:
        name: the most examples/s; the shortest step; the least memory over the steps; the most examples per joule.
        max_latency_s: seconds that the 99th percentile of a step may take.
        max_memory_bytes: bytes that the steps may take above what the process had before the model.
        min_batch_size: the smallest batch that is of use.
    """

    name: GoalName = "throughput"
    max_latency_s: float | None = Field(default=None, gt=0)
    max_memory_bytes: ByteCount | None = Field(default=None, gt=0)
    min_batch_size: int = Field(default=1, ge=1)

    def figure(self, record: Record) -> float | None:
        """What is sought as a number of which more is better; `None` where the record has none."""
        if record.outcome != "ok":
            return None
        if self.name == "throughput":
            return record.throughput_examples_per_s
        if self.name == "energy":
            return record.examples_per_joule
        found = record.step_median_s if self.name == "latency" else memory_of(record)
        return 1 / found if found else None

    def missed_by(self, record: Record) -> tuple[float, str]:
        """By what factor a record misses a limit, and in words which; 1 and nothing where it meets all."""
        slowest = _late(record)
        if self.max_latency_s is not None and slowest is not None and slowest > self.max_latency_s:
            ratio = slowest / self.max_latency_s
            return ratio, f"a step takes {1e3 * slowest:.3g} ms, and {1e3 * self.max_latency_s:.3g} ms are allowed"
        memory = memory_of(record)
        if self.max_memory_bytes is not None and memory is not None and memory > self.max_memory_bytes:
            ratio = memory / self.max_memory_bytes
            return ratio, f"it takes {_mib(memory)}, and {_mib(self.max_memory_bytes)} are allowed"
        return 1.0, ""


class Contender(Frozen):
    """One combination of settings.

    Attributes:
        case: the settings.
        standing: `winner`; `as good`, where the race could not tell it from the winner; `dropped` in the race; `out`
            before it, for `reason`; or `too slow to race`.
        reason: why it is out or dropped.
        brief: the figure of its first, short measurement; `None` where it has none.
        rounds: its figure in each round of the race that it was in, from the first.
        memory_bytes: of its last measurement.
    """

    case: Case
    standing: Standing
    reason: str = ""
    brief: float | None = None
    rounds: list[float] = Field(default_factory=list)
    memory_bytes: ByteCount | None = None

    @property
    def figure(self) -> float | None:
        """The median of the rounds, else that of the first measurement."""
        return median(self.rounds) if self.rounds else self.brief


class MemoryForecast(Frozen):
    """What the memory of a batch size was said to be before it was tried.

    Attributes:
        case: the case that was then measured.
        forecast_bytes: from the line through smaller batch sizes.
        measured_bytes: what it took; `None` where it was not tried since it would not have fitted.
    """

    case: Case
    forecast_bytes: ByteCount
    measured_bytes: ByteCount | None = None


class Tuning(Frozen):
    """The answer for one model.

    Attributes:
        schema_version: version of the format.
        goal: what was sought.
        default: the settings that are compared with: the model as it is given, Keras's defaults.
        tolerance: settings whose figures differ by less are equally good.
        contenders: all combinations that were tried, in order of trial.
        forecasts: of memory.
        left_out: settings that were not tried for want of time, in words.
        not_tried: what the search leaves out, in words.
        seconds: that the search took.
        stopped: why the race ended.
    """

    schema_version: int = SCHEMA_VERSION
    goal: Goal
    default: Case
    tolerance: float
    contenders: list[Contender]
    forecasts: list[MemoryForecast] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list)
    not_tried: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    stopped: str = ""

    @property
    def winner(self) -> Contender | None:
        """What to use; `None` where nothing meets the limits."""
        return next((one for one in self.contenders if one.standing == "winner"), None)

    @property
    def as_default(self) -> Contender | None:
        """The default among the contenders."""
        return next((one for one in self.contenders if one.case == self.default), None)

    def advantage(self, over: Contender | None) -> tuple[float, Interval | None] | None:
        """How many times as good the winner is, with its 95 % interval between processes, of the rounds of both."""
        winner = self.winner
        if winner is None or over is None:
            return None
        if pairs := list(zip(winner.rounds, over.rounds, strict=False)):
            ratios = [ours / theirs for ours, theirs in pairs]
            # As the race compares them.
            return math.exp(fmean(map(math.log, ratios))), between_processes(ratios)
        if winner.figure and over.figure:
            return winner.figure / over.figure, None
        return None


def setting_text(case: Case) -> str:
    """`JAX, mixed_bfloat16, batch 8`; the compiler, the feed and the steps per execution where they are set."""
    title = _TITLES.get(case.backend, case.backend)
    jit = {"on": ["compiled as a whole"], "off": ["not compiled"]}.get(case.jit, [])
    feed = [] if case.feed_name == "numpy" else [case.feed_name.removeprefix("numpy ")]
    return ", ".join([title, *jit, case.dtype, *feed, f"batch {case.batch_size}"])


def memory_of(record: Record) -> int | None:
    """Bytes over the steps: of the device where its allocator says, else of the process above what it had before.

    `None` for Keras's loops: their epochs' data are in the memory of the process.
    """
    if record.case.mode in LOOPS:
        return None
    return record.peak_device_bytes or record.step_peak_host_above_base_bytes or record.peak_host_above_base_bytes


def front(contenders: Sequence[Contender]) -> list[Contender]:
    """The contenders that no other beats in both figure and memory, by memory."""
    able = [c for c in contenders if c.standing != "out" and c.figure is not None and c.memory_bytes is not None]
    able.sort(key=lambda c: (c.memory_bytes or 0, -(c.figure or 0.0)))
    found: list[Contender] = []
    for one in able:
        if not found or (one.figure or 0.0) > (found[-1].figure or 0.0):
            found.append(one)
    return found


def write_tuning(folder: Path, tuning: Tuning) -> None:
    """Write `tuning.json` into a run's folder."""
    write_whole(folder / TUNING_FILE, tuning.model_dump_json(indent=2) + "\n")


def read_tuning(folder: Path) -> Tuning | None:
    """The answer of a run; `None` where it has none.

    Raises:
        UsageError: the file is damaged, or a newer Anatomy wrote it.
    """
    path = folder / TUNING_FILE
    if not path.exists():
        return None
    return read_model(path.read_bytes(), Tuning, str(path), "a tuning", SCHEMA_VERSION)


def _late(record: Record) -> float | None:
    """The 99th percentile of the steps; below 100 of them, the slowest."""
    return record.step_p99_s or (max(record.step_s) if record.step_s else None)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
