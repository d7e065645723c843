"""How a report, a history and a plan grow with their size: `python -m tests.benchmarks.scale`.

    python -m tests.benchmarks.scale report                 # runs of 10² to 10⁵ records
    python -m tests.benchmarks.scale report --most 10000    # up to 10⁴
    python -m tests.benchmarks.scale history                # histories of 10² to 10⁶ rows
    python -m tests.benchmarks.scale plan                   # plans of 10² to 10⁴ cases

Prints a Markdown table with a row for each size. Each is measured in a process of its own, whose peak of resident
memory is in the table. On a machine that others use too, the CPU's seconds say more than the clock's.

A run has the records of `reports/examples/quick` again and again, each time with another batch size, dtype policy and
compiler, then with another model, and with times scaled by up to 20 %. A history has up to 1,000 runs of such cases.
Files go to a temporary folder, or to `--folder`, where each is made once.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

QUICK = Path(__file__).parents[2] / "reports" / "examples" / "quick"
# Longer series than these are rare: fewer than one record of ten of that run has one.
LONGEST_SERIES = 250
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
DTYPES = ("float32", "mixed_bfloat16")
JITS = ("auto", "on")
RUNS_OF_HISTORY = 1000
SIZES = {"report": 10**5, "history": 10**6, "plan": 10**4}


def templates() -> list[dict[str, Any]]:
    """The records of the first process of each case of the quick run, as JSON objects."""
    lines = (QUICK / "records.jsonl").read_text().splitlines()
    first = [record for record in map(json.loads, lines) if record["repeat"] == 0]
    return [record for record in first if len(record["step_s"]) <= LONGEST_SERIES]


def varied_records(number: int) -> Iterator[dict[str, Any]]:
    """So many records, no two of one case: the templates in turn, each time with the next settings or model."""
    from anatomy.bench.records.case import Case

    draw = random.Random(7)
    made = templates()
    settings = [(batch, dtype, jit) for batch in BATCH_SIZES for dtype in DTYPES for jit in JITS]
    for n in range(number):
        record = dict(made[n % len(made)])
        variant, chosen = divmod(n // len(made), len(settings))
        batch, dtype, jit = settings[chosen]
        case = Case.model_validate(record["case"])
        options = {**case.options, **({"batch_size": batch} if case.options.get("stateful") else {})}
        model = f"networks.py:{case.model}_{variant}" if variant else case.model
        changed = {"model": model, "options": options, "batch_size": batch, "dtype": dtype, "jit": jit}
        varied = Case(**{**case.fields(), **changed})
        factor = draw.uniform(0.8, 1.2) * batch / case.batch_size
        record["case"] = varied.model_dump()
        record["name"] = f"{model} {case.mode} {case.backend} b{batch} {dtype} jit={jit}"
        record["step_s"] = [value * factor for value in record["step_s"]]
        record["blocks"] = [{**block, "seconds": block["seconds"] * factor} for block in record["blocks"]]
        yield record


def make_run(folder: Path, number: int) -> Path:
    """The folder of a run with so many records; made where it is not there."""
    run = folder / f"run-{number}"
    if not (run / "run.json").exists():
        run.mkdir(parents=True, exist_ok=True)
        planned = []
        with (run / "records.jsonl").open("w") as file:
            for record in varied_records(number):
                file.write(json.dumps(record) + "\n")
                planned.append(record["case"])
        header = json.loads((QUICK / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**header, "planned": planned}))
    return run


def make_history(folder: Path, rows: int) -> str:
    """The URL of a history with so many rows; made where it is not there."""
    from sqlalchemy import insert

    from anatomy.bench.history.history_store import History, figures_of_record
    from anatomy.bench.history.history_tables import FIGURES, RUNS
    from anatomy.bench.records.record import Record
    from anatomy.bench.records.run_store import RunHeader

    file = folder / f"history-{rows}.sqlite"
    url = f"sqlite:///{file}"
    if file.exists():
        return url
    runs = min(RUNS_OF_HISTORY, max(10, rows // 100))
    figures = [figures_of_record(Record.model_validate(record)) for record in varied_records(rows // runs)]
    header = RunHeader.model_validate_json((QUICK / "run.json").read_text())
    draw = random.Random(7)
    with History(url) as history, history._engine.begin() as connection:
        for number in range(runs):
            row = {
                "id": number + 1,
                "project": "networks",
                "run_id": f"run-{number:05}",
                "started_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)).isoformat(),
                "suite": "quick",
                "commit_hash": f"{number:040x}",
                "branch": "main",
                "dirty": False,
                "fingerprint": header.environment.fingerprint,
                "machine": "a machine",
                "environment": header.environment.model_dump(),
            }
            connection.execute(insert(RUNS).values(row))
            noise = draw.uniform(0.99, 1.01) * (1.1 if number > runs // 2 else 1.0)
            of_run = [
                {**one, "run": number + 1, "step_s": one["step_s"] and one["step_s"] * noise, "outcome": "ok"}
                for one in figures
            ]
            connection.execute(insert(FIGURES), of_run)
    return url


def measure_report(run: Path, out: Path) -> dict[str, Any]:
    """Seconds of the report, those of the CPUs by both processes, and the bytes of the page and of all files."""
    from anatomy.reports import write_report

    begin, worked = time.perf_counter(), os.times()
    write_report([run], ("html",), out)
    seconds, cpu = time.perf_counter() - begin, sum(os.times()[:4]) - sum(worked[:4])
    files = [path.stat().st_size for path in out.iterdir() if path.is_file()]
    return {
        "seconds": seconds,
        "cpu_s": cpu,
        "page_bytes": (out / "report.html").stat().st_size,
        "beside_bytes": sum(files),
    }


def measure_history(url: str) -> dict[str, Any]:
    """Seconds of the trend of one case, and of all trends of the project."""
    from anatomy.bench.history.find_trends import find_trends
    from anatomy.bench.history.history_store import History

    key = next(varied_records(1))["case"]["key"]
    begin = time.perf_counter()
    with History(url) as history:
        (trend,) = find_trends(history, "networks", "step_s", [key])
        one = time.perf_counter() - begin
        begin = time.perf_counter()
        trends = find_trends(history, "networks", "step_s")
        every = time.perf_counter() - begin
    return {"points": len(trend.points), "seconds": one, "trends": len(trends), "all_seconds": every}


def measure_plan(number: int) -> dict[str, Any]:
    """Seconds to plan so many cases."""
    from anatomy.bench.runner.run_plan import plan_run

    axes = {"backend": ["tensorflow,jax"], "mode": ["train,infer"], "dtype": [",".join(DTYPES)]}
    per_size = 2 * 2 * len(DTYPES) * 3
    sizes = -(-number // per_size)
    axes |= {"batch_size": [",".join(str(1 + size) for size in range(sizes))]}
    begin = time.perf_counter()
    planned = plan_run(["mlp", "vgg:depth=11", "lstm"], None, axes, {})
    return {"seconds": time.perf_counter() - begin, "cases": len(planned.cases)}


def opened_seconds(page: Path, profile: Path) -> float | None:
    """Seconds until Chromium has loaded a page and run its script; `None` without Chromium."""
    import pytest

    from tests.chromium import open_chromium

    try:
        browser = open_chromium(profile)
    except pytest.skip.Exception:
        return None
    try:
        browser.get("about:blank")
        begin = time.perf_counter()
        browser.get(page.as_uri())
        browser.execute_script("return document.body.offsetHeight")
        return time.perf_counter() - begin
    finally:
        browser.quit()


def in_a_process(measure: str, *arguments: str) -> dict[str, Any]:
    """What a function of this file measured in a fresh process, with the seconds and peak memory of the process."""
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--measure", measure, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report_rows(folder: Path, number: int) -> list[str]:
    """A row of the table of reports."""
    run, out = make_run(folder, number), folder / f"report-{number}"
    found = in_a_process("report", str(run), str(out))
    opened = opened_seconds(out / "report.html", folder / "browser")
    records = (run / "records.jsonl").stat().st_size
    return [
        f"{number:,}",
        f"{records / 2**20:,.1f}",
        f"{found['seconds']:,.1f}",
        f"{found['cpu_s']:,.1f}",
        f"{found['peak_bytes'] / 2**20:,.0f}",
        f"{found['page_bytes'] / 1e6:,.2f}",
        f"{(found['beside_bytes'] - found['page_bytes']) / 1e6:,.2f}",
        "–" if opened is None else f"{opened:.2f}",
    ]


def history_rows(folder: Path, number: int) -> list[str]:
    """A row of the table of histories."""
    found = in_a_process("history", make_history(folder, number))
    return [
        f"{number:,}",
        f"{found['points']:,}",
        f"{found['seconds']:.3f}",
        f"{found['trends']:,}",
        f"{found['all_seconds']:,.2f}",
        f"{found['peak_bytes'] / 2**20:,.0f}",
    ]


def plan_rows(_: Path, number: int) -> list[str]:
    """A row of the table of plans."""
    found = in_a_process("plan", str(number))
    return [f"{found['cases']:,}", f"{found['seconds']:.2f}", f"{found['peak_bytes'] / 2**20:,.0f}"]


TABLES: dict[str, tuple[Callable[[Path, int], list[str]], list[str]]] = {
    "report": (
        report_rows,
        [
            "records",
            "their file [MiB]",
            "report [s]",
            "of it CPU [s]",
            "peak [MiB]",
            "page [MB]",
            "beside it [MB]",
            "opened in [s]",
        ],
    ),
    "history": (history_rows, ["rows", "points of one", "one trend [s]", "trends", "all trends [s]", "peak [MiB]"]),
    "plan": (plan_rows, ["cases", "plan [s]", "peak [MiB]"]),
}
MEASURES: dict[str, Callable[..., dict[str, Any]]] = {
    "report": lambda run, out: measure_report(Path(run), Path(out)),
    "history": measure_history,
    "plan": lambda number: measure_plan(int(number)),
}


def show(what: str, most: int, folder: Path) -> None:
    """Print the table of one kind, a row for each power of ten."""
    row_of, heads = TABLES[what]
    print("| " + " | ".join(heads) + " |\n|" + " ---: |" * len(heads))
    for number in (10**power for power in range(2, 9) if 10**power <= most):
        print("| " + " | ".join(row_of(folder, number)) + " |", flush=True)


def main() -> None:
    """Print the tables that were asked for."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"any of {', '.join(TABLES)}; all by default")
    parser.add_argument("--most", type=int, help="the largest size; by default that of the goal")
    parser.add_argument("--folder", type=Path, help="where runs and histories are made and kept")
    parser.add_argument("--measure", choices=list(MEASURES), help="measure one size in this process, and print JSON")
    given = parser.parse_args()
    if given.measure:
        found = MEASURES[given.measure](*given.what)
        # Linux counts in KiB.
        print(json.dumps(found | {"peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
        return
    with TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        for what in given.what or TABLES:
            show(what, given.most or SIZES[what], folder)
            print()


if __name__ == "__main__":
    main()
