"""The pytest plugin: `pytest --benchmark` measures models, one fresh process per item.

    @pytest.mark.anatomy(backend=["jax", "tensorflow"], mode=["train", "infer"], batch_size=[32])
    def test_my_model():
        return build_my_model()

Each combination is an item; without `--benchmark` it is skipped. Tests that prefer to call have the fixture `anatomy`.
Results go to pytest-benchmark's table and JSON, and as records into a run's folder, which `anatomy report` reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.pytest_plugin.hook_edge import edge, sentence_on

if TYPE_CHECKING:
    from anatomy.bench.pytest_plugin.items import Point, PytestRun
    from anatomy.bench.records.case import Case
    from anatomy.bench.records.record import Record
    from anatomy.bench.regression_gate.gate_session import GateSession

_CASE = "_anatomy_case"
_RUN: pytest.StashKey[PytestRun] = pytest.StashKey()
_GATE: pytest.StashKey[GateSession] = pytest.StashKey()
_GATED_ITEMS: pytest.StashKey[int] = pytest.StashKey()
_CLOCK: pytest.StashKey[Any] = pytest.StashKey()
_SUMMARY: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add Anatomy's options; those of pytest-benchmark all begin with `--benchmark-`."""
    group = parser.getgroup("anatomy", "benchmarks of Keras models")
    group.addoption("--benchmark", action="store_true", help="measure the items marked `anatomy`")
    group.addoption("--anatomy-out", metavar="DIR", help="folder of the records (default: anatomy-runs/<time>)")
    group.addoption("--anatomy-seconds", type=float, metavar="S", help="measured window of a case (default: 3)")
    group.addoption("--anatomy-against", metavar="BASE", help="gate each item: a git revision, python:PATH, or a run")
    group.addoption(
        "--anatomy-candidate", action="append", metavar="SETTING", help="the candidate's: jit=on, dtype=…, env:NAME=…"
    )
    group.addoption("--anatomy-tolerate", action="append", metavar="METRIC=RULE", help="wins over all other rules")
    group.addoption("--anatomy-minutes", type=float, metavar="M", help="start no further pair after this")
    group.addoption("--anatomy-allow-dirty", action="store_true", help="compare uncommitted changes")
    group.addoption("--anatomy-allow-new", action="store_true", help="let items through that the base lacks")
    group.addoption("--anatomy-allow-stored-time", action="store_true", help="compare time with a stored run")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "anatomy(backend, mode, batch_size, dtype, jit, feed, devices, scaling, model_parallel, layout_map, tolerate):"
        " measure the Keras model that the function returns, once for each combination of the values given; tolerate is"
        " for --anatomy-against.",
    )


@edge
def pytest_sessionstart(session: pytest.Session) -> None:
    """Set up both sides of the gate before anything is collected."""
    config, option = session.config, session.config.getoption
    config.stash[_SUMMARY] = []
    if not (option("--anatomy-against") or option("--anatomy-candidate")) or option("--collect-only"):
        return
    if not option("--benchmark"):
        raise UsageError("--anatomy-against compares measuring items; add --benchmark")
    from anatomy.bench.pytest_plugin.gated_items import open_gate

    config.stash[_GATE] = open_gate(config)


@edge
def pytest_collection_finish(session: pytest.Session) -> None:
    """In the base's pytest: hand over the items that it would measure."""
    if "ANATOMY_COLLECTED" in os.environ:
        from anatomy.bench.pytest_plugin.gated_items import write_collected

        write_collected([item.nodeid for item in session.items if _measures(item)])


@pytest.hookimpl(trylast=True)
@edge
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a failing item for each that only the base measures."""
    gate = config.stash.get(_GATE, None)
    if gate is None:
        return
    from anatomy.bench.pytest_plugin.gated_items import GoneItem, items_gone

    measuring = [item.nodeid for item in items if _measures(item)]
    config.stash[_GATED_ITEMS] = len(measuring)
    gone = items_gone(config, gate, measuring)
    items += [GoneItem.from_parent(session, name=nodeid, nodeid=nodeid) for nodeid in gone]


@edge
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item for each combination of the marker's axes."""
    marker = metafunc.definition.get_closest_marker("anatomy")
    if marker is None or not _measures(metafunc.definition):
        return
    from anatomy.bench.pytest_plugin.items import point_id, points_of

    try:
        combinations = points_of(marker)
    except UsageError as error:
        raise UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    metafunc.fixturenames.append(_CASE)
    metafunc.parametrize(_CASE, combinations, ids=map(point_id, combinations), indirect=True)


