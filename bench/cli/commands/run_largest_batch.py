"""`anatomy run --batch-size max`: a search for each case, its tries as they end, and what it found."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.batch_sizes import BatchSizes
from anatomy.bench.records.run_store import RECORDS_FILE, load_run, read_records
from anatomy.bench.statistics.saturation import in_words

if TYPE_CHECKING:
    from anatomy.bench.cli.screens.progress_display import Display
    from anatomy.bench.records.case import Case
    from anatomy.bench.records.record import Record
    from anatomy.bench.runner.nodes.launcher import Place
    from anatomy.bench.runner.open_run import Asked, Begun

FOUND_FILE = "largest_batch.json"


def refuse_search(what: Asked | Path, cluster: str | None, nodes: bool, profile: bool = False) -> None:
    """A search is for one machine: which size comes next depends on how the last one went there.

    Raises:
        UsageError: it was asked for on several, or with profiles.
    """
    is_search = load_run(what).header.largest_batch if isinstance(what, Path) else what.largest_batch
    if is_search and (cluster is not None or nodes):
        option = "--nodes" if nodes else "--cluster"
        raise UsageError(f"--batch-size max is found on one machine; leave out {option}, or give batch sizes")
    if is_search and profile:
        raise UsageError(
            "--batch-size max tries many sizes; find the largest with anatomy run MODEL --batch-size max, then profile"
            " it: anatomy profile MODEL --batch-size N"
        )


def measure_searches(
    begun: Begun, fingerprint: str, place: Place | None, json: bool, quiet: bool
) -> tuple[list[Record], bool]:
    """Search for each case until done or Ctrl-C; the final records, and whether it was interrupted.

    Every try is on disk either way, and a search that is resumed takes them as they are.
    """
    from rich.console import Console

    from anatomy.bench.cli.screens.progress_display import Display
    from anatomy.bench.runner.largest_batch import known_of, measure_largest
    from anatomy.bench.runner.session import Session

    console = Console(stderr=json)
    known = known_of(read_records(begun.writer.path / RECORDS_FILE))
    finals: list[Record] = []
    found: list[BatchSizes] = []
    try:
        with (
            Session(begun.writer, begun.settings, fingerprint) as session,
            Display(console, None, quiet) as display,
        ):
            listener = _Printing(display, json)
            for case, _ in begun.todo:
                if case.mode == "count":
                    finals.append(known.tries.get(case.key) or session.measure(case, listener))
                    continue
                sizes, records = measure_largest(session, case, listener, known)
                found.append(sizes)
                finals += records
                _keep(begun.writer.path, found)
    except KeyboardInterrupt:
        return finals, True
    for sizes in found:
        if json:
            print(json_module.dumps({"largest_batch": sizes.to_dict()}), flush=True)
        if not quiet:
            console.print(sentence(sizes), highlight=False, markup=False, soft_wrap=True)
    return finals, False


def sentence(sizes: BatchSizes) -> str:
    """What a search found, in a line."""
    growth = ""
    if sizes.growth is not None:
        best = sizes.growth.best
        growth = (
            f" Throughput {in_words(sizes.growth)} (best: {best.examples_per_s:,.1f} examples/s at {best.batch_size})."
        )
    if sizes.largest_record is None:
        name = sizes.too_large.name if sizes.too_large else "nothing"
        met = "no batch fits" if sizes.by_memory else "the smallest batch could not be measured"
        return f"{name}: {met}; {sizes.why}"
    if sizes.too_large is None:
        return f"{sizes.largest_record.name} fits, and no larger batch was tried.{growth}"
    size = sizes.too_large.case.batch_size
    fits, lacks = ("fits", "does not") if sizes.by_memory else ("was measured", "could not be")
    return f"{sizes.largest_record.name} is the largest batch that {fits}; {size} {lacks}: {sizes.why}.{growth}"


class _Printing:
    """The display, and each record as a line of JSON where that was asked for."""

    def __init__(self, display: Display, json: bool) -> None:
        self._display, self._json = display, json

    def begin(self, case: Case, name: str) -> None:
        self._display.begin(case, name)

    def phase(self, name: str) -> None:
        self._display.phase(name)

    def end(self, record: Record) -> None:
        self._display.end(record)
        if self._json:
            print(record.model_dump_json(), flush=True)


def _keep(folder: Path, found: list[BatchSizes]) -> None:
    """What was found, beside the records that it was found from."""
    text = json_module.dumps([sizes.to_dict() for sizes in found], indent=2)
    (folder / FOUND_FILE).write_text(text + "\n")
