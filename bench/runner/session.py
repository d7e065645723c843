"""Measure many cases: one fork server per backend, one worker per case, one record written as each ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from anatomy.bench.backends.available import unsupported_reason
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.cpu_affinity import started_on
from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.profiling.roofline_bound import CaseCeilings, case_ceilings
from anatomy.bench.records.case import Case, KerasBackend
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.case_profile import Profile, append_profile
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RunWriter
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.application_records import Part
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.fork_servers import ForkServers
from anatomy.bench.runner.nodes.coordinator import Coordinator
from anatomy.bench.runner.supervisor import Supervisor
from anatomy.bench.tensorboard.log_layout import TENSORBOARD_FOLDER, case_folder


class Listener(Protocol):
    """Told what happens; it must not print during the measured window (see `phase`)."""

    def begin(self, case: Case, name: str) -> None:
        """A case is about to start."""

    def phase(self, name: str) -> None:
        """Its worker entered a phase; after `warmup` nothing may be drawn until `end`."""

    def end(self, record: Record) -> None:
        """The case has its record, already on disk."""


class Silent:
    """A listener that does nothing."""

    def begin(self, case: Case, name: str) -> None:
        """Ignore."""

    def phase(self, name: str) -> None:
        """Ignore."""

    def end(self, record: Record) -> None:
        """Ignore."""


@dataclass
class Session:
    """Measures cases into a run's folder. Use as a context manager.

    Until it closes its fork servers live, and no other process writes to the folder.

    Attributes:
        writer: the run.
        settings: how cases are measured.
        environment: fingerprint that goes into each record.
        directory: where workers run, and look first for the user's own modules.
        import_paths: where they look next.
        nodes: the other nodes, for cases on several.
    """

    writer: RunWriter
    settings: MeasureSettings
    environment: str
    directory: Path = field(default_factory=Path.cwd)
    import_paths: Sequence[str] = ()
    nodes: Coordinator | None = None

    def __post_init__(self) -> None:
        self._servers: ForkServers[KerasBackend] = ForkServers(self._start)
        self._supervisor = Supervisor(
            settings=self.settings,
            environment=self.environment,
            run_folder=self.writer.path,
            logs=self.writer.logs,
            directory=self.directory,
            import_paths=tuple(self.import_paths),
            sampler=DeviceSampler(),
            nodes=self.nodes,
        )

    def _start(self, backend: KerasBackend) -> ForkServerClient:
        with started_on(self.settings.cpus):
            return ForkServerClient(backend, self.writer.logs)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()
        self.writer.close()

    def measure(
        self, case: Case, listener: Listener, repeat: int = 0, settings: MeasureSettings | None = None
    ) -> Record:
        """Measure a case in a fresh process, and append its record.

        Args:
            repeat: which of the case's processes this is, from 0.
            settings: for this case, in place of the session's.
        """
        listener.begin(case, case_name(case))
        supervisor = self._supervisor if settings is None else replace(self._supervisor, settings=settings)
        record = self._measure(supervisor, case, listener, repeat)
        self.writer.append(record)
        listener.end(record)
        return record

    def run_application(self, part: Part, listener: Listener, keep: Callable[[Record], None]) -> None:
        """Run an application in a fresh process, and append the record of each of its stages as it ends.

        Args:
            keep: told of each record that is on disk.
        """
        by_stage = {case.options["stage"]: case for case in part.cases}

        def began(stage: str) -> None:
            if stage in by_stage:
                listener.begin(by_stage[stage], case_name(by_stage[stage]))
            listener.phase(stage)

        def done(record: Record) -> None:
            self.writer.append(record)
            keep(record)
            listener.end(record)

        backend = part.cases[0].keras_backend
        try:
            server = self._servers.get(backend)
        except SetupError as error:
            for case in part.cases:
                done(self._supervisor.refuse(case, "crashed", str(error)))
            return
        self._supervisor.run_application(server, part.cases, part.repeat, began, done)

    def profile(self, record: Record, ceilings: Sequence[Ceiling] = ()) -> Profile:
        """Trace the case of a record in a fresh process, and append its profile.

        Args:
            ceilings: of the run's machine.
        """
        profile = self._profile(record, case_ceilings(record, ceilings))
        append_profile(self.writer.path, profile)
        return profile

    def _measure(self, supervisor: Supervisor, case: Case, listener: Listener, repeat: int) -> Record:
        refusal = unsupported_reason(case) or self._unsupported_nodes_reason(case)
        if refusal:
            return supervisor.refuse(case, "unsupported", refusal)
        try:
            server = self._servers.get(case.keras_backend)
        except SetupError as error:
            return supervisor.refuse(case, "crashed", str(error))
        return supervisor.measure(server, case, listener.phase, repeat)

    def _profile(self, record: Record, ceilings: CaseCeilings | None) -> Profile:
        case, name = record.case, record.name
        # An invalid figure can have a profile, which may say what is wrong.
        if record.outcome not in ("ok", "invalid"):
            return Profile(case=case, name=name, outcome=record.outcome, reason=f"it was not measured: {record.reason}")
        if case.nodes > 1:
            why = "profiles are taken on one node; leave --nodes out"
            return Profile(case=case, name=name, outcome="unsupported", reason=why)
        try:
            server = self._servers.get(case.keras_backend)
        except SetupError as error:
            return Profile(case=case, name=name, outcome="crashed", reason=str(error))
        folder = case_folder(self.writer.path.absolute() / TENSORBOARD_FOLDER, case)
        return self._supervisor.profile(server, case, folder, ceilings)

    def _unsupported_nodes_reason(self, case: Case) -> str | None:
        here = self.nodes.count if self.nodes is not None else 1
        if case.nodes == 1:
            return None
        if case.nodes != here:
            return (
                f"on {case.nodes} nodes, and this run has {here}; start `anatomy run --nodes` on each with a launcher"
            )
        return self.nodes.missing() if self.nodes is not None else None
