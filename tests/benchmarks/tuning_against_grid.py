"""`anatomy tune` beside the whole grid: is what it chooses as good, and in what share of the time?

    python -m tests.benchmarks.tuning_against_grid [--mode train,infer] [--backend jax,…] [--minutes 5] [MODEL…]
    python -m tests.benchmarks.tuning_against_grid --without-grid          # what a search gains over the default
    python -m tests.benchmarks.tuning_against_grid --again --out FOLDER    # an hour later: do the intervals hold?

For each model and mode: the search; then every combination of the settings that it searches, at every power of two as
batch size up to the largest that it tried, each in a fresh process as long as one of the race; then the grid's best
and the choice against each other, in rounds of fresh processes that take turns: choosing the best of many noisy
figures flatters it. Prints a row of a table for each, and appends it to FOLDER/tuning.md. Hours for the quick zoo, on
a machine that does nothing else.

With `--without-grid` it prints what each search found, beside what the default gives, and how near its forecasts of
memory came: minutes a row.

With `--again` the choice and the default of each search in FOLDER are measured once more, in rounds of fresh processes
that take turns, and held against the interval that the search gave for the choice's advantage.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

from anatomy.bench.machine.collect_environment import collect
from anatomy.bench.records.batch_sizes import with_batch_size
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.records.tuning import TUNING_FILE, Tuning, read_tuning, setting_text
from anatomy.bench.runner.open_run import OpenRun, open_run
from anatomy.bench.runner.run_plan import RunPlan
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.statistics.interval import between_processes
from anatomy.bench.suites.suite import load_suite
from anatomy.bench.tuning.plan_tuning import plan_tuning
from anatomy.bench.tuning.search_space import changed, combinations
from anatomy.bench.tuning.tune_model import RACED_SECONDS, SilentSearch, TuneRequest, tune
from anatomy.models import format_model

ROUNDS = 5
HEADS = (
    *("model", "mode", "chosen", "the grid's best", "chosen by best (95 %)"),
    *("by default (95 %)", "search min", "grid min", "share"),
)
GAIN_HEADS = (
    *("model", "mode", "chosen", "examples/s, chosen / default", "by default (95 %)"),
    *("MiB, chosen / default", "forecasts of memory off by %", "search min"),
)
AGAIN_HEADS = ("model", "mode", "chosen", "by default (95 %)", "again (95 %)", "in the first interval", "overlap")


def grid(request: TuneRequest, largest: int) -> Iterator[Case]:
    """All combinations at all powers of two as batch size."""
    for one in combinations(request.default, request.backends, request.dtypes):
        jits = ("auto",) if one.backend not in ("tensorflow", "torch") else ("off", "on")
        for jit in jits:
            for power in range(largest.bit_length()):
                yield with_batch_size(changed(one, {"jit": jit}), 2**power)


def versus(session: Session, ours: Case, other: Case) -> tuple[float, tuple[float, float] | None]:
    """The throughput of one by the other's, in rounds."""
    ratios = []
    for number in range(ROUNDS):
        pair = (ours, other) if number % 2 else (other, ours)
        found = {case.key: rate(session.measure(case, Silent(), 100 + number)) for case in pair}
        if all(found.values()):
            ratios.append(found[ours.key] / found[other.key])
    if not ratios:
        return math.nan, None
    return math.exp(median(map(math.log, ratios))), between_processes(ratios)


def rate(record: Record) -> float:
    """Examples/s; 0 where there is no figure."""
    return (record.throughput_examples_per_s or 0.0) if record.outcome == "ok" else 0.0


def search(
    model: str, mode: str, backends: Sequence[str], minutes: float, out: Path
) -> tuple[TuneRequest, OpenRun, Tuning]:
    """Run the search for one model; return what was asked, the run and the answer."""
    request, plan = plan_tuning(model, mode=mode, backends=backends, minutes=minutes)  # type: ignore[arg-type]
    run = open_run(plan, out / f"{model.partition(':')[0]}-{mode}", collect(), ["tuning_against_grid"])
    return request, run, tune(request, run, SilentSearch())


def gain(found: Tuning) -> list[str]:
    """A row of the table of gains."""
    case, default = found.default, found.as_default
    if found.winner is None or default is None:
        return [f"`{case.model}`", case.mode, "none", *["–"] * 5]
    errors = [
        f"{100 * (one.forecast_bytes / one.measured_bytes - 1):+.0f}" for one in found.forecasts if one.measured_bytes
    ]
    sides = (found.winner, default)
    return [
        f"`{format_model(case.model, case.options)}`",
        case.mode,
        setting_text(found.winner.case),
        " / ".join(f"{one.figure:,.0f}" if one.figure else "–" for one in sides),
        _gain(found),
        " / ".join(f"{one.memory_bytes / 2**20:,.0f}" if one.memory_bytes else "–" for one in sides),
        ", ".join(errors) or "–",
        f"{found.seconds / 60:.1f}",
    ]


