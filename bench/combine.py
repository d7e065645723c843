"""Several processes of one case as one record."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.bench.record import Record


def combine(records: Sequence[Record]) -> Record:
    """The record of the process with the middle figure, which then speaks for all of them.

    Its raw series stays its own; its median, throughput and intervals come from the processes. Where a
    process failed, the case did: its record is returned, with the count in its reason.
    """
    first, *more = sorted(records, key=lambda record: record.repeat)
    if not more:
        return first
    failed = [record for record in (first, *more) if record.outcome != "ok"]
    if failed:
        reason = f"{len(failed)} of {len(records)} processes: {failed[0].reason}"
        return failed[0].model_copy(update={"reason": reason})
    ordered = sorted(records, key=lambda record: (record.throughput_examples_per_s or 0.0, record.repeat))
    middle = ordered[(len(ordered) - 1) // 2]
    return middle.model_copy(
        update={
            "process_medians_s": [r.step_median_s for r in records if r.step_median_s is not None],
            "process_throughputs": [r.throughput_examples_per_s for r in records if r.throughput_examples_per_s],
        }
    )