@edge
def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each measuring item the clock that pytest-benchmark will read."""
    if isinstance(item, pytest.Function) and _measures(item):
        from anatomy.bench.pytest_plugin.benchmark_replay import ReplayClock

        clock = item.stash[_CLOCK] = ReplayClock()
        item.add_marker(pytest.mark.benchmark(timer=clock))
        if "benchmark" not in item.fixturenames:
            # --benchmark-only and --benchmark-skip look for the fixture.
            item.fixturenames.append("benchmark")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip measuring items without `--benchmark`."""
    if _CLOCK in item.stash and not item.config.getoption("--benchmark"):
        pytest.skip("a benchmark: run with --benchmark")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Measure the model of a marked function in a fresh process, which calls it; it is not called here."""
    callspec = getattr(pyfuncitem, "callspec", None)
    if callspec is None or _CASE not in callspec.params:
        return None
    point = cast("Point", callspec.params[_CASE])
    decide = _judge if _GATE in pyfuncitem.config.stash else _measure
    with _errors_of(pyfuncitem):
        decide(pyfuncitem, _run(pyfuncitem).case_of(pyfuncitem, point), pyfuncitem.funcargs["benchmark"])
    return True


@pytest.fixture
def _anatomy_case(request: pytest.FixtureRequest) -> Any:
    """The combination of axes of this item."""
    return request.param


@pytest.fixture
def anatomy(request: pytest.FixtureRequest, benchmark: Any) -> Callable[..., Record]:
    """`anatomy("vgg:depth=11", backend="jax", mode="train", batch_size=8)` → its record.

    The model is a name of the zoo with options, `package.module:function`, or a function of the test's module. Only the
    first call of a test goes into pytest-benchmark's table.
    """
    item = request.node
    used: list[bool] = []

    def measure(model: str | Callable[[], Any], **point: Any) -> Record:
        feed = None if used else benchmark
        used.append(True)
        with _errors_of(item):
            case = _run(item).case_for(item, model, point)
            if _GATE in item.config.stash:
                _judge(item, case, None)
            return _measure(item, case, feed)

    return measure


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the fork servers; write what the gate found. What fails is printed, and is no success."""
    for conclude in (_conclude_run, _conclude_gate):
        try:
            conclude(session.config)
        except Exception as error:  # noqa: BLE001  # the boundary: an exception here would hide pytest's own summary
            from anatomy.bench.errors.edge import verdict_on

            code, sentence = verdict_on(error)
            session.config.stash[_SUMMARY].append(f"anatomy: {sentence}")
            if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                session.exitstatus = code


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print where the records and the comparison are."""
    for line in config.stash.get(_SUMMARY, []):
        terminalreporter.write_line(line)


def _conclude_run(config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    if run is None:
        return
    run.close()
    if run.folder is not None:
        from anatomy.bench.history.keep_run import keep_run

        summary = config.stash[_SUMMARY]
        summary.append(f"anatomy: records in {run.folder}; a report: anatomy report {run.folder}")
        if why_not := keep_run(run.folder, config.rootpath):
            summary.append(f"anatomy: {why_not}")


def _conclude_gate(config: pytest.Config) -> None:
    gate = config.stash.get(_GATE, None)
    if gate is None:
        return
    with gate:
        if not gate.results:
            return
        result = gate.finish()
    from anatomy.reports.gate import publish_on_github, write_gate_reports

    write_gate_reports(result, gate.request.out)
    config.stash[_SUMMARY] += [
        f"anatomy: comparison in {gate.request.out}/gate.html",
        *publish_on_github(result, os.environ),
    ]


def _measures(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    return "anatomy" in item.fixturenames or item.get_closest_marker("anatomy") is not None


def _run(item: pytest.Item) -> PytestRun:
    config = item.config
    if _RUN not in config.stash:
        from anatomy.bench.pytest_plugin.items import PytestRun

        config.stash[_RUN] = PytestRun(config)
    return config.stash[_RUN]


def _measure(item: pytest.Item, case: Case, benchmark: Any | None) -> Record:
    from anatomy.bench.pytest_plugin.benchmark_replay import extra_info, rounds

    record = _run(item).measure(case)
    item.user_properties.append(("anatomy_key", record.key))
    if record.outcome == "unsupported":
        pytest.skip(record.reason)
    if record.outcome != "ok":
        pytest.fail(f"{record.name}: {record.outcome}: {record.reason}", pytrace=False)
    if benchmark is not None:
        item.stash[_CLOCK].replay(benchmark, rounds(record), extra_info(record))
    return record


def _judge(item: pytest.Item, case: Case, benchmark: Any | None) -> None:
    """Let the gate decide whether the item passes."""
    from anatomy.bench.backends.available import unsupported_reason
    from anatomy.bench.pytest_plugin.gated_items import judge_item

    marker = item.get_closest_marker("anatomy")
    given = marker.kwargs if marker is not None else {}
    unsupported = None if given.get("backend") is not None else unsupported_reason(case)
    if unsupported:
        pytest.skip(unsupported)
    stash = item.config.stash
    found = judge_item(stash[_GATE], case, item.nodeid, given.get("tolerate", {}), stash[_GATED_ITEMS])
    item.user_properties += [("anatomy_key", case.key), ("anatomy_verdict", found.verdict)]
    step = found.metric("step")
    if benchmark is not None and step is not None and step.candidate is not None:
        info = {"verdict": found.verdict, "pairs": found.pairs, "key": case.key, "name": found.name}
        metrics = {metric.metric: metric.model_dump() for metric in found.metrics}
        item.stash[_CLOCK].replay(benchmark, [step.candidate], info | {"gate": metrics})
    if found.verdict not in ("PASS", "NEW"):
        from anatomy.reports.gate import case_figures

        pytest.fail(f"{found.verdict} {found.name}: {found.reason}\n{case_figures(found)}", pytrace=False)


@contextmanager
def _errors_of(item: pytest.Item) -> Iterator[None]:
    """Fail the item as an ERROR, with a sentence, where it cannot be measured: that is no regression."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the boundary of an item
        item.user_properties.append(("anatomy_verdict", "ERROR"))
        pytest.fail(f"ERROR {item.nodeid}: {sentence_on(error)}", pytrace=False)
