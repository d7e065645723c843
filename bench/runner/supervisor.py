"""Supervise the workers of a run: a record of each, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from anatomy.bench.machine.free_memory import free_host_bytes
from anatomy.bench.machine.telemetry.device_sampler import Sampler
from anatomy.bench.machine.telemetry.record_fields import PER_STEP_ENERGY, facts_of
from anatomy.bench.parallel.reference_steps import Trajectory
from anatomy.bench.profiling.roofline_bound import LayerCeilings
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.record import Outcome, Record
from anatomy.bench.records.record_parts import Equality, Phases, Series
from anatomy.bench.records.run_store import write_script
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.fork_client import Event, HostChannel
from anatomy.bench.runner.nodes.coordinator import Lead
from anatomy.bench.runner.worker_handle import Findings, Worker, follow_profile
from anatomy.bench.statistics.steady import classify

PhaseListener = Callable[[str], None]


@dataclass(frozen=True)
class Supervisor:
    """What is the same for every case of a run."""

    settings: MeasureSettings
    environment: str
    run_folder: Path
    logs: Path
    directory: Path
    import_paths: tuple[str, ...]
    sampler: Sampler
    nodes: Lead | None = None

    def measure(self, host: HostChannel, case: Case, name: str, on_phase: PhaseListener, repeat: int = 0) -> Record:
        """Run `case` in a fresh process of `host` and return its record, whatever happens."""
        log = self.logs / (f"{case.key}.{repeat}.log" if repeat else f"{case.key}.log")
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        findings = self._follow(host, case, log, on_phase)
        findings.add({"repeat": repeat})
        return self._record(host, case, name, started_at, log, findings)

    def trajectory(self, host: HostChannel, case: Case) -> Trajectory | Findings:
        """Five training steps of `case` in a fresh process of `host`; what is known where it did not get there."""
        found: list[Trajectory] = []

        def listen(kind: str, event: Event) -> None:
            if kind == "trajectory":
                found.append(Trajectory.model_validate(event))

        request = {"trajectory": case.fields(), **self._where(self.logs / f"{case.key}.trajectory.log")}
        worker = self._worker(host, case, request, listen)
        worker.follow()
        self._hear_nodes(case, worker.findings)
        return found[0] if found else worker.findings

    def profile(self, host: HostChannel, case: Case, folder: Path, ceilings: LayerCeilings | None) -> Profile:
        """Trace `case` in a fresh process of `host`, into `folder`; what went wrong where there is no profile."""
        where = self._where(self.logs / f"{case.key}.profile.log")
        return follow_profile(
            lambda wanted, listen: self._worker(host, case, {"profile": wanted, **where}, listen),
            case,
            folder,
            self.run_folder,
            ceilings,
            self.environment,
        )

    def refuse(self, case: Case, name: str, outcome: Outcome, reason: str, equality: Equality | None = None) -> Record:
        """The record of a case that is not measured."""
        findings = Findings(outcome=outcome, reason=reason)
        if equality is not None:
            findings.add({"equality": equality})
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self._record(None, case, name, now, self.logs / f"{case.key}.log", findings)

    def _follow(self, host: HostChannel, case: Case, log: Path, on_phase: PhaseListener) -> Findings:
        """Send the request and take events until the worker has ended."""
        pid: int | None = None

        def listen(kind: str, event: Event) -> None:
            nonlocal pid
            if kind == "forked":
                pid = event["pid"]
            elif kind == "phase":
                if event["name"] == "warmup":
                    self.sampler.start(pid)
                on_phase(event["name"])
            elif kind == "script":
                if event["text"] is None:
                    worker.findings.add({"not_measured": event["not_measured"]})
                else:
                    write_script(self.run_folder, case.key, event["text"])

        request = {"case": case.fields(), **self._where(log)}
        worker = self._worker(host, case, request, listen)
        try:
            worker.follow()
        finally:
            self._finish_sampling(case, worker.findings)
        worker.findings.add({"host_use": worker.host_use()})
        self._hear_nodes(case, worker.findings)
        return worker.findings

    def _worker(
        self, host: HostChannel, case: Case, request: dict[str, object], listen: Callable[[str, Event], None]
    ) -> Worker:
        """Start the worker of a case, and those of the other nodes that share it."""
        request = {"settings": self.settings.model_dump(), **request}
        if self.nodes is None or case.nodes == 1:
            return Worker(host, request, self.settings, listen)
        span = self.nodes.start(request)
        return Worker(host, {**request, "span": span.model_dump()}, self.settings, listen, self.nodes.trouble)

    def _hear_nodes(self, case: Case, findings: Findings) -> None:
        """What went wrong on the other nodes, where the case has failed."""
        if self.nodes is None or case.nodes == 1:
            return
        elsewhere = [reason for reason in self.nodes.finish() if reason not in findings.reason]
        if findings.outcome != "ok" and elsewhere:
            findings.reason = "; ".join([findings.reason, *elsewhere])

    def _where(self, log: Path) -> dict[str, object]:
        """What each request says of where its worker runs."""
        return {"log": str(log.absolute()), "paths": list(self.import_paths), "directory": str(self.directory)}

    def _finish_sampling(self, case: Case, findings: Findings) -> None:
        """What the devices did, over the measured window alone."""
        recording = self.sampler.stop()
        start_s, end_s = findings.facts.pop("window", (None, None))
        window = None if start_s is None or end_s is None else (start_s, end_s)
        device = findings.facts.get("settings", {}).get("device")
        steps = findings.facts.get("window_steps")
        facts, reasons = facts_of(recording, window, device, case.devices // case.nodes, steps)
        if case.nodes > 1:
            why = f"the case ran on {case.nodes} nodes, and the devices of this one alone are read"
            reasons |= dict.fromkeys(PER_STEP_ENERGY, why)
        if window is not None:
            facts["window_s"] = window[1] - window[0]
        findings.add(facts)
        findings.not_measured |= reasons

    def _record(
        self, host: HostChannel | None, case: Case, name: str, started_at: str, log: Path, findings: Findings
    ) -> Record:
        phases = Phases(import_s=host.import_s if host else None, **findings.phases)
        return Record(
            case=case,
            name=name,
            outcome=findings.outcome or "crashed",
            reason=findings.reason,
            started_at=started_at,
            environment=self.environment,
            versions=host.versions if host else {},
            phases=phases,
            not_measured=findings.not_measured | _why_missing(case, findings),
            log=str(log.relative_to(self.run_folder)) if log.exists() else None,
            series=_series(findings.facts.get("step_s", [])),
            **findings.facts,
        )


def _series(step_s: list[float]) -> Series | None:
    return Series(**asdict(classify(step_s))) if step_s else None


def _why_missing(case: Case, findings: Findings) -> dict[str, str]:
    """A reason for each figure that a reader would look for and not find."""
    wanted = ("step_s", "blocks", "cpu_cores_used", "peak_host_bytes", "peak_device_bytes")
    why = "counted, not run" if case.mode == "count" else f"{findings.outcome} in phase {findings.phase}"
    return {name: why for name in wanted if not findings.facts.get(name) and name not in findings.not_measured}


def usable_memory_bytes() -> int:
    """Default limit of a worker: nine tenths of what is available now, so that the machine survives."""
    return int(0.9 * free_host_bytes())
