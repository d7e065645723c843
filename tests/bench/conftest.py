"""Shared by the tests that measure."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.machine import collect_environment
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner import fork_client
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, Suite
from tests import warm_servers
from tests.factories import make_header

TESTS = Path(__file__).parents[1]

Measure = Callable[..., list[Record]]


def cases_of(models: Sequence[str], **axes: object) -> list[Case]:
    suite = Suite.model_validate({"name": "test", "matrix": [{"model": list(models), **axes}]})
    return plan(suite, Axes())


def session_at(folder: Path, settings: MeasureSettings, planned: Sequence[Case] = ()) -> Session:
    """A session whose run lies in `folder`, with the tests' folder as working directory."""
    here = collect_environment.collect()
    header = make_header(*planned, settings=settings.model_dump(), environment=here)
    return Session(RunWriter.create(folder, header), settings, here.fingerprint, TESTS)


@pytest.fixture
def cold_servers() -> None:
    """Start each fork server of this test; do not fork it from one that is warm."""


@pytest.fixture(autouse=True)
def _warm_servers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork servers begin with their backend imported, but where times are compared."""
    cold = request.node.get_closest_marker("quiet") or "cold_servers" in request.fixturenames
    if request.node.get_closest_marker("process") and not cold:
        monkeypatch.setattr(fork_client, "subprocess", warm_servers)


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """Programs that the test starts heed SIGINT and SIGHUP, which a shell's background job and `nohup` have ignored.

    A signal with a handler has its default in them.
    """
    handlers: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Measure cases in a run of their own; a second call in a test names another folder."""

    def run(cases: Sequence[Case], folder: str = "run", **settings: object) -> list[Record]:
        chosen = MeasureSettings.model_validate({"seconds": 0.2, "warmup_s": 0.05, "timeout_s": 120, **settings})
        with session_at(tmp_path / folder, chosen, cases) as session:
            return [session.measure(case, Silent()) for case in cases]

    return run
