"""How often the gate errs on this machine: real pairs of processes, real work planted, beside the usual rules.

    python -m tests.benchmarks.gate_trial run FOLDER [IDENTICAL FIVE TEN]
    python -m tests.benchmarks.gate_trial table FOLDER
    python -m tests.benchmarks.gate_trial pack FOLDER RESULTS

`run` makes so many comparisons (60, 40 and 40 by default) of a chain of dense layers with itself, with 5 % and with
10 % more layers, in training on JAX; interrupted, it goes on where it was: every pair is on disk as soon as it is
measured. `table` prints what came of them, and what other rules say of the same steps. `pack` compresses the pairs into
RESULTS, from which both go on as well; what is committed is in `tests/benchmarks/gate_trial_results`.
"""

from __future__ import annotations

import gzip
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
from scipy import stats

from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.regression_gate.group_sequential import LOOKS
from anatomy.bench.regression_gate.paired_comparison import PILOT_TURNS, best_turns
from anatomy.bench.regression_gate.policy import DEFAULTS
from anatomy.bench.regression_gate.process_pair import Pair, measure_pair
from anatomy.bench.regression_gate.sampled_metrics import observe
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, judge
from anatomy.bench.regression_gate.side_workers import SideWorkers
from anatomy.bench.regression_gate.sides import Side

LAYERS = 60
# Planted growth of the work → comparisons.
PLANTED = {0.0: 60, 0.05: 40, 0.10: 40}
CASE = Case(model="chain.py:chain", mode="train", backend="jax", batch_size=128)
SETTINGS = MeasureSettings(warmup_s=0.2, warmup_budget_s=2.0, timeout_s=300)
MODEL = """
import keras


def chain():
    x = inputs = keras.Input((256,))
    for _ in range({layers}):
        x = keras.layers.Dense(256, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
"""
PAIRS, PACKED = "pairs.jsonl", "pairs.jsonl.gz"
ASV_FACTOR, ASV_P = 1.1, 0.002


@dataclass
class Comparison:
    """One comparison, its pairs measured now or read from an earlier start."""

    planted: float
    number: int
    workers: Mapping[str, SideWorkers] | None
    file: Path
    pairs: list[Pair]
    used: int = 0
    turns: int = PILOT_TURNS

    def draw(self) -> Mapping[str, Observation]:
        """The next pair: a recorded one while there are some."""
        if self.used == len(self.pairs):
            self.pairs.append(self._measure(1000 * self.number + self.used))
            line = {"planted": self.planted, "number": self.number, "pair": compact(self.pairs[-1])}
            with self.file.open("a") as file:
                # A torn line of an interrupted start gets an end of its own.
                file.write(f"\n{json.dumps(line)}")
        self.used += 1
        if self.used == LOOKS[0]:
            self.turns = best_turns(self.pairs[: self.used])
        return {"step": observe(self.pairs[self.used - 1])["step"]}

    def _measure(self, number: int) -> Pair:
        if self.workers is None:
            raise LookupError("not finished")
        workers = self.workers
        return measure_pair(
            CASE.key, number, self.turns, lambda name: workers[name].take_turns(CASE, number, checked=False)
        )

    def judge(self) -> Judged:
        """As the gate does for a suite of one case and one metric."""
        found, _ = judge({"": self.draw}, {"": {"step": DEFAULTS["step"].margins}})
        return found[""]["step"]

    @property
    def steps(self) -> tuple[list[float], list[float]]:
        """All turns of the base and of the candidate, in the order they were taken."""
        pairs = self.pairs[: self.used]
        return [t for p in pairs for t in p.base.step_s], [t for p in pairs for t in p.candidate.step_s]


def compact(pair: Pair) -> dict[str, Any]:
    """What the tables need: the turns to five digits, and no facts of the model, which are the same each time."""
    data = pair.model_dump()
    for name in ("base", "candidate"):
        times = [float(f"{seconds:.5g}") for seconds in data[name]["step_s"]]
        data[name] |= {"step_s": times, "cpu_s": [], "facts": {}}
    return data


