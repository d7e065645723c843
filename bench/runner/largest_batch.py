"""The largest batch size that fits, found by trying: each in a fresh process that is held to a memory limit."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from anatomy.bench.records.batch_sizes import (
    BatchSizes,
    smallest_batch,
    summarise_batch_sizes,
    why_too_large,
    with_batch_size,
)
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.records.whole_file import write_whole
from anatomy.bench.runner.session import Listener, Session
from anatomy.bench.statistics.batch_size_search import RESOLUTION, between, search

FOUND_FILE = "largest_batch.json"
# A model that takes so many examples at once is not limited by memory; no more are tried.
LARGEST_BATCH = 2**20
# A try is measured so briefly: it says whether the batch fits, and the throughput to a few percent.
TRY_SECONDS = 0.5


class Known(NamedTuple):
    """What an earlier part of the run has measured.

    Attributes:
        tries: by the key of the case.
        finals: by key and repeat.
    """

    tries: Mapping[str, Record]
    finals: Mapping[tuple[str, int], Record]


NOTHING_KNOWN = Known({}, {})


def known_of(records: Sequence[Record]) -> Known:
    """From all lines of a run's file, in order: of a case's lines the first is the try, and what follows is final."""
    tries: dict[str, Record] = {}
    finals: dict[tuple[str, int], Record] = {}
    for record in records:
        if record.key in tries:
            finals[record.key, record.repeat] = record
        else:
            tries[record.key] = record
    return Known(tries, finals)


def smallest_cases(cases: Sequence[Case]) -> list[Case]:
    """Each case once at its smallest batch size: where its search begins, and what stands for it in a run's plan."""
    smallest = (case if case.mode == "count" else with_batch_size(case, smallest_batch(case)) for case in cases)
    return list({case.key: case for case in smallest}.values())


def measure_largest(
    session: Session, case: Case, listener: Listener, known: Known = NOTHING_KNOWN
) -> tuple[BatchSizes, list[Record]]:
    """Find the largest batch of `case` that fits, and measure it as any other case.

    Every try is a record of the run. What is known is not measured again.

    Returns:
        What was found, and the final records, one a process; where nothing fits, that of the smallest batch.
    """
    limit = session.settings.memory_limit_bytes
    step = smallest_batch(case)
    tried: dict[int, Record] = {}
    largest = _try(search(LARGEST_BATCH, RESOLUTION, step), tried, session, case, listener, known)
    finals = list(tried.values())
    while largest is not None:
        chosen = with_batch_size(case, largest)
        finals = [
            known.finals.get((chosen.key, repeat)) or session.measure(chosen, listener, repeat)
            for repeat in range(session.settings.processes)
        ]
        refuted = next((record for record in finals if why_too_large(record, limit)), None)
        if refuted is None:
            break
        # Longer, it has met the limit after all: the search goes on below it.
        tried[largest] = refuted
        fits = max((size for size, one in tried.items() if not why_too_large(one, limit)), default=None)
        rest = between(fits, largest, RESOLUTION, step) if fits is not None else None
        largest = _try(rest, tried, session, case, listener, known) if rest is not None else None
    return summarise_batch_sizes(list(tried.values()), limit), finals


def keep_searches(folder: Path, found: Sequence[BatchSizes]) -> None:
    """Write what was found into `largest_batch.json`, beside the records that it was found from."""
    text = json.dumps([sizes.to_dict() for sizes in found], indent=2)
    write_whole(folder / FOUND_FILE, text + "\n")


def _try(
    running: Generator[int, bool, int | None],
    tried: dict[int, Record],
    session: Session,
    case: Case,
    listener: Listener,
    known: Known,
) -> int | None:
    """Measure briefly each batch size that a search asks for, into `tried`; the largest that fits."""
    limit = session.settings.memory_limit_bytes
    brief = _brief(session.settings)
    try:
        size = next(running)
        while True:
            one = with_batch_size(case, size)
            tried[size] = known.tries.get(one.key) or session.measure(one, listener, settings=brief)
            size = running.send(not why_too_large(tried[size], limit))
    except StopIteration as done:
        largest: int | None = done.value
        return largest


def _brief(settings: MeasureSettings) -> MeasureSettings:
    """Those of a try; the limits of memory and time stay."""
    return settings.model_copy(
        update={
            "seconds": min(settings.seconds, TRY_SECONDS),
            "warmup_s": min(settings.warmup_s, TRY_SECONDS / 5),
            "warmup_budget_s": min(settings.warmup_budget_s, TRY_SECONDS),
        }
    )
