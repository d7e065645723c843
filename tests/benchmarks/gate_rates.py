"""How often the gate's rules err, on simulated pairs: `python -m tests.benchmarks.gate_rates [COMPARISONS]`.

Prints a Markdown table: for each spread of the pairs' effects and each true change, the verdicts in percent of the
comparisons and the pairs of processes used. Pairs are normal and independent here; real ones are in the gate's own
benchmark.
"""

from __future__ import annotations

import math
import sys
from statistics import fmean

import numpy as np

from anatomy.bench.gate.margins import Margins
from anatomy.bench.gate.trial import Observation, judge

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


def main() -> None:
    """Print the table."""
    comparisons = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("| spread of pairs | true change | PASS % | FAIL % | INCONCLUSIVE % | pairs |\n|---|---|---|---|---|---|")
    for spread in SPREADS:
        for change in CHANGES:
            print(row(spread, change, comparisons), flush=True)


if __name__ == "__main__":
    main()
