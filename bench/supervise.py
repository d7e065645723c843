"""Supervise one worker: gather its facts, hold it to time and memory, and make its record."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from anatomy.bench import gpu
from anatomy.bench.case import Case
from anatomy.bench.channel import Event, HostChannel, HostError, kill_worker, tail
from anatomy.bench.record import Outcome, Phases, Record, Series
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.statistics.steady import classify
from anatomy.bench.store import write_script
from anatomy.bench.watch import MemoryWatch

# Rare enough to leave the worker its cores; often enough to stop a runaway allocation.
WATCH_INTERVAL_S = 0.1

_CGROUP_EVENTS = Path("/sys/fs/cgroup/memory.events")

PhaseListener = Callable[[str], None]


@dataclass
class Findings:
    """What is known of a case so far; the final record is made from it, however the case ends."""

    facts: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)
    phase: str = "start"
    outcome: Outcome | None = None
    reason: str = ""

    def add(self, facts: dict[str, Any]) -> None:
        """Take in the facts of one event."""
        self.phases |= facts.pop("phases", {})
        self.not_measured |= facts.pop("not_measured", {})
        self.facts |= facts

    def end(self, outcome: Outcome, reason: str) -> None:
        """Fix the outcome; the first word stands."""
        if self.outcome is None:
            self.outcome, self.reason = outcome, reason


@dataclass(frozen=True)
class Supervisor:
    """What is the same for every case of a run."""

    settings: MeasureSettings
    environment: str
    run_folder: Path
    logs: Path
    directory: Path
    import_paths: tuple[str, ...]
    sampler: gpu.GpuSampler

    def measure(self, host: HostChannel, case: Case, name: str, on_phase: PhaseListener, repeat: int = 0) -> Record:
        """Run `case` in a fresh process of `host` and return its record, whatever happens."""
        log = self.logs / (f"{case.key}.{repeat}.log" if repeat else f"{case.key}.log")
        findings = Findings(facts={"repeat": repeat})
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._follow(host, case, log, findings, on_phase)
        return self._record(host, case, name, started_at, log, findings)

    def refuse(self, case: Case, name: str, outcome: Outcome, reason: str) -> Record:
        """The record of a case that no worker was started for."""
        findings = Findings(outcome=outcome, reason=reason)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self._record(None, case, name, now, self.logs / f"{case.key}.log", findings)

    def _follow(self, host: HostChannel, case: Case, log: Path, findings: Findings, on_phase: PhaseListener) -> None:
        """Send the request and take events until the worker has ended."""
        requested_s = time.perf_counter()
        deadline_s = requested_s + self.settings.timeout_s
        kills_before = _out_of_memory_kills()
        worker: MemoryWatch | None = None
        try:
            host.send(
                {
                    "case": case.fields(),
                    "settings": self.settings.model_dump(),
                    "log": str(log.absolute()),
                    "paths": list(self.import_paths),
                    "directory": str(self.directory),
                }
            )
            while True:
                event = host.receive(WATCH_INTERVAL_S)
                if event is None:
                    self._hold_to_limits(worker, deadline_s, findings)
                elif event["event"] == "forked":
                    worker = MemoryWatch(event["pid"])
                elif event["event"] == "exit":
                    _explain_exit(event["code"], findings, log, kills_before)
                    return
                else:
                    self._take(event, case, findings, requested_s, on_phase)
        except HostError as error:
            findings.end("crashed", str(error))
        except BaseException:
            if worker is not None:
                kill_worker(worker.pid)
            raise
        finally:
            self._finish_sampling(findings)

    def _take(self, event: Event, case: Case, findings: Findings, requested_s: float, on_phase: PhaseListener) -> None:
        kind = event.pop("event")
        if kind == "phase":
            findings.phase = event["name"]
            if findings.phase == "warmup":
                self.sampler.start()
            on_phase(findings.phase)
        elif kind == "started":
            findings.add({"base_host_bytes": event["base_host_bytes"]})
            findings.phases["start_s"] = event["at_s"] - requested_s
        elif kind == "facts":
            findings.add(event)
        elif kind == "script":
            if event["text"] is None:
                findings.add({"not_measured": event["not_measured"]})
            else:
                write_script(self.run_folder, case.key, event["text"])
        elif kind == "result":
            findings.end(event["outcome"], event["reason"])

    def _hold_to_limits(self, worker: MemoryWatch | None, deadline_s: float, findings: Findings) -> None:
        if worker is None:
            return
        if time.perf_counter() > deadline_s:
            findings.end("timeout", f"not finished after {self.settings.timeout_s:g} s, in phase {findings.phase}")
            kill_worker(worker.pid)
        limit = self.settings.memory_limit_bytes
        used = worker.read() if limit is not None else 0
        if limit is not None and used > limit:
            findings.end(
                "oom",
                f"used {used / 2**30:.2f} GiB of a limit of {limit / 2**30:.2f} GiB in phase {findings.phase};"
                " a smaller --batch-size, or a higher --memory-limit",
            )
            findings.add({"peak_host_bytes": used})
            kill_worker(worker.pid)

    def _finish_sampling(self, findings: Findings) -> None:
        samples = self.sampler.stop()
        window = findings.facts.pop("window", None)
        uses = gpu.within(samples, self.sampler.names, *window) if window else None
        if uses is None:
            findings.not_measured["gpu"] = self.sampler.reason or "no sample fell into the measured window"
        else:
            findings.add({"gpu": [use.model_dump() for use in uses]})

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


def _explain_exit(code: int, findings: Findings, log: Path, kills_before: int | None) -> None:
    """A worker that ended without a result says why by its exit status."""
    where = f"in phase {findings.phase}"
    if code < 0:
        killer = signal.Signals(-code).name
        kills = _out_of_memory_kills()
        if code == -signal.SIGKILL and kills is not None and kills_before is not None and kills > kills_before:
            findings.end("oom", f"the kernel's out-of-memory killer ended the worker {where}")
        findings.end("crashed", f"the worker was ended by {killer} {where}")
    findings.end("crashed", f"the worker ended with status {code} {where}: {tail(log)}")


def _out_of_memory_kills() -> int | None:
    """How often the kernel has killed for memory in this control group, null where it does not say."""
    try:
        lines = _CGROUP_EVENTS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def usable_memory_bytes() -> int:
    """Default limit of a worker: nine tenths of what is available now, so that the machine survives."""
    limit = psutil.virtual_memory().available
    return int(0.9 * limit)
