"""The steps of scripts against Anatomy's own, in alternating turns; and what a whole script prints."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Case, KerasBackend
from anatomy.bench.records.run_store import SCRIPTS_FOLDER
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.pair_effect import pair_effect
from anatomy.bench.regression_gate.process_pair import SideProcess, alternation
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.requests import TakeTurns, WorkerPlace
from anatomy.bench.runner.session import Silent
from tests.bench.conftest import Measure, cases_of, session_at
from tests.ratios import half_width, judge_ratio

MODELS = {
    "mlp": ("mlp:input_size=784,hidden=512x512", 256),
    "lstm": ("lstm", 128),
    "resnet": ("resnet:depth=8", 16),
}
TOLERANCE = 0.03
# Half-width of the interval of ln(ratio) at which there are pairs enough; wider than this, nothing is claimed.
PRECISION = 0.025
FEWEST_PAIRS, MOST_PAIRS = 4, 12
TURNS = 40
SHORTEST_TURN_S = 0.02
# Of what a script prints against the record: two processes on a shared machine differ by tens of percent, and a figure
# that is wrong by the number of steps by several times.
FACTOR = 1.5
ATTEMPTS = 3
SETTINGS = MeasureSettings(seconds=0.2, warmup_s=1.0, timeout_s=120)


@pytest.mark.backends
@pytest.mark.slow
@pytest.mark.parametrize("backend", installed_backends())
@pytest.mark.parametrize("model", MODELS)
def test_a_script_takes_the_same_time_a_step(
    model: str, backend: KerasBackend, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Pairs of fresh processes, a worker of Anatomy's and the script's own, that take turns as in the gate."""
    text, batch_size = MODELS[model]
    mode = "infer" if backend == "openvino" else "train"
    (case,) = cases_of([text], backend=backend, mode=mode, batch_size=batch_size)
    with session_at(tmp_path / "run", SETTINGS) as session:
        record = session.measure(case, Silent())
    assert record.outcome == "ok", record.reason
    script = tmp_path / "run" / SCRIPTS_FOLDER / f"{case.key}.py"
    logs: list[float] = []
    host = ForkServerClient(backend, tmp_path)
    try:
        # Precision alone decides when to stop: stopping at a ratio that pleases would choose the ratio.
        while len(logs) < FEWEST_PAIRS or (half_width(logs) > PRECISION and len(logs) < MOST_PAIRS):
            logs.append(_log_ratio(host, case, script, tmp_path, len(logs)))
    finally:
        host.close()
    verdict, said = judge_ratio(f"{model} {backend}: script / Anatomy", logs, TOLERANCE, PRECISION)
    record_property("ratio", said)
    print(said)
    if verdict == "differs":
        pytest.fail(said)
    if verdict == "unclear":
        pytest.skip(f"this machine is too noisy to say: {said}")


@pytest.mark.quiet
@pytest.mark.backends
@pytest.mark.extended
def test_a_script_prints_the_figures_of_its_record(measure: Measure, tmp_path: Path) -> None:
    pytest.importorskip("jax")
    cases = cases_of(["mlp"], backend="jax", mode="train", batch_size=64)
    tried = []
    for number in range(ATTEMPTS):
        (record,) = measure(cases, f"run-{number}", seconds=1.0)
        assert record.outcome == "ok", record.reason
        assert record.throughput_examples_per_s
        assert record.step_median_s
        figures = _printed(tmp_path / f"run-{number}" / SCRIPTS_FOLDER / f"{record.key}.py")
        assert figures.keys() == {"throughput examples/s", "median step ms"}
        tried.append(
            (
                figures["throughput examples/s"] / record.throughput_examples_per_s,
                figures["median step ms"] / (1e3 * record.step_median_s),
            )
        )
        if all(1 / FACTOR < ratio < FACTOR for ratio in tried[-1]):
            return
    pytest.fail(f"script / record, of throughput and median step: {tried}")


def _printed(script: Path) -> dict[str, float]:
    """Name with unit → figure, of a script that is run as a user runs it."""
    done = subprocess.run(
        [sys.executable, script], cwd=script.parent, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    parts = (line.rsplit(maxsplit=2) for line in done.stdout.splitlines())
    return {f"{name} {unit}": float(value) for name, value, unit in parts}


def _log_ratio(host: ForkServerClient, case: Case, script: Path, folder: Path, number: int) -> float:
    """ln(script's seconds a step / Anatomy's) of one pair; which of them starts and goes first is drawn."""
    scripts_first = random.Random(f"{case.key}-{number}").random() < 0.5
    with _script_process(script) as theirs, _worker(host, case, folder, number) as ours:
        if scripts_first:
            theirs.warm_up()
        step_s = ours.warm_up()
        assert step_s is not None, ours.failure()
        if not scripts_first:
            theirs.warm_up()
        steps = max(1, math.ceil(SHORTEST_TURN_S / step_s))
        for name in alternation(TURNS, "candidate" if scripts_first else "base"):
            if name == "candidate":
                theirs.turn(steps)
            else:
                assert ours.turn(steps), ours.failure()
        ours.finish()
        assert not ours.failure()
        return pair_effect(ours.facts().step_s, theirs.step_s)


def _worker(host: ForkServerClient, case: Case, folder: Path, number: int) -> SideProcess:
    place = WorkerPlace(log=folder / f"{number}.log", directory=folder)
    request = TakeTurns(place=place, settings=SETTINGS, case=case, fifo=folder / f"{number}.fifo", checked=False)
    return SideProcess("base", "Anatomy", host, request)


class _Script:
    """The script's process; it is started by `warm_up`, so that it works while the other one does not."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self.process: subprocess.Popen[str] | None = None
        self.step_s: list[float] = []

    def warm_up(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("turn_taker.py")), str(self._script)],
            env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
            cwd=self._script.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def turn(self, steps: int) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        print(json.dumps(steps), file=self.process.stdin, flush=True)
        self.step_s.append(float(self._answer()))

    def _answer(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def _script_process(script: Path) -> Iterator[_Script]:
    made = _Script(script)
    try:
        yield made
    finally:
        if made.process is not None:
            made.process.kill()
            made.process.communicate()