def run(folder: Path, numbers: Sequence[int]) -> None:
    """Make the comparisons, the three kinds in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    recorded = _recorded(folder)
    with ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = _side(stack, made, "base", 0.0)
        candidates = {planted: _side(stack, made, "candidate", planted) for planted in PLANTED}
        for number in range(max(numbers)):
            for planted, wanted in zip(PLANTED, numbers, strict=True):
                if number >= wanted:
                    continue
                workers = {"base": base, "candidate": candidates[planted]}
                comparison = Comparison(planted, number, workers, folder / PAIRS, recorded.get((planted, number), []))
                judged = comparison.judge()
                print(f"+{planted:.0%} {number}: {judged.verdict} after {judged.pairs} pairs", flush=True)


def table(folder: Path) -> str:
    """Markdown: verdicts, pairs and time of the gate, then the alarms of each rule."""
    found: dict[float, list[tuple[Comparison, Judged]]] = {planted: [] for planted in PLANTED}
    for (planted, number), pairs in sorted(_recorded(folder).items()):
        comparison = Comparison(planted, number, None, folder / PAIRS, pairs)
        try:
            found[planted].append((comparison, comparison.judge()))
        except LookupError:
            continue
    return "\n".join([*_verdicts(found), "", *_rules(found)])


def _verdicts(found: Mapping[float, Sequence[tuple[Comparison, Judged]]]) -> Iterator[str]:
    yield (
        "| planted | comparisons | PASS % | FAIL % | INCONCLUSIVE % | pairs, median (most) | time, median (most) |"
        " effect of all pairs | spread of pairs |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for planted, group in found.items():
        if not group:
            continue
        shares = [
            100 * fmean(judged.verdict == verdict for _, judged in group)
            for verdict in ("PASS", "FAIL", "INCONCLUSIVE")
        ]
        pairs = [comparison.used for comparison, _ in group]
        seconds = [sum(pair.seconds for pair in comparison.pairs[: comparison.used]) for comparison, _ in group]
        effects = [observe(p)["step"].effect for comparison, _ in group for p in comparison.pairs[: comparison.used]]
        error = 1.96 * stdev(effects) / math.sqrt(len(effects))
        cells = (
            f"+{planted:.0%}",
            str(len(group)),
            *(f"{share:.1f}" for share in shares),
            f"{median(pairs):.0f} ({max(pairs)})",
            f"{median(seconds):.0f} s ({max(seconds):.0f} s)",
            f"{math.expm1(fmean(effects)):+.2%} ± {error:.2%}",
            f"{stdev(effects):.1%}",
        )
        yield f"| {' | '.join(cells)} |"


def _rules(found: Mapping[float, Sequence[tuple[Comparison, Judged]]]) -> Iterator[str]:
    yield "| alarms at, % | " + " | ".join(f"+{planted:.0%}" for planted in found) + " |"
    yield "|---" * (1 + len(found)) + "|"
    gate = [
        100 * fmean(judged.verdict == "FAIL" for _, judged in group) if group else math.nan for group in found.values()
    ]
    yield "| this gate | " + " | ".join(f"{share:.1f}" for share in gate) + " |"
    for name, alarm in RULES.items():
        shares = [
            100 * fmean(alarm(*comparison.steps) for comparison, _ in group) if group else math.nan
            for group in found.values()
        ]
        yield f"| {name} | " + " | ".join(f"{share:.1f}" for share in shares) + " |"


def _grown(statistic: Any, base: Sequence[float], candidate: Sequence[float]) -> bool:
    return bool(statistic(candidate) > 1.05 * statistic(base))


def _welch(base: Sequence[float], candidate: Sequence[float]) -> bool:
    return bool(stats.ttest_ind(base, candidate, equal_var=False, alternative="less").pvalue < 0.05)


def _asv(base: Sequence[float], candidate: Sequence[float]) -> bool:
    different = stats.mannwhitneyu(base, candidate).pvalue < ASV_P
    return bool(different and np.median(candidate) > ASV_FACTOR * np.median(base))


RULES = {
    "pytest-benchmark `mean:5%`": lambda a, b: _grown(fmean, a, b),
    "pytest-benchmark `min:5%`": lambda a, b: _grown(min, a, b),
    "pytest-benchmark `median:5%`": lambda a, b: _grown(median, a, b),
    "Welch's t on all steps, p < 0.05": _welch,
    "asv: Mann-Whitney, p < 0.002, and a factor of 1.1": _asv,
}


def _side(stack: ExitStack, made: Path, name: Any, planted: float) -> SideWorkers:
    directory = made / f"{name}-{planted:.0%}"
    directory.mkdir()
    (directory / "chain.py").write_text(MODEL.format(layers=round(LAYERS * (1 + planted))))
    workers = SideWorkers(Side(name, f"+{planted:.0%}", directory), SETTINGS, directory)
    stack.callback(workers.servers.close)
    return workers


def pack(folder: Path, results: Path) -> None:
    """Compress the pairs of a folder."""
    results.mkdir(parents=True, exist_ok=True)
    # Read before the file is opened: both may be in one folder.
    lines = "\n".join(_lines(folder)).encode()
    with gzip.GzipFile(results / PACKED, "wb", mtime=0) as file:
        file.write(lines)


def _lines(folder: Path) -> list[str]:
    packed, plain = folder / PACKED, folder / PAIRS
    lines = gzip.decompress(packed.read_bytes()).decode().split("\n") if packed.exists() else []
    return [line for line in [*lines, *(plain.read_text().split("\n") if plain.exists() else [])] if line]


def _recorded(folder: Path) -> dict[tuple[float, int], list[Pair]]:
    found: dict[tuple[float, int], list[Pair]] = {}
    for line in _lines(folder):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            # Torn by an interrupt: it was never used.
            continue
        found.setdefault((entry["planted"], entry["number"]), []).append(Pair.model_validate(entry["pair"]))
    return found


if __name__ == "__main__":
    verb, place, *rest = sys.argv[1:]
    if verb == "run":
        run(Path(place), [int(count) for count in rest] or list(PLANTED.values()))
    elif verb == "pack":
        pack(Path(place), Path(rest[0]))
    else:
        print(table(Path(place)))