def compare(model: str, mode: str, backends: Sequence[str], minutes: float, out: Path) -> list[str]:
    """A row of the table."""
    request, run, found = search(model, mode, backends, minutes, out)
    if found.winner is None:
        return [model, mode, "none", *["–"] * 6]
    chosen = found.winner.case
    settings = run.settings.model_copy(update={"seconds": RACED_SECONDS})
    start = time.monotonic()
    with Session(run.writer, settings, run.environment, run.directory) as session:
        figures = {
            case: rate(session.measure(case, Silent(), 50))
            for case in grid(request, max(one.case.batch_size for one in found.contenders))
        }
        took = time.monotonic() - start
        best = max(figures, key=lambda case: figures[case])
        ratio = _text(*versus(session, chosen, best)) if best.key != chosen.key else "the same"
    return [
        f"`{model}`",
        mode,
        setting_text(chosen),
        setting_text(best),
        ratio,
        _gain(found),
        f"{found.seconds / 60:.1f}",
        f"{took / 60:.1f}",
        f"{found.seconds / took:.2f}",
    ]


def measured_again(folder: Path) -> list[str] | None:
    """A row of the second table for the search in a folder; `None` where the default was chosen, or has no figure."""
    found = read_tuning(folder)
    if found is None or found.winner is None or found.winner.case == found.default:
        return None
    advantage = found.advantage(found.as_default)
    if advantage is None or advantage[1] is None:
        return None
    case = found.winner.case
    plan = RunPlan("again", [case, found.default], MeasureSettings(seconds=RACED_SECONDS))
    run = open_run(plan, folder / time.strftime("again-%H-%M-%S"), collect(), ["tuning_against_grid"])
    with Session(run.writer, run.settings, run.environment, run.directory) as session:
        ratio, interval = versus(session, case, found.default)
    low, high = advantage[1]
    overlap = interval is None or (low <= interval[1] and interval[0] <= high)
    return [
        f"`{case.model}`",
        case.mode,
        setting_text(case),
        _text(*advantage),
        _text(ratio, interval),
        "yes" if low <= ratio <= high else "no",
        "yes" if overlap else "no",
    ]


def _gain(found: Tuning) -> str:
    if found.winner is not None and found.winner.case == found.default:
        return "it is the default"
    advantage = found.advantage(found.as_default)
    return "–" if advantage is None else _text(*advantage)


def _text(ratio: float, interval: tuple[float, float] | None) -> str:
    return f"{ratio:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="default: those of the quick suite")
    parser.add_argument("--mode", default="train,infer")
    parser.add_argument("--backend", default="", help="default: all that are installed")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=Path("anatomy-runs") / time.strftime("tuning-%Y-%m-%dT%H-%M-%SZ"))
    parser.add_argument("--without-grid", action="store_true", help="search alone, and print what is gained")
    parser.add_argument("--again", action="store_true", help="measure the searches in --out once more")
    given = parser.parse_args(arguments)
    if given.again:
        show(
            AGAIN_HEADS,
            (row for found in sorted(given.out.glob(f"*/{TUNING_FILE}")) if (row := measured_again(found.parent))),
            given.out,
        )
        return
    backends = list(filter(None, given.backend.split(",")))
    of_suite = [name for matrix in load_suite("quick").matrix for name in matrix.model]
    models = given.models or list(dict.fromkeys(of_suite))
    given.out.mkdir(parents=True, exist_ok=True)
    each = [(model, mode, backends, given.minutes, given.out) for model in models for mode in given.mode.split(",")]
    if given.without_grid:
        show(GAIN_HEADS, (gain(search(*one)[-1]) for one in each), given.out)
    else:
        show(HEADS, (compare(*one) for one in each), given.out)


def show(heads: Sequence[str], rows: Iterable[Sequence[str]], out: Path) -> None:
    """Print a table as its rows are made, and append it to `tuning.md`."""
    with (out / "tuning.md").open("a") as file:
        for cells in chain([heads, ["---"] * len(heads)], rows):
            line = f"| {' | '.join(cells)} |"
            print(line, file=file, flush=True)
            print(line, flush=True)


if __name__ == "__main__":
    main()
