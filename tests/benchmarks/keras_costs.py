"""The table of docs/what-keras-costs.md, from runs of `anatomy compare-frameworks`.

python -m tests.benchmarks.keras_costs RUN…
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from anatomy.bench.cli.screens.keras_cost_screen import ratio_text
from anatomy.bench.profiling.keras_difference import difference_sentence, explain_cost
from anatomy.bench.records.case_profile import Profile, read_profiles
from anatomy.bench.records.keras_cost import KerasCost, read_costs
from anatomy.models import format_model


def row(cost: KerasCost, profiles: Sequence[Profile]) -> str:
    """A row of the table."""
    case = cost.keras
    head = f"| `{format_model(case.model, case.options)}` | {case.mode} | {case.backend} | {case.batch_size}"
    if cost.outcome != "ok":
        return f"{head} | – | – | {cost.outcome}: {cost.reason} | |"
    explanation = explain_cost(cost, profiles) if cost.interval and cost.interval[0] > 1 else None
    where = difference_sentence(explanation) if explanation is not None and explanation.difference > 0 else ""
    keras_ms, native_ms = (1e3 * median(steps) for steps in (cost.keras_step_s, cost.native_step_s))
    return f"{head} | {keras_ms:.2f} | {native_ms:.2f} | {ratio_text(cost)} | {where} |"


def main(runs: Sequence[str]) -> None:
    """Print the table of some runs' costs."""
    print("| model | mode | framework | batch | Keras ms | own layers ms | ratio (95 %) | of the difference |")
    print("|---|---|---|---:|---:|---:|---|---|")
    for folder in map(Path, runs):
        profiles = read_profiles(folder)
        for cost in read_costs(folder):
            print(row(cost, profiles))


if __name__ == "__main__":
    main(sys.argv[1:])
