"""The parts of the acceptance, in their order, and how each runs: in a process of its own that is ended in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from anatomy.bench.machine.process_tree import family
from tests.gpu.acceptance_result import Part, conclude_part
from tests.gpu.part_report import kept_files, read_figures

LOG = "log.txt"
STAND_IN_FACTOR = 4
_TAIL_LINES = 3


@dataclass(frozen=True)
class PlannedPart:
    """A part.

    Attributes:
        name: module `tests.gpu.NAME_part`, with `-` for `_`.
        budget_s: seconds after which it is ended on a GPU.
        shows: what it shows, in a line.
    """

    name: str
    budget_s: float
    shows: str

    def budget(self, stand_in: bool) -> float:
        """Seconds, also of a stand-in, which may share its cores with other work."""
        return self.budget_s * STAND_IN_FACTOR if stand_in else self.budget_s

    @property
    def module(self) -> str:
        """The module that has its `run_part`."""
        return f"tests.gpu.{self.name.replace('-', '_')}_part"


# Together under nine minutes.
PARTS = (
    PlannedPart("telemetry", 40, "utilisation, power and memory by process against a known load"),
    PlannedPart("clock", 65, "honest cases pass, planted ones are caught"),
    PlannedPart("ceilings", 120, "products and bandwidth against the data sheet"),
    PlannedPart("models", 110, "VGG-16 and ResNet-50 in bfloat16: throughput, MFU, best batch"),
    PlannedPart("traces", 35, "traces whose sums are the profilers' own"),
    PlannedPart("profiles", 75, "time by layer of VGG-16 and ResNet-50"),
    PlannedPart("largest-batch", 55, "the largest batch by out-of-memory"),
    PlannedPart("two-processes", 35, "memory of two processes told apart"),
)


def run_planned(planned: PlannedPart, out: Path, stand_in: bool) -> Part:
    """Run a part in another process, whatever becomes of it; at its budget's end it is killed with all it started."""
    folder = out / planned.name
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.gpu.part_process", planned.name, str(folder)]
    budget_s = planned.budget(stand_in)
    start = time.perf_counter()
    with (folder / LOG).open("w") as log:
        process = subprocess.Popen(
            command + ["--stand-in"] * stand_in,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(out, stand_in),
            start_new_session=True,
        )
        ended = _wait(process, budget_s)
    seconds = time.perf_counter() - start
    if ended:
        ended += f"; it said: {_tail(folder / LOG)}"
    return conclude_part(planned.name, seconds, budget_s, read_figures(folder), kept_files(folder), ended)


def _environment(out: Path, stand_in: bool) -> dict[str, str]:
    """Ceilings are kept beside the result, not among the user's own; a stand-in sees no GPU and needs one thread."""
    without_gpu = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"} if stand_in else {}
    return os.environ | {"XDG_DATA_HOME": str((out / "data").absolute()), "ANATOMY_HISTORY": "off"} | without_gpu


def _wait(process: subprocess.Popen[bytes], budget_s: float) -> str:
    """Why it did not end by itself; empty if it did."""
    try:
        status = process.wait(budget_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"it took longer than its {budget_s:g} s"
    except BaseException:
        _kill(process)
        raise
    return "" if status == 0 else f"it ended with {_status(status)}"


def _status(status: int) -> str:
    return f"exit code {status}" if status > 0 else f"signal {signal.Signals(-status).name}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Fork servers and workers lead process groups of their own.
    for pid in family(process.pid):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    process.wait()


def _tail(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-_TAIL_LINES:]) or "nothing"
