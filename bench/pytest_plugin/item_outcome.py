"""What becomes of an item: measured, compared by the gate, called once, or an ERROR with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from anatomy.bench.pytest_plugin.hook_edge import sentence_on

if TYPE_CHECKING:
    from anatomy.bench.pytest_plugin.benchmark_replay import ReplayClock
    from anatomy.bench.pytest_plugin.items import PytestRun
    from anatomy.bench.records.case import Case
    from anatomy.bench.records.record import Record
    from anatomy.bench.regression_gate.gate_session import GateSession

# Of a session: its run, its gate, and how many items that judges.
RUN: pytest.StashKey[PytestRun] = pytest.StashKey()
GATE: pytest.StashKey[GateSession] = pytest.StashKey()
GATED_ITEMS: pytest.StashKey[int] = pytest.StashKey()
# Of an item that measures: the clock that pytest-benchmark reads.
CLOCK: pytest.StashKey[ReplayClock] = pytest.StashKey()


def run_of(item: pytest.Item) -> PytestRun:
    """The run that the item's session measures into."""
    stash = item.config.stash
    if RUN not in stash:
        from anatomy.bench.pytest_plugin.items import PytestRun

        stash[RUN] = PytestRun(item.config)
    return stash[RUN]


def measure(item: pytest.Item, case: Case, benchmark: Any | None) -> Record:
    """Measure the case of an item; it is skipped where that is not supported, and fails where it does not succeed.

    Args:
        item: of pytest.
        case: what is measured.
        benchmark: pytest-benchmark's fixture, which gets the step times.
    """
    from anatomy.bench.pytest_plugin.benchmark_replay import extra_info, rounds

    record = run_of(item).measure(case)
    item.user_properties.append(("anatomy_key", record.key))
    if record.outcome == "unsupported":
        pytest.skip(record.reason)
    if record.outcome != "ok":
        pytest.fail(f"{record.name}: {record.outcome}: {record.reason}", pytrace=False)
    if benchmark is not None:
        item.stash[CLOCK].replay(benchmark, rounds(record), extra_info(record))
    return record


def judge(item: pytest.Item, case: Case, benchmark: Any | None) -> None:
    """Let the gate decide whether the item passes."""
    from anatomy.bench.backends.available import unsupported_reason
    from anatomy.bench.pytest_plugin.gated_items import judge_item

    marker = item.get_closest_marker("anatomy")
    given = marker.kwargs if marker is not None else {}
    unsupported = None if given.get("backend") is not None else unsupported_reason(case)
    if unsupported:
        pytest.skip(unsupported)
    stash = item.config.stash
    found = judge_item(stash[GATE], case, item.nodeid, given.get("tolerate", {}), stash[GATED_ITEMS])
    item.user_properties += [("anatomy_key", case.key), ("anatomy_verdict", found.verdict)]
    step = found.metric("step")
    if benchmark is not None and step is not None and step.candidate is not None:
        info = {"verdict": found.verdict, "pairs": found.pairs, "key": case.key, "name": found.name}
        metrics = {metric.metric: metric.model_dump() for metric in found.metrics}
        item.stash[CLOCK].replay(benchmark, [step.candidate], info | {"gate": metrics})
    if found.verdict not in ("PASS", "NEW"):
        from anatomy.reports.gate import case_figures

        pytest.fail(f"{found.verdict} {found.name}: {found.reason}\n{case_figures(found)}", pytrace=False)


def call_once(item: pytest.Function, case: Case) -> None:
    """Call the builder of a marked function in this process, and measure nothing; what it raises fails the item."""
    from anatomy.bench.backends.available import unsupported_reason
    from anatomy.models import built_model
    from anatomy.models.user_method import as_method

    if unsupported := unsupported_reason(case):
        pytest.skip(unsupported)
    builder = as_method(item.cls, item.originalname) or item.obj
    built = builder(**case.options)
    try:
        built_model(case.model, built)
    except TypeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@contextmanager
def errors_of(item: pytest.Item) -> Iterator[None]:
    """Fail the item as an ERROR, with a sentence, where it cannot be measured: that is no regression."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the boundary of an item
        item.user_properties.append(("anatomy_verdict", "ERROR"))
        raise pytest.fail.Exception(f"ERROR {item.nodeid}: {sentence_on(error)}", pytrace=False) from None
