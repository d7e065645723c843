"""A worker from its request to its end: take its events, hold it to its limits, say how it ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import TypeVar

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.cgroups import out_of_memory_kills
from anatomy.bench.machine.process_sampler import ProcessSampler
from anatomy.bench.protocol.events import BatchTaken, Ended, Event, Exited, FactsFound, Forked, PhaseBegan, Started
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.process_usage import HostUse, HostUseSeries
from anatomy.bench.records.record import Outcome
from anatomy.bench.records.record_parts import Phases
from anatomy.bench.runner.fork_client import ForkServerClient, tail
from anatomy.bench.runner.process_group import kill_group
from anatomy.bench.runner.requests import Request

# Often enough to stop a runaway allocation; and once the same step is taken over and over, rare enough to leave the
# worker its cores: each reading costs some 0.2 ms of one (`anatomy doctor --overhead`).
WATCH_INTERVAL_S = 0.1
STEPS_WATCH_INTERVAL_S = 0.25

# Seconds for which the end of a worker that was killed is waited for.
EXIT_GRACE_S = 15.0
# The check that says what a worker left behind.
LEFT_BEHIND = "children ended"

_E = TypeVar("_E", bound=Event)


class PartialResult:
    """What is known of a case while its worker runs, and however it ends.

    Attributes:
        batch_size: the one that it is measured at; `None` for the case's own.
    """

    def __init__(self, outcome: Outcome | None = None, reason: str = "", facts: CaseFacts | None = None) -> None:
        self.outcome, self.reason = outcome, reason
        self.facts = facts or CaseFacts()
        self.phase = "start"
        self.batch_size: int | None = None

    def add(self, facts: CaseFacts) -> None:
        """Take in further facts."""
        self.facts = self.facts.merged(facts)

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Set the outcome; the first one stands."""
        if self.outcome is None:
            self.outcome, self.reason = outcome, reason


class WorkerHandle:
    """One worker of a fork server, started by `request`.

    Args:
        server: the fork server that forks it.
        request: what it is to do, and within which limits.
        on_event: told of every event, after `result` has it.
        trouble: why the worker cannot go on; `None` while it can.
    """

    def __init__(
        self,
        server: ForkServerClient,
        request: Request,
        on_event: Callable[[Event], None] = lambda event: None,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.result = PartialResult()
        self._server, self._request, self._settings = server, request, request.settings
        self._on_event, self._trouble = on_event, trouble
        self._sampler: ProcessSampler | None = None
        self._usage = HostUseSeries()
        self._ended = False
        self._killed_s: float | None = None
        self._kills_before = out_of_memory_kills()
        self._requested_s = time.perf_counter()
        self._deadline_s = self._requested_s + self._settings.timeout_s
        try:
            server.send(request)
        except SetupError as error:
            self._end("crashed", str(error))

    def run_to_end(self) -> PartialResult:
        """Take events until the worker has ended; returns what is known then."""
        self._run(None)
        return self.result

    def run_until(self, kind: type[_E]) -> _E | None:
        """Take events until one of this type, which is returned, or until the worker has ended: `None`."""
        return self._run(kind)

    def extend(self, seconds: float) -> None:
        """Give the worker at least this long from now."""
        self._deadline_s = max(self._deadline_s, time.perf_counter() + seconds)

    def usage(self) -> HostUse | None:
        """CPU time and memory that it has used so far; `None` where it ended before it was looked at."""
        return self._usage.result()

    def kill(self) -> None:
        """End it with everything that it started."""
        if self._sampler is not None and not self._ended:
            kill_group(self._sampler.pid)
            self._killed_s = self._killed_s or time.perf_counter()

    def _run(self, kind: type[_E] | None) -> _E | None:
        try:
            while not self._ended:
                # The window follows the warm-up without a word, which would wake this process while it is timed.
                steps = self.result.phase == "warmup"
                event = self._server.receive(STEPS_WATCH_INTERVAL_S if steps else WATCH_INTERVAL_S)
                if event is None:
                    self._hold_to_limits()
                    continue
                self._take(event)
                if time.perf_counter() > self._deadline_s:
                    # One that sends on and on is never silent.
                    self._hold_to_limits()
                if kind is not None and isinstance(event, kind):
                    return event
        except SetupError as error:
            self.kill()
            self._end("crashed", str(error))
        except BaseException:
            self.kill()
            raise
        return None

    def _take(self, event: Event) -> None:
        result = self.result
        match event:
            case Forked(pid=pid):
                self._sampler = ProcessSampler(pid)
            case Exited(code=code, killed=killed):
                self._ended = True
                self._explain_exit(code)
                if killed:
                    said = {LEFT_BEHIND: f"passed; killed: {', '.join(killed)}"}
                    result.add(CaseFacts(checks=result.facts.checks | said))
            case PhaseBegan(name=name):
                result.phase = name
            case Started(at_s=at_s, base_host_bytes=base):
                start_s = at_s - self._requested_s
                result.add(CaseFacts(base_host_bytes=base, phases=Phases(start_s=start_s)))
            case BatchTaken(batch_size=batch_size):
                result.batch_size = batch_size
            case FactsFound(facts=facts):
                result.add(facts)
            case Ended(outcome=outcome, reason=reason):
                result.end(outcome, reason)
        self._on_event(event)

    def _end(self, outcome: Outcome, reason: str) -> None:
        self._ended = True
        self.result.end(outcome, reason)

    def _hold_to_limits(self) -> None:
        settings, result, now = self._settings, self.result, time.perf_counter()
        if self._sampler is None:
            if now > self._deadline_s:
                result.end("timeout", f"the fork server did not answer within {settings.timeout_s:g} s")
                self._server.kill()
            return
        if self._killed_s is not None and now > self._killed_s + EXIT_GRACE_S:
            # It is stopped, or waits for a process that cannot be killed.
            self._server.kill()
            return
        trouble = self._trouble()
        if trouble is not None:
            result.end("crashed", trouble)
            self.kill()
        if now > self._deadline_s:
            result.end("timeout", f"not finished after {settings.timeout_s:g} s, in phase {result.phase}")
            self.kill()
        limit = settings.memory_limit_bytes
        reading = self._sampler.read()
        used = reading.resident_bytes
        if used:
            self._usage.add(time.perf_counter() - self._requested_s, reading)
        if limit is not None and used > limit:
            result.end(
                "oom",
                f"used {used / 2**30:.2f} GiB of a limit of {limit / 2**30:.2f} GiB in phase {result.phase};"
                " a smaller --batch-size, or a higher --memory-limit",
            )
            result.add(CaseFacts(peak_host_bytes=used))
            self.kill()

    def _explain_exit(self, code: int) -> None:
        """A worker that ended without an outcome says why by its exit status."""
        result, where = self.result, f"in phase {self.result.phase}"
        if code < 0:
            killer = signal.Signals(-code).name
            kills, before = out_of_memory_kills(), self._kills_before
            if code == -signal.SIGKILL and kills is not None and before is not None and kills > before:
                result.end("oom", f"the kernel's out-of-memory killer ended the worker {where}")
            result.end("crashed", f"the worker was ended by {killer} {where}")
        result.end("crashed", f"the worker ended with status {code} {where}: {tail(self._request.place.log)}")
