"""Supervise the workers of a run: a record per case, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from anatomy.bench.errors.printable import first_mistake, one_line
from anatomy.bench.machine.free_memory import free_host_bytes
from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.machine.telemetry.record_fields import PER_STEP_ENERGY, telemetry_facts
from anatomy.bench.profiling.roofline_bound import CaseCeilings
from anatomy.bench.protocol.events import (
    Event,
    Forked,
    PhaseBegan,
    ReferenceStepsTaken,
    ScriptMade,
    StageEnded,
    StageFailed,
)
from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.batch_sizes import with_batch_size
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.record import Outcome, Record
from anatomy.bench.records.record_parts import Equality, Series
from anatomy.bench.records.run_store import write_script
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.application_records import StageRecords, options_of
from anatomy.bench.runner.data_parallel_check import DataParallelCheck
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.nodes.coordinator import Coordinator
from anatomy.bench.runner.profile_worker import run_profile
from anatomy.bench.runner.requests import MeasureCase, RunApplication, TakeProfile, TakeReferenceSteps, WorkerPlace
from anatomy.bench.runner.worker_handle import PartialResult, WorkerHandle
from anatomy.bench.statistics.steady import classify

# The figures that a reader looks for in every record.
_EXPECTED = ("step_s", "blocks", "cpu_cores_used", "peak_host_bytes", "peak_device_bytes")


@dataclass(frozen=True)
class Supervisor:
    """What is the same for every case of a run.

    Attributes:
        settings: how cases are measured.
        environment: fingerprint that goes into each record.
        run_folder: the run's folder.
        logs: folder for the workers' logs.
        directory: where workers run, and look first for the user's own modules.
        import_paths: where they look next.
        sampler: reads GPUs and CPU energy beside the measured window.
        nodes: the other nodes, for cases on several.
    """

    settings: MeasureSettings
    environment: str
    run_folder: Path
    logs: Path
    directory: Path
    import_paths: tuple[str, ...]
    sampler: DeviceSampler
    nodes: Coordinator | None = None
    _same_training: DataParallelCheck = field(default_factory=DataParallelCheck)

    def measure(self, server: ForkServerClient, case: Case, on_phase: Callable[[str], None], repeat: int = 0) -> Record:
        """The record of a case, measured in a fresh process of `server`, whatever happens.

        On several devices it is measured only if they train as one device does.
        """
        equality = self._same_training.verdict(case, lambda wanted: self._reference_steps(server, wanted))
        if isinstance(equality, PartialResult):
            return self.refuse(case, equality.outcome or "crashed", equality.reason)
        if equality is not None and equality.verdict == "differs":
            return self._record(None, case, _now(), PartialResult("invalid", equality.reason), equality=equality)
        started_at = _now()
        request = MeasureCase(place=self._place(_log_name(case.key, repeat)), settings=self.settings, case=case)
        result = self._run(server, case, request, on_phase)
        return self._record(server, case, started_at, result, repeat, equality)

    def profile(self, server: ForkServerClient, case: Case, folder: Path, ceilings: CaseCeilings | None) -> Profile:
        """Trace a case in a fresh process of `server` into `folder`; the profile says what went wrong, if anything."""
        place = self._place(f"{case.key}.profile.log")
        request = TakeProfile(place=place, settings=self.settings, case=case, folder=folder, ceilings=ceilings)
        return run_profile(server, request, self.run_folder, self.environment)

    def run_application(
        self,
        server: ForkServerClient,
        wanted: Sequence[Case],
        repeat: int,
        began: Callable[[str], None],
        done: Callable[[Record], None],
    ) -> None:
        """Run an application in a fresh process of `server`; each wanted stage has its record when it has ended.

        Args:
            repeat: which of the application's processes this is; its seed.
            began: told the name of each stage that begins.
            done: told of each record.
        """
        started_at = _now()
        key = wanted[0].key

        def blank(case: Case, outcome: Outcome, reason: str) -> Record:
            return self._of_facts(server, case, started_at, PartialResult(outcome, reason), repeat, None, key)

        records = StageRecords(wanted, blank, done)

        def listen(event: Event) -> None:
            match event:
                case PhaseBegan(name=name):
                    began(name)
                case StageEnded():
                    records.end(event)
                case StageFailed():
                    records.fail_one(event)

        request = RunApplication(
            place=self._place(_log_name(key, repeat)),
            settings=self.settings,
            options=options_of(wanted[0]),
            seed=repeat,
        )
        result = WorkerHandle(server, request, listen).run_to_end()
        records.fail(result.outcome or "crashed", result.reason, result.phase)

    def refuse(self, case: Case, outcome: Outcome, reason: str) -> Record:
        """The record of a case that is not measured."""
        return self._record(None, case, _now(), PartialResult(outcome, reason))

    def _reference_steps(self, server: ForkServerClient, case: Case) -> Trajectory | PartialResult:
        """The reference steps of a case in a fresh process of `server`; what is known where it did not get there."""
        place = self._place(f"{case.key}.trajectory.log")
        worker = self._worker(server, case, TakeReferenceSteps(place=place, settings=self.settings, case=case))
        taken = worker.run_until(ReferenceStepsTaken)
        result = worker.run_to_end()
        self._hear_nodes(case, result)
        return taken.trajectory if taken is not None else result

    def _run(
        self, server: ForkServerClient, case: Case, request: MeasureCase, on_phase: Callable[[str], None]
    ) -> PartialResult:
        """Measure a case, with the devices sampled from the end of the warm-up's start on."""
        pid: int | None = None

        def listen(event: Event) -> None:
            nonlocal pid
            match event:
                case Forked():
                    pid = event.pid
                case PhaseBegan(name=name):
                    if name == "warmup":
                        self.sampler.start(pid)
                    on_phase(name)
                case ScriptMade(text=None, why_not=why):
                    worker.result.add(CaseFacts(not_measured={"script": why}))
                case ScriptMade(text=str(text)):
                    write_script(self.run_folder, case.key, text)

        worker = self._worker(server, case, request, listen)
        try:
            result = worker.run_to_end()
        finally:
            self._finish_sampling(case, worker.result)
        result.add(CaseFacts(host_use=worker.usage()))
        self._hear_nodes(case, result)
        return result

    def _worker(
        self,
        server: ForkServerClient,
        case: Case,
        request: MeasureCase | TakeReferenceSteps,
        listen: Callable[[Event], None] = lambda event: None,
    ) -> WorkerHandle:
        """Start the worker of a case, and those of the other nodes that share it."""
        if self.nodes is None or case.nodes == 1:
            return WorkerHandle(server, request, listen)
        on_all_nodes = request.model_copy(update={"rendezvous": self.nodes.start(request)})
        return WorkerHandle(server, on_all_nodes, listen, self.nodes.trouble)

    def _hear_nodes(self, case: Case, result: PartialResult) -> None:
        """Add what went wrong on the other nodes, where the case has failed."""
        if self.nodes is None or case.nodes == 1:
            return
        elsewhere = [reason for reason in self.nodes.finish() if reason not in result.reason]
        if result.outcome != "ok" and elsewhere:
            result.reason = "; ".join([result.reason, *elsewhere])

    def _place(self, log: str) -> WorkerPlace:
        return WorkerPlace(log=(self.logs / log).absolute(), directory=self.directory, import_paths=self.import_paths)

    def _finish_sampling(self, case: Case, result: PartialResult) -> None:
        """Add what the devices did, over the measured window alone."""
        recording = self.sampler.stop()
        facts, window = result.facts, result.facts.window
        found = telemetry_facts(
            recording, window, facts.settings.get("device"), case.devices // case.nodes, facts.window_steps
        )
        if case.nodes > 1:
            why = f"the case ran on {case.nodes} nodes, and the devices of this one alone are read"
            found = found.merged(CaseFacts(not_measured=dict.fromkeys(PER_STEP_ENERGY, why)))
        if window is not None:
            found = found.merged(CaseFacts(window_s=window[1] - window[0]))
        result.add(found)

    def _record(
        self,
        server: ForkServerClient | None,
        case: Case,
        started_at: str,
        result: PartialResult,
        repeat: int = 0,
        equality: Equality | None = None,
        log_of: str = "",
    ) -> Record:
        try:
            record = self._of_facts(server, case, started_at, result, repeat, equality, log_of)
            wrong = f"the worker sent no {record.lacks}, and ended as if it had measured" if record.lacks else ""
            record.model_dump_json()
        except (ValueError, RecursionError) as error:
            # A worker can send anything, also what no record holds.
            wrong = f"the worker sent what is no record: {_mistake(error)}"
        if not wrong:
            return record
        return self._of_facts(server, case, started_at, PartialResult("crashed", wrong), repeat, equality, log_of)

    def _of_facts(
        self,
        server: ForkServerClient | None,
        case: Case,
        started_at: str,
        result: PartialResult,
        repeat: int,
        equality: Equality | None,
        log_of: str,
    ) -> Record:
        facts = result.facts
        log = self.logs / _log_name(log_of or case.key, repeat)
        if result.batch_size is not None:
            case = with_batch_size(case, result.batch_size)
        return Record(
            case=case,
            name=case_name(case),
            outcome=result.outcome or "crashed",
            reason=result.reason,
            repeat=repeat,
            started_at=started_at,
            environment=self.environment,
            versions=server.versions if server else {},
            phases=facts.phases.model_copy(update={"import_s": server.import_s if server else None}),
            not_measured=facts.not_measured | _why_missing(case, result),
            log=str(log.relative_to(self.run_folder)) if log.exists() else None,
            series=Series(**asdict(classify(facts.step_s))) if facts.step_s else None,
            equality=equality,
            settings=facts.settings,
            counts=facts.counts,
            inputs=facts.inputs,
            input_figures=facts.input_figures,
            step_s=facts.step_s,
            blocks=facts.blocks,
            warmup_steps=facts.warmup_steps,
            warmup_settled=facts.warmup_settled,
            clock=facts.clock,
            checks=facts.checks,
            recompilations=facts.recompilations,
            output_sample=facts.output_sample,
            scaled_outputs=facts.scaled_outputs,
            stateful=facts.stateful,
            loss_first=facts.loss_first,
            loss_last=facts.loss_last,
            base_host_bytes=facts.base_host_bytes,
            peak_host_bytes=facts.peak_host_bytes,
            step_peak_host_bytes=facts.step_peak_host_bytes,
            host_use=facts.host_use,
            peak_device_bytes=facts.peak_device_bytes,
            cpu_cores_used=facts.cpu_cores_used,
            others_cores=facts.others_cores,
            steal_share=facts.steal_share,
            window_s=facts.window_s,
            window_steps=facts.window_steps,
            gpu=facts.gpu,
            cpu_energy=facts.cpu_energy,
            all_reduce=facts.all_reduce,
        )


def _mistake(error: Exception) -> str:
    return first_mistake(error) if isinstance(error, ValidationError) else one_line(error)


def _log_name(key: str, repeat: int) -> str:
    return f"{key}.{repeat}.log" if repeat else f"{key}.log"


def _why_missing(case: Case, result: PartialResult) -> dict[str, str]:
    """A reason for each figure that a reader would look for and not find."""
    facts = result.facts
    why = "counted, not run" if case.mode == "count" else f"{result.outcome} in phase {result.phase}"
    return {name: why for name in _EXPECTED if not getattr(facts, name) and name not in facts.not_measured}


def usable_memory_bytes() -> int:
    """Default limit of a worker: nine tenths of what is available now; the machine survives a runaway allocation."""
    return int(0.9 * free_host_bytes())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
