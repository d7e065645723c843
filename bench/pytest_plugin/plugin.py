"""The pytest plugin: `pytest --benchmark` measures models, one fresh process per item.

    @pytest.mark.anatomy(backend=["jax", "tensorflow"], mode=["train", "infer"], batch_size=[32])
    def test_my_model():
        return build_my_model()

Each combination is an item; without `--benchmark` it is skipped. Tests that prefer to call have the fixture `anatomy`.
Results go to pytest-benchmark's table and JSON, and as records into a run's folder, which `anatomy report` reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.stop_signals import stop_on_signals
from anatomy.bench.pytest_plugin.benchmark_options import is_disabled, is_skipped, require_one_at_a_time
from anatomy.bench.pytest_plugin.builders import CASE
from anatomy.bench.pytest_plugin.hook_edge import edge
from anatomy.bench.pytest_plugin.item_outcome import (
    CLOCK,
    GATE,
    GATED_ITEMS,
    RUN,
    call_once,
    errors_of,
    judge,
    measure,
    run_of,
)

if TYPE_CHECKING:
    from anatomy.bench.pytest_plugin.items import Point
    from anatomy.bench.records.record import Record

# Of a marked item that was measured, compared, refused or called.
_DECIDED: pytest.StashKey[bool] = pytest.StashKey()
# Fixtures by which pytest calls the set-up functions that `anatomy.models.UserMethod` calls.
_SET_UPS = ("_xunit_setup_class", "_xunit_setup_method", "_unittest_setUpClass", "_unittest_setup_method")
_SUMMARY: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add Anatomy's options; those of pytest-benchmark all begin with `--benchmark-`."""
    group = parser.getgroup("anatomy", "benchmarks of Keras models")
    group.addoption("--benchmark", action="store_true", help="measure the items marked `anatomy`")
    group.addoption("--anatomy-share", action="store_true", help="measure beside another command of Anatomy")
    group.addoption("--anatomy-no-wait", action="store_true", help="refuse where another command measures")
    group.addoption("--anatomy-wait", metavar="TIME", help="wait for another command for so long (default: 30min)")
    group.addoption("--anatomy-out", metavar="DIR", help="folder of the records (default: anatomy-runs/<time>)")
    group.addoption("--anatomy-seconds", type=float, metavar="S", help="measured window of a case (default: 3)")
    group.addoption("--anatomy-against", metavar="BASE", help="gate each item: a git revision, python:PATH, or a run")
    group.addoption(
        "--anatomy-candidate", action="append", metavar="SETTING", help="the candidate's: jit=on, dtype=…, env:NAME=…"
    )
    group.addoption("--anatomy-tolerate", action="append", metavar="METRIC=RULE", help="wins over all other rules")
    group.addoption("--anatomy-minutes", type=float, metavar="M", help="time for pairs and explanations")
    group.addoption("--anatomy-allow-dirty", action="store_true", help="compare uncommitted changes")
    group.addoption("--anatomy-allow-new", action="store_true", help="let items through that the base lacks")
    group.addoption("--anatomy-allow-stored-time", action="store_true", help="compare time with a stored run")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "anatomy(backend, mode, batch_size, dtype, jit, feed, source, workers, steps_per_execution, devices, scaling,"
        " model_parallel, layout_map, tolerate): measure the Keras model that the function returns, once for each"
        " combination of the values given; tolerate is for --anatomy-against.",
    )


@edge
def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse what would measure several items at once; set up both sides of the gate before anything is collected."""
    config, option = session.config, session.config.getoption
    config.stash[_SUMMARY] = []
    if option("--collect-only"):
        return
    if option("--benchmark"):
        require_one_at_a_time(config)
        stop_on_signals()
        if not is_disabled(config) and not is_skipped(config):
            _wait_for_turn(config)
    if not (option("--anatomy-against") or option("--anatomy-candidate")):
        return
    if not option("--benchmark"):
        raise UsageError("--anatomy-against compares measuring items; add --benchmark")
    from anatomy.bench.pytest_plugin.gated_items import open_gate

    config.stash[GATE] = open_gate(config)


def _wait_for_turn(config: pytest.Config) -> None:
    """Measure alone among the user's commands on this machine until the session ends, as the options have it."""
    from anatomy.bench.runner.measuring_lock import measuring, when_busy

    option = config.getoption
    policy = when_busy(
        share=option("--anatomy-share"), wait=not option("--anatomy-no-wait"), longest=option("--anatomy-wait")
    )
    command = " ".join(["pytest", *map(str, config.invocation_params.args)])
    turn = ExitStack()
    turn.enter_context(measuring(command, policy, lambda line: config.get_terminal_writer().line(f"anatomy: {line}")))
    config.add_cleanup(turn.close)


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
    gate = config.stash.get(GATE, None)
    if gate is None:
        return
    from anatomy.bench.pytest_plugin.gated_items import GoneItem, items_gone

    measuring = [item.nodeid for item in items if _measures(item)]
    config.stash[GATED_ITEMS] = len(measuring)
    gone = items_gone(config, gate, measuring)
    items += [GoneItem.from_parent(session, name=nodeid, nodeid=nodeid) for nodeid in gone]


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Let marked methods of `unittest.TestCase` be parametrised, too."""
    made = yield
    if isinstance(made, pytest.Class):
        from anatomy.bench.pytest_plugin.test_case_items import parametrise_marked

        parametrise_marked(made)
    return made


@edge
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item for each combination of the marker's axes."""
    marker = metafunc.definition.get_closest_marker("anatomy")
    if marker is None:
        return
    from anatomy.bench.pytest_plugin.items import point_id, points_of

    try:
        combinations = points_of(marker)
    except UsageError as error:
        raise UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    metafunc.fixturenames.append(CASE)
    metafunc.parametrize(CASE, combinations, ids=map(point_id, combinations), indirect=True)


