"""How often the gate's rules err, on simulated pairs: `python -m tests.benchmarks.gate_rates [COMPARISONS]`.

`python -m tests.benchmarks.gate_rates detectable [COMPARISONS]` prints instead the smallest slowdown that FAILs in 80 %
of comparisons, by the spread of the pairs and the number of pairs that there is time for.

Prints a Markdown table: for each spread of the pairs' effects and each true change, the verdicts in percent of the
comparisons and the pairs of processes used. Pairs are normal and independent here; real ones are in the gate's own
benchmark.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from statistics import fmean

import numpy as np

from anatomy.bench.regression_gate.margins import Margins
from anatomy.bench.regression_gate.sequential_sampling import Judged, Observation, judge

SPREADS = (0.02, 0.031, 0.052)
CHANGES = (0.0, 0.03, 0.05, 0.10)
SEED = 2026


def _pair(rng: np.random.Generator, change: float, spread: float) -> dict[str, Observation]:
    return {"step": Observation(float(rng.normal(math.log1p(change), spread)), 1.0)}


def row(spread: float, change: float, comparisons: int) -> str:
    """One line of the table."""
    rng = np.random.default_rng(SEED)
    found = [
        judge({"": lambda: _pair(rng, change, spread)}, {"": {"step": lambda base: Margins()}})[0][""]["step"]
        for _ in range(comparisons)
    ]
    shares = (
        100 * fmean(judged.verdict == verdict for judged in found) for verdict in ("PASS", "FAIL", "INCONCLUSIVE")
    )
    cells = (
        f"{spread:.1%}",
        f"+{change:.0%}",
        *(f"{share:.1f}" for share in shares),
        f"{fmean(j.pairs for j in found):.0f}",
    )
    return f"| {' | '.join(cells)} |"


BUDGETS = (8, 16, 32, 64)
POWER = 0.8


def detectable(spread: float, most: int, comparisons: int) -> float | None:
    """Smallest true change, to half a percent, that FAILs in `POWER` of comparisons with at most `most` pairs."""
    for change in np.arange(0.025, 1.0, 0.005):
        rng = np.random.default_rng(SEED)
        failed = fmean(_within(rng, float(change), spread, most).verdict == "FAIL" for _ in range(comparisons))
        if failed >= POWER:
            return float(change)
    return None


def _within(rng: np.random.Generator, change: float, spread: float, most: int) -> Judged:
    drawn: list[int] = []

    def draw() -> Mapping[str, Observation]:
        drawn.append(1)
        return _pair(rng, change, spread)

    rules = {"": {"step": lambda base: Margins()}}
    return judge({"": draw}, rules, lambda share: len(drawn) < share * most)[0][""]["step"]


def main() -> None:
    """Print a table."""
    words = sys.argv[1:]
    if words[:1] == ["detectable"]:
        comparisons = int(words[1]) if len(words) > 1 else 200
        print("| spread of pairs | " + " | ".join(f"{most} pairs" for most in BUDGETS) + " |")
        print("|---" * (1 + len(BUDGETS)) + "|")
        for spread in (0.005, 0.01, 0.02, 0.03, 0.05, 0.10):
            found = [detectable(spread, most, comparisons) for most in BUDGETS]
            cells = ["–" if change is None else f"+{change:.1%}" for change in found]
            print(f"| {spread:.1%} | {' | '.join(cells)} |", flush=True)
        return
    comparisons = int(words[0]) if words else 1000
    print("| spread of pairs | true change | PASS % | FAIL % | INCONCLUSIVE % | pairs |\n|---|---|---|---|---|---|")
    for spread in SPREADS:
        for change in CHANGES:
            print(row(spread, change, comparisons), flush=True)


if __name__ == "__main__":
    main()
