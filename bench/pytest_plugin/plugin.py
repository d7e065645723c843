"""The pytest plugin: `pytest --benchmark` measures models, one fresh process an item.

    @pytest.mark.anatomy(backend=["jax", "tensorflow"], mode=["train", "infer"], batch_size=[32])
    def test_my_model():
        return build_my_model()

Each combination is an item of its own; without `--benchmark` it is skipped. A fixture `anatomy` is
there for tests that prefer to call. Results go to pytest-benchmark's table and JSON, and as records
into a run's folder, so that `anatomy report` works on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from anatomy.bench.errors.anatomy_error import SetupError, UsageError

if TYPE_CHECKING:
    from anatomy.bench.pytest_plugin.gated_items import PytestGate
    from anatomy.bench.pytest_plugin.items import Point, PytestRun
    from anatomy.bench.records.record import Record

_CASE = "_anatomy_case"
_RUN: pytest.StashKey[PytestRun] = pytest.StashKey()
_GATE: pytest.StashKey[PytestGate] = pytest.StashKey()
_CLOCK: pytest.StashKey[Any] = pytest.StashKey()
_WHY_NOT_KEPT: pytest.StashKey[str] = pytest.StashKey()
_SAID: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of their own names: pytest-benchmark's all begin with `--benchmark-`."""
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


def pytest_sessionstart(session: pytest.Session) -> None:
    """Set both sides of the gate up before anything is collected."""
    option = session.config.getoption
    if not (option("--anatomy-against") or option("--anatomy-candidate")) or option("--collect-only"):
        return
    if not option("--benchmark"):
        raise pytest.UsageError("--anatomy-against compares measuring items; add --benchmark")
    from anatomy.bench.pytest_plugin.gated_items import PytestGate

    session.config.stash[_GATE] = PytestGate.open(session.config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """In the base's pytest: hand over what it would measure."""
    if "ANATOMY_COLLECTED" in os.environ:
        from anatomy.bench.pytest_plugin.gated_items import write_collected

        write_collected([item.nodeid for item in session.items if _measures(item)])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a failing item for each that only the base measures."""
    gate = config.stash.get(_GATE, None)
    if gate is None:
        return
    from anatomy.bench.pytest_plugin.gated_items import GoneItem

    measuring = [item.nodeid for item in items if _measures(item)]
    gate.items = len(measuring)
    try:
        gone = gate.items_gone(measuring)
    except SetupError as error:
        raise pytest.UsageError(f"--anatomy-against: {error}") from error
    items += [GoneItem.from_parent(session, name=nodeid, nodeid=nodeid) for nodeid in gone]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each combination of the marker's axes."""
    marker = metafunc.definition.get_closest_marker("anatomy")
    if marker is None or not _measures(metafunc.definition):
        return
    from anatomy.bench.pytest_plugin.items import points

    try:
        combinations = points(marker)
    except UsageError as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    metafunc.fixturenames.append(_CASE)
    metafunc.parametrize(_CASE, combinations, ids=[point.id for point in combinations], indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each measuring item the clock that pytest-benchmark will read."""
    if isinstance(item, pytest.Function) and _measures(item):
        from anatomy.bench.pytest_plugin.benchmark_replay import ReplayClock

        clock = item.stash[_CLOCK] = ReplayClock()
        item.add_marker(pytest.mark.benchmark(timer=clock))
        if "benchmark" not in item.fixturenames:
            # So that --benchmark-only and --benchmark-skip know it for what it is.
            item.fixturenames.append("benchmark")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what measures, unless asked to measure."""
    if _CLOCK in item.stash and not item.config.getoption("--benchmark"):
        pytest.skip("a benchmark: run with --benchmark")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Measure in a fresh process what the marked function builds there; it is not called here."""
    callspec = getattr(pyfuncitem, "callspec", None)
    if callspec is None or _CASE not in callspec.params:
        return None
    case = _run(pyfuncitem).case_of(pyfuncitem, cast("Point", callspec.params[_CASE]))
    decide = _judge if _GATE in pyfuncitem.config.stash else _measure
    decide(pyfuncitem, case, pyfuncitem.funcargs["benchmark"])
    return True


@pytest.fixture
def _anatomy_case(request: pytest.FixtureRequest) -> Any:
    """The combination of this item."""
    return request.param


@pytest.fixture
def anatomy(request: pytest.FixtureRequest, benchmark: Any) -> Callable[..., Record]:
    """`anatomy("vgg:depth=11", backend="jax", mode="train", batch_size=8)` → its record.

    The model is a name of the zoo with options, `package.module:function`, or a function of the
    test's own module. The first call of a test goes into pytest-benchmark's table.
    """
    item = request.node
    used: list[bool] = []

    def measure(model: str | Callable[[], Any], **point: Any) -> Record:
        case = _run(item).case_for(item, model, point)
        feed = None if used else benchmark
        used.append(True)
        if _GATE in item.config.stash:
            _judge(item, case, None)
        return _measure(item, case, feed)

    return measure


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the fork servers; write what the gate found."""
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.close()
        if run.folder is not None:
            from anatomy.bench.history.keep_run import keep_run

            session.config.stash[_WHY_NOT_KEPT] = keep_run(run.folder, session.config.rootpath)
    gate = session.config.stash.get(_GATE, None)
    if gate is not None:
        result = gate.close()
        if result is not None:
            from anatomy.reports.gate import publish_on_github, write_gate_reports

            write_gate_reports(result, gate.folder)
            session.config.stash[_SAID] = publish_on_github(result, os.environ)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the records and the comparison are."""
    run = config.stash.get(_RUN, None)
    if run is not None and run.folder is not None:
        terminalreporter.write_line(f"anatomy: records in {run.folder}; a report: anatomy report {run.folder}")
    if config.stash.get(_WHY_NOT_KEPT, ""):
        terminalreporter.write_line(f"anatomy: {config.stash[_WHY_NOT_KEPT]}")
    gate = config.stash.get(_GATE, None)
    if gate is not None and _SAID in config.stash:
        terminalreporter.write_line(f"anatomy: comparison in {gate.folder}/gate.html")
        for line in config.stash[_SAID]:
            terminalreporter.write_line(line)


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


def _measure(item: pytest.Item, case: Any, benchmark: Any | None) -> Record:
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


def _judge(item: pytest.Item, case: Any, benchmark: Any | None) -> None:
    """Let the gate decide the item."""
    from anatomy.bench.backends.available import unsupported_reason

    marker = item.get_closest_marker("anatomy")
    named = marker is not None and marker.kwargs.get("backend") is not None
    if not named and (reason := unsupported_reason(case)):
        pytest.skip(reason)
    try:
        found = item.config.stash[_GATE].judge(
            case, item.nodeid, marker.kwargs.get("tolerate", {}) if marker else {}, _run(item).measure
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    item.user_properties += [("anatomy_key", case.key), ("anatomy_verdict", found.verdict)]
    step = found.metric("step")
    if benchmark is not None and step is not None and step.candidate is not None:
        info = {"verdict": found.verdict, "pairs": found.pairs, "key": case.key, "name": found.name}
        metrics = {metric.metric: metric.model_dump() for metric in found.metrics}
        item.stash[_CLOCK].replay(benchmark, [step.candidate], info | {"gate": metrics})
    if found.verdict not in ("PASS", "NEW"):
        from anatomy.reports.gate import case_figures

        pytest.fail(f"{found.verdict} {found.name}: {found.reason}\n{case_figures(found)}", pytrace=False)