@edge
def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each measuring item the clock that pytest-benchmark will read."""
    if isinstance(item, pytest.Function) and _measures(item):
        from anatomy.bench.pytest_plugin.benchmark_replay import ReplayClock

        clock = item.stash[CLOCK] = ReplayClock()
        item.add_marker(pytest.mark.benchmark(timer=clock))
        if "benchmark" not in item.fixturenames:
            # --benchmark-only and --benchmark-skip look for the fixture.
            item.fixturenames.append("benchmark")
        if _point_of(item) is not None:
            # The builder is set up where it is called: here that would import Keras, or take a device, for nothing.
            item.fixturenames[:] = [name for name in item.fixturenames if not name.startswith(_SET_UPS)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip measuring items without `--benchmark`."""
    if CLOCK not in item.stash:
        return
    if not item.config.getoption("--benchmark"):
        pytest.skip("a benchmark: run with --benchmark")
    from anatomy.bench.pytest_plugin.test_case_items import why_skipped

    if isinstance(item, pytest.Function) and (why := why_skipped(item)) is not None:
        pytest.skip(why)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Measure the model of a marked function in a fresh process, which calls it; it is not called here."""
    point = _point_of(pyfuncitem)
    if point is None:
        return None
    pyfuncitem.stash[_DECIDED] = True
    with errors_of(pyfuncitem):
        case = run_of(pyfuncitem).case_of(pyfuncitem, point)
    if is_disabled(pyfuncitem.config):
        call_once(pyfuncitem, case)
        return True
    decide = judge if GATE in pyfuncitem.config.stash else measure
    with errors_of(pyfuncitem):
        decide(pyfuncitem, case, pyfuncitem.funcargs["benchmark"])
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a marked item that passed without being measured: another plugin has called its function."""
    yield
    if CLOCK in item.stash and item.get_closest_marker("anatomy") is not None and _DECIDED not in item.stash:
        pytest.fail(f"ERROR {item.nodeid}: it was called by another plugin, and not measured", pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep pytest-benchmark from warning that a marked or failed item has not used its fixture."""
    report = yield
    benchmark = getattr(item, "funcargs", {}).get("benchmark")
    if benchmark is not None and CLOCK in item.stash and (_DECIDED in item.stash or report.failed):
        benchmark.skipped = True
    return report


@pytest.fixture
def _anatomy_case(request: pytest.FixtureRequest) -> Any:
    """The combination of axes of this item."""
    return request.param


@pytest.fixture
def anatomy(request: pytest.FixtureRequest, benchmark: Any) -> Callable[..., Record]:
    """`anatomy("vgg:depth=11", backend="jax", mode="train", batch_size=8)` → its record.

    The model is named as on the command line, or is a function of the test's module. Only the first call of a test goes
    into pytest-benchmark's table.
    """
    item = request.node
    used: list[bool] = []

    def measured(model: str | Callable[[], Any], **point: Any) -> Record:
        feed = None if used else benchmark
        used.append(True)
        with errors_of(item):
            case = run_of(item).case_for(item, model, point)
        if is_disabled(item.config):
            pytest.skip("--benchmark-disable: nothing is measured, and there is no record to return")
        with errors_of(item):
            if GATE in item.config.stash:
                judge(item, case, None)
            return measure(item, case, feed)

    return measured


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
    run = config.stash.get(RUN, None)
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
    gate = config.stash.get(GATE, None)
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


def _point_of(item: pytest.Function) -> Point | None:
    """The combination of axes of a marked item; `None` of any other."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get(CASE) if callspec is not None else None
