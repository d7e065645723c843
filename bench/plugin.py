"""The pytest plugin: `pytest --benchmark` measures models, one fresh process an item.

    @pytest.mark.anatomy(backend=["jax", "tensorflow"], mode=["train", "infer"], batch_size=[32])
    def test_my_model():
        return build_my_model()

Each combination is an item of its own; without `--benchmark` it is skipped. A fixture `anatomy` is
there for tests that prefer to call. Results go to pytest-benchmark's table and JSON, and as records
into a run's folder, so that `anatomy report` works on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from anatomy.bench.pytest_run import Point, PytestRun
    from anatomy.bench.record import Record

_CASE = "_anatomy_case"
_RUN: pytest.StashKey[PytestRun] = pytest.StashKey()
_CLOCK: pytest.StashKey[Any] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of their own names: pytest-benchmark's all begin with `--benchmark-`."""
    group = parser.getgroup("anatomy", "benchmarks of Keras models")
    group.addoption("--benchmark", action="store_true", help="measure the items marked `anatomy`")
    group.addoption("--anatomy-out", metavar="DIR", help="folder of the records (default: anatomy-runs/<time>)")
    group.addoption("--anatomy-seconds", type=float, metavar="S", help="measured window of a case (default: 3)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "anatomy(backend, mode, batch_size, dtype, jit, feed): measure the Keras model that the"
        " function returns, once for each combination of the values given.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each combination of the marker's axes."""
    marker = metafunc.definition.get_closest_marker("anatomy")
    if marker is None or not _measures(metafunc.definition):
        return
    from anatomy.bench.pytest_run import MarkerError, points

    try:
        combinations = points(marker)
    except MarkerError as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    metafunc.fixturenames.append(_CASE)
    metafunc.parametrize(_CASE, combinations, ids=[point.id for point in combinations], indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each measuring item the clock that pytest-benchmark will read."""
    if isinstance(item, pytest.Function) and _measures(item):
        from anatomy.bench.replay import ReplayClock

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
    _measure(pyfuncitem, case, pyfuncitem.funcargs["benchmark"])
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
        return _measure(item, case, feed)

    return measure


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the fork servers."""
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the records are."""
    run = config.stash.get(_RUN, None)
    if run is not None and run.folder is not None:
        terminalreporter.write_line(f"anatomy: records in {run.folder}; a report: anatomy report {run.folder}")


def _measures(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    return "anatomy" in item.fixturenames or item.get_closest_marker("anatomy") is not None


def _run(item: pytest.Item) -> PytestRun:
    config = item.config
    if _RUN not in config.stash:
        from anatomy.bench.pytest_run import PytestRun

        config.stash[_RUN] = PytestRun(config)
    return config.stash[_RUN]


def _measure(item: pytest.Item, case: Any, benchmark: Any | None) -> Record:
    record = _run(item).measure(case)
    item.user_properties.append(("anatomy_key", record.key))
    if record.outcome == "unsupported":
        pytest.skip(record.reason)
    if record.outcome != "ok":
        pytest.fail(f"{record.name}: {record.outcome}: {record.reason}", pytrace=False)
    if benchmark is not None:
        item.stash[_CLOCK].replay(benchmark, record)
    return record
