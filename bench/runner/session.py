"""Measure many cases: one host a backend, one worker a case, one record written as each ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.telemetry.device_sampler import open_sampler
from anatomy.bench.profiling.roofline_bound import LayerCeilings, layer_ceilings
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.case_profile import Profile, append_profile
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.data_parallel_check import EqualityCheck
from anatomy.bench.runner.fork_client import HostChannel
from anatomy.bench.runner.nodes.coordinator import Lead
from anatomy.bench.runner.supervisor import Supervisor
from anatomy.bench.runner.worker_handle import Findings
from anatomy.bench.tensorboard.log_layout import TENSORBOARD_FOLDER, case_folder


class Listener(Protocol):
    """Told what happens; it must not print during the measured window (see `phase`)."""

    def begin(self, case: Case, name: str) -> None:
        """A case is about to start."""

    def phase(self, name: str) -> None:
        """Its worker entered a phase; after `warmup` nothing may be drawn until `end`."""

    def end(self, record: Record) -> None:
        """The case has its record, already on disk."""


@dataclass
class Session:
    """Hosts are started when first needed and live until the session closes. Use as a context manager.

    Attributes:
        environment: fingerprint that goes into each record.
        directory: where workers run, and look first for the user's own modules.
        import_paths: where they look further.
        nodes: the other nodes, for cases on several.
    """

    writer: RunWriter
    settings: MeasureSettings
    environment: str
    directory: Path = field(default_factory=Path.cwd)
    import_paths: Sequence[str] = ()
    nodes: Lead | None = None
    _hosts: dict[Backend, HostChannel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._supervisor = Supervisor(
            settings=self.settings,
            environment=self.environment,
            run_folder=self.writer.path,
            logs=self.writer.logs,
            directory=self.directory,
            import_paths=tuple(self.import_paths),
            sampler=open_sampler(),
            nodes=self.nodes,
        )
        self._equality = EqualityCheck(self._supervisor)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts.values():
            host.close()
        self._hosts.clear()

    def run(self, cases: Sequence[Case], listener: Listener) -> list[Record]:
        """Measure `cases` in order; each record is on disk before the next case starts."""
        return [self.measure(case, listener) for case in cases]

    def measure(
        self, case: Case, listener: Listener, repeat: int = 0, settings: MeasureSettings | None = None
    ) -> Record:
        """Measure one case in a process of its own, its `repeat`-th, and append the record.

        Args:
            settings: other than the session's.
        """
        name = case_name(case)
        listener.begin(case, name)
        supervisor = self._supervisor if settings is None else replace(self._supervisor, settings=settings)
        record = self._outcome(supervisor, case, name, listener, repeat)
        self.writer.append(record)
        listener.end(record)
        return record

    def profile(self, record: Record, ceilings: Sequence[Ceiling] = ()) -> Profile:
        """Trace the case of a record in a process of its own, and append what became of its time.

        Args:
            ceilings: of the run's machine.
        """
        profile = self._profile(record, layer_ceilings(record, ceilings))
        append_profile(self.writer.path, profile)
        return profile

    def _profile(self, record: Record, ceilings: LayerCeilings | None) -> Profile:
        case, name = record.case, record.name
        # An invalid figure can have a profile, which may say what is wrong.
        if record.outcome not in ("ok", "invalid"):
            return Profile(case=case, name=name, outcome=record.outcome, reason=f"it was not measured: {record.reason}")
        if case.nodes > 1:
            why = "profiles are taken on one node; leave --nodes out"
            return Profile(case=case, name=name, outcome="unsupported", reason=why)
        try:
            host = self._host(case.backend)
        except SetupError as error:
            return Profile(case=case, name=name, outcome="crashed", reason=str(error))
        folder = case_folder(self.writer.path / TENSORBOARD_FOLDER, case)
        profile = self._supervisor.profile(host, case, folder, ceilings)
        if not host.alive:
            self._hosts.pop(case.backend).close()
        return profile

    def _outcome(self, supervisor: Supervisor, case: Case, name: str, listener: Listener, repeat: int) -> Record:
        refusal = unsupported_reason(case) or self._unsupported_nodes_reason(case)
        if refusal:
            return supervisor.refuse(case, name, "unsupported", refusal)
        try:
            host = self._host(case.backend)
        except SetupError as error:
            return supervisor.refuse(case, name, "crashed", str(error))
        record = self._measured(supervisor, host, case, name, listener, repeat)
        if not host.alive:
            # Its successor is started by the next case that needs it.
            self._hosts.pop(case.backend).close()
        return record

    def _unsupported_nodes_reason(self, case: Case) -> str | None:
        here = self.nodes.count if self.nodes is not None else 1
        if case.nodes == 1:
            return None
        if case.nodes != here:
            return (
                f"on {case.nodes} nodes, and this run has {here}; start `anatomy run --nodes` on each with a launcher"
            )
        return self.nodes.missing() if self.nodes is not None else None

    def _measured(
        self, supervisor: Supervisor, host: HostChannel, case: Case, name: str, listener: Listener, repeat: int
    ) -> Record:
        """Measured, unless it is on several devices that do not train as one would."""
        equality = self._equality.ask(host, case)
        if isinstance(equality, Findings):
            return supervisor.refuse(case, name, equality.outcome or "crashed", equality.reason)
        if equality is not None and equality.verdict == "differs":
            return supervisor.refuse(case, name, "invalid", equality.reason, equality)
        record = supervisor.measure(host, case, name, listener.phase, repeat)
        return record.model_copy(update={"equality": equality})

    def _host(self, backend: Backend) -> HostChannel:
        if backend not in self._hosts:
            self._hosts[backend] = HostChannel(backend, self.writer.logs)
        return self._hosts[backend]


class Silent:
    """A listener that does nothing."""

    def begin(self, case: Case, name: str) -> None:
        """Ignore."""

    def phase(self, name: str) -> None:
        """Ignore."""

    def end(self, record: Record) -> None:
        """Ignore."""
