"""Follow one worker from its request to its end: take its events, hold it to time and memory, say how it ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.process_sampler import HostWatch
from anatomy.bench.profiling.roofline_bound import LayerCeilings
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.process_usage import HostUse, HostUseSeries
from anatomy.bench.records.record import Outcome
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.fork_client import Event, HostChannel, kill_worker, tail

# Often enough to stop a runaway allocation; and once the same step is taken over and over, rare enough to leave the
# worker its cores: each reading costs some 0.2 ms of one (`anatomy doctor --overhead`).
WATCH_INTERVAL_S = 0.1
STEPS_WATCH_INTERVAL_S = 0.25

_CGROUP_EVENTS = Path("/sys/fs/cgroup/memory.events")


@dataclass
class Findings:
    """What is known of a case so far; whatever is made of it is made from this, however the case ends."""

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


class Worker:
    """One worker of `host`, started by `request`, which names its log.

    Args:
        on_event: told of every event, after `findings` has it.
        trouble: why it cannot go on; null while it can.
    """

    def __init__(
        self,
        host: HostChannel,
        request: Mapping[str, Any],
        settings: MeasureSettings,
        on_event: Callable[[str, Event], None] = lambda kind, event: None,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.findings = Findings()
        self._host, self._settings, self._on_event = host, settings, on_event
        self._trouble = trouble
        self._log = Path(request["log"])
        self._watch: HostWatch | None = None
        self._host_use = HostUseSeries()
        self._ended = False
        self._kills_before = _out_of_memory_kills()
        self._requested_s = time.perf_counter()
        self._deadline_s = self._requested_s + settings.timeout_s
        try:
            host.send(dict(request))
        except SetupError as error:
            self._end("crashed", str(error))

    def follow(self, until: str | None = None) -> Event | None:
        """Take events until one of kind `until`, which is returned, or until the worker has ended: null."""
        try:
            while not self._ended:
                # The window follows the warm-up without a word, which would wake this process while it is timed.
                steps = self.findings.phase == "warmup"
                event = self._host.receive(STEPS_WATCH_INTERVAL_S if steps else WATCH_INTERVAL_S)
                if event is None:
                    self._hold_to_limits()
                    continue
                kind = event.pop("event")
                self._take(kind, event)
                if kind == until:
                    return event
        except SetupError as error:
            self._end("crashed", str(error))
        except BaseException:
            self.kill()
            raise
        return None

    def extend(self, seconds: float) -> None:
        """Give it this long from now, at least."""
        self._deadline_s = max(self._deadline_s, time.perf_counter() + seconds)

    def host_use(self) -> HostUse | None:
        """What it has taken of the host so far; null where it was over before it was looked at."""
        return self._host_use.result()

    def kill(self) -> None:
        """End it with everything it started."""
        if self._watch is not None and not self._ended:
            kill_worker(self._watch.pid)

    def _take(self, kind: str, event: Event) -> None:
        findings = self.findings
        if kind == "forked":
            self._watch = HostWatch(event["pid"])
        elif kind == "exit":
            self._ended = True
            _explain_exit(event["code"], findings, self._log, self._kills_before)
        elif kind == "phase":
            findings.phase = event["name"]
        elif kind == "started":
            findings.add({"base_host_bytes": event["base_host_bytes"]})
            findings.phases["start_s"] = event["at_s"] - self._requested_s
        elif kind == "facts":
            findings.add(event)
        elif kind == "result":
            findings.end(event["outcome"], event["reason"])
        self._on_event(kind, event)

    def _end(self, outcome: Outcome, reason: str) -> None:
        self._ended = True
        self.findings.end(outcome, reason)

    def _hold_to_limits(self) -> None:
        if self._watch is None:
            return
        settings, findings = self._settings, self.findings
        trouble = self._trouble()
        if trouble is not None:
            findings.end("crashed", trouble)
            self.kill()
        if time.perf_counter() > self._deadline_s:
            findings.end("timeout", f"not finished after {settings.timeout_s:g} s, in phase {findings.phase}")
            self.kill()
        limit = settings.memory_limit_bytes
        reading = self._watch.read()
        used = reading.resident_bytes
        if used:
            self._host_use.add(time.perf_counter() - self._requested_s, reading)
        if limit is not None and used > limit:
            findings.end(
                "oom",
                f"used {used / 2**30:.2f} GiB of a limit of {limit / 2**30:.2f} GiB in phase {findings.phase};"
                " a smaller --batch-size, or a higher --memory-limit",
            )
            findings.add({"peak_host_bytes": used})
            self.kill()


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


def follow_profile(
    start: Callable[[Mapping[str, Any], Callable[[str, Event], None]], Worker],
    case: Case,
    trace: Path,
    run_folder: Path,
    ceilings: LayerCeilings | None = None,
    environment: str = "",
) -> Profile:
    """The profile of a case, from a worker of its own; what went wrong where there is none.

    Args:
        start: starts the worker, given what the request has under `profile` and who is told of events.
        trace: folder for the trace, below `run_folder`.
        environment: fingerprint.
    """
    found: Event = {}

    def listen(kind: str, event: Event) -> None:
        if kind == "profile":
            found.update(event)

    limits = ceilings.model_dump() if ceilings else None
    worker = start({"case": case.fields(), "folder": str(trace.absolute()), "ceilings": limits}, listen)
    worker.follow()
    outcome = worker.findings.outcome or "crashed"
    return Profile(
        case=case,
        name=case_name(case),
        outcome=outcome,
        reason=worker.findings.reason,
        environment=environment,
        trace=str(trace.relative_to(run_folder)) if found else None,
        **(found if outcome == "ok" else {}),
    )
