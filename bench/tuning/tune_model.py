"""Search the best settings for one model: screen what can be set, follow the batch size, race what is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from anatomy.bench.records.batch_sizes import with_batch_size
from anatomy.bench.records.case import LOOPS, Backend, Case
from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RECORDS_FILE
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.records.tuning import (
    Contender,
    Goal,
    MemoryForecast,
    Standing,
    Tuning,
    memory_of,
    setting_text,
    write_tuning,
)
from anatomy.bench.runner.largest_batch import LARGEST_BATCH, Known, known_of
from anatomy.bench.runner.look_at_machine import look_at_machine
from anatomy.bench.runner.open_run import OpenRun
from anatomy.bench.runner.session import Listener, Session, Silent
from anatomy.bench.tuning.batch_climb import climb
from anatomy.bench.tuning.memory_line import forecast, surely_too_much
from anatomy.bench.tuning.race import Race
from anatomy.bench.tuning.same_function import departure
from anatomy.bench.tuning.search_space import (
    changed,
    combinations,
    distance,
    kind,
    loop_variants,
    not_searched,
    other_jit,
)

# A setting whose first figure is below this share of the best is not followed further: no batch size makes up for it.
FAR = 0.5
# Those within this share of the best first figure are raced, at most so many: first figures are known to 5 to 10 %.
NEAR, MOST_RACED = 0.8, 6
# Of `fit` and `predict`, so many of the best are tried with other feeds and steps per execution.
MOST_VARIED = 3
# Share of the time after which no more settings are tried and the race begins; the batch sizes of a loop leave some of
# it to feeds and steps per execution.
BEFORE_RACE, BEFORE_LOOPS = 0.6, 0.4
BRIEF = {"seconds": 0.6, "warmup_s": 0.1, "warmup_budget_s": 0.6, "target": 0.03}
RACED_SECONDS = 2.0
# What a call of `fit` or `predict` takes besides its steps must not count in short epochs.
BRIEF_LOOP_SECONDS, RACED_LOOP_SECONDS = 2.0, 3.0
# Outcomes of a batch that is too large; another may do.
_TOO_LARGE = ("oom", "timeout")


@dataclass(frozen=True)
class TuneRequest:
    """What is to be found.

    Attributes:
        default: the settings to compare with.
        goal: what is sought, and limits.
        backends: that are searched.
        dtypes: policies that are searched.
        tolerance: relative difference below which settings are equally good.
        minutes: after which no further setting is tried; the race's first rounds are always run.
    """

    default: Case
    goal: Goal
    backends: Sequence[Backend]
    dtypes: Sequence[str]
    tolerance: float = 0.03
    minutes: float = 5.0


class TuneListener(Listener, Protocol):
    """Told what happens in a search."""

    def stage(self, words: str) -> None:
        """A part of the search begins."""

    def narrowed(self, left: Sequence[str], dropped: Sequence[str]) -> None:
        """A round of the race has ended; both are names of settings."""


class SilentSearch(Silent):
    """A listener of a search that does nothing."""

    def stage(self, words: str) -> None:
        """Ignore."""

    def narrowed(self, left: Sequence[str], dropped: Sequence[str]) -> None:
        """Ignore."""


@dataclass
class _Tried:
    case: Case
    record: Record | None = None
    figure: float | None = None
    reason: str = ""
    standing: Standing = "too slow to race"
    missed: float = 1.0
    rounds: list[float] = field(default_factory=list)
    memory: int | None = None

    @property
    def may_do_smaller(self) -> bool:
        """Whether a smaller batch may do where this one does not."""
        return self.missed > 1 or (self.record is not None and self.record.outcome in _TOO_LARGE)


def tune(request: TuneRequest, run: OpenRun, listener: TuneListener) -> Tuning:
    """Find the best settings; every measurement is a record of the run, and the answer its `tuning.json`.

    Records that the run already has, of a search that was cut short, are taken as they are.

    Args:
        request: what is to be found.
        run: an open run, of the default case.
        listener: told what happens.
    """
    known = (
        known_of(read_records(run.writer.path / RECORDS_FILE)) if (run.writer.path / RECORDS_FILE).exists() else None
    )
    look_at_machine(run.writer.path, "start")
    with Session(run.writer, run.settings, run.environment, run.directory, run.import_paths) as session:
        search = _Search(request, session, listener, known or Known({}, {}))
        search.screen()
        search.follow_batches()
        search.vary_loops()
        stopped = search.race()
    look_at_machine(run.writer.path, "end")
    tuning = search.answer(stopped)
    write_tuning(run.writer.path, tuning)
    return tuning


class _Search:
    def __init__(self, request: TuneRequest, session: Session, listener: TuneListener, known: Known) -> None:
        self._request, self._session, self._listener, self._known = request, session, listener, known
        self._goal, self._default = request.goal, request.default
        settings, self._loops = session.settings, request.default.mode in LOOPS
        self._brief = settings.model_copy(
            update=BRIEF
            | ({"seconds": BRIEF_LOOP_SECONDS} if self._loops else {})
            | {"timeout_s": min(settings.timeout_s, max(60.0, 60 * request.minutes / 4))}
        )
        longest = RACED_LOOP_SECONDS if self._loops else RACED_SECONDS
        self._full = settings.model_copy(update={"seconds": min(settings.seconds, longest)})
        self._tried: dict[str, _Tried] = {}
        self._reference: Record | None = None
        # Kinds of settings whose function was compared with the default's.
        self._compared: set[tuple[str, ...]] = set()
        self._forecasts: list[MemoryForecast] = []
        self._left_out: list[str] = []
        self._not_searched = list(not_searched(request.default.mode))
        self._share = BEFORE_RACE
        self._start = time.monotonic()

    def screen(self) -> None:
        """Try each backend, compiler and dtype at the default batch size."""
        self._listener.stage("backends, compilers and dtypes")
        of_default = [self._default.dtype]
        for case in combinations(self._default, self._request.backends, of_default):
            self._try_with_jit(case)
        for dtype in self._request.dtypes:
            if dtype == self._default.dtype:
                continue
            for one in self._promising():
                if one.case.dtype == self._default.dtype and not one.case.native:
                    self._try_in_time(changed(one.case, {"dtype": dtype}))

    def follow_batches(self) -> None:
        """For each setting that is not far behind, go along the batch sizes until the figure grows no further."""
        self._listener.stage("batch sizes")
        self._share = BEFORE_LOOPS if self._loops else BEFORE_RACE
        for one in self._promising():
            self._climb(one.case)

    def vary_loops(self) -> None:
        """Of `fit` and `predict`, at the best batch sizes: more steps per execution, other feeds, the best of both."""
        if not self._loops:
            return
        self._listener.stage("feeds and steps per execution")
        self._share = BEFORE_RACE
        best: dict[tuple[str, ...], _Tried] = {}
        for one in self._able():
            best.setdefault(kind(one.case), one)
        for one in list(best.values())[:MOST_VARIED]:
            if (one.figure or 0.0) < NEAR * (self._able()[0].figure or 0.0):
                continue
            own_dataset = one.record is not None and one.record.input_figures is not None
            if own_dataset:
                self._not_searched.append("feeds and steps per execution of a dataset that came with the model")
                return
            for case in loop_variants(one.case):
                self._try_in_time(case)
            both = {name: self._best_by(one.case, name) for name in ("feed", "steps_per_execution")}
            self._try_in_time(changed(one.case, both))

    def race(self) -> str:
        """Measure the best ones against each other in rounds of fresh processes; say why it ended."""
        able = self._able()
        if not able:
            return "nothing to race"
        best = able[0].figure or 0.0
        racing = [one for one in able if (one.figure or 0.0) >= NEAR * best][:MOST_RACED]
        kept = self._tried[self._default.key]
        names = [one.case.key for one in racing]
        if kept.figure is not None and self._default.key not in names:
            names.append(self._default.key)
        self._listener.stage(f"race of {len(racing)}")
        race = Race(names, self._default.key, self._request.tolerance)
        stopped = ""
        while not stopped:
            self._round(race)
            late = "the time is up" if self._late(1.0) and race.rounds >= 3 else ""
            stopped = race.stops() or late or ("none is left" if not race.running else "")
        for key in names:
            self._tried[key].rounds = race.figures(key)
        if race.running:
            self._crown([self._tried[key] for key in race.equally_good()])
        return stopped

    def answer(self, stopped: str) -> Tuning:
        """What was found."""
        contenders = [
            Contender(
                case=one.case,
                standing=one.standing if one.figure is not None or one.rounds else "out",
                reason=one.reason,
                brief=one.figure,
                rounds=one.rounds,
                memory_bytes=one.memory,
            )
            for one in self._tried.values()
        ]
        return Tuning(
            goal=self._goal,
            default=self._default,
            tolerance=self._request.tolerance,
            contenders=contenders,
            forecasts=self._forecasts,
            left_out=self._left_out,
            not_tried=self._not_searched,
            seconds=time.monotonic() - self._start,
            stopped=stopped,
        )

    # Trying one setting.

    def _try_with_jit(self, case: Case) -> None:
        tried = self._try_in_time(case)
        in_effect = tried.record.settings.get("jit") if tried is not None and tried.record is not None else None
        other = other_jit(case, in_effect if isinstance(in_effect, bool) else None)
        if other is not None and not self._far(tried):
            self._try_in_time(other)

    def _try_in_time(self, case: Case) -> _Tried | None:
        """Try a setting, unless the time for that is up."""
        if case.key not in self._tried and case.key != self._default.key and self._late(self._share):
            self._left_out.append(setting_text(case))
            return None
        return self._try(case)

    def _try(self, case: Case) -> _Tried:
        if case.key in self._tried:
            return self._tried[case.key]
        expected = forecast(self._memory_of(case), case.batch_size)
        record = self._known.tries.get(case.key) or self._measure(case, 0, self._brief)
        tried = self._tried[case.key] = self._judged(case, record)
        if expected is not None and tried.memory is not None:
            self._forecasts.append(MemoryForecast(case=case, forecast_bytes=expected, measured_bytes=tried.memory))
        return tried

    def _judged(self, case: Case, record: Record) -> _Tried:
        tried = _Tried(case, record, memory=memory_of(record))
        if record.outcome != "ok":
            tried.reason = f"{record.outcome}: {record.reason}"
            return tried
        if differs := self._departure(case, record):
            tried.reason = differs
            return tried
        tried.missed, tried.reason = self._goal.missed_by(record)
        if not tried.reason:
            tried.figure = self._goal.figure(record)
            tried.reason = "" if tried.figure is not None else f"{self._goal.name} is not measured here"
        return tried

    def _departure(self, case: Case, record: Record) -> str:
        """How a setting's function differs from the default's, which is asked once of each kind of setting.

        Where the default's batch was too large for the setting, the default is measured at the setting's own.
        """
        ours = kind(case)
        if self._reference is None:
            self._reference = record
            self._compared.add(ours)
        if ours in self._compared:
            return ""
        reference = self._reference
        if reference.case.batch_size != case.batch_size:
            reference = self._try(with_batch_size(reference.case, case.batch_size)).record or reference
        differs = departure(record, reference)
        if not differs:
            self._compared.add(ours)
        return differs

    def _measure(self, case: Case, repeat: int, settings: MeasureSettings) -> Record:
        return self._session.measure(case, self._listener, repeat, settings)

    def _climb(self, case: Case) -> None:
        """Follow the batch size of one setting; sizes that surely do not fit are forecast, and not tried."""
        limit = self._goal.max_memory_bytes
        climbing = climb(case.batch_size, min(self._goal.min_batch_size, case.batch_size), LARGEST_BATCH)
        size = next(climbing)
        try:
            while True:
                one = with_batch_size(case, size)
                if surely_too_much(self._memory_of(one), size, limit) and one.key not in self._tried:
                    expected = forecast(self._memory_of(one), size)
                    self._forecasts.append(MemoryForecast(case=one, forecast_bytes=expected or 0))
                    tried = None
                else:
                    tried = self._try_in_time(one)
                    if tried is None or (tried.figure is None and not tried.may_do_smaller):
                        return
                size = climbing.send(None if tried is None else tried.figure)
        except StopIteration:
            return

    # The race.

    def _round(self, race: Race) -> None:
        names = race.to_measure
        turn = race.rounds % len(names)
        number = race.rounds
        figures: dict[str, float | None] = {}
        for key in names[turn:] + names[:turn]:
            case = self._tried[key].case
            record = self._known.finals.get((key, number)) or self._measure(case, number, self._full)
            missed, why = self._goal.missed_by(record) if record.outcome == "ok" else (1.0, "")
            figures[key] = self._goal.figure(record) if missed <= 1 else None
            self._tried[key].memory = memory_of(record) or self._tried[key].memory
            if figures[key] is None:
                self._tried[key].reason = why or f"{record.outcome}: {record.reason}"
        dropped = race.add_round(figures)
        for key, ratio in dropped.items():
            one = self._tried[key]
            one.standing = "dropped"
            if figures[key] is not None:
                one.reason = f"{100 * (1 - 1 / ratio):.0f} % behind after {race.rounds} rounds"
        self._listener.narrowed([self._name(key) for key in race.running], [self._name(key) for key in dropped])

    def _crown(self, equals: Sequence[_Tried]) -> None:
        """Recommend the one nearest to the default; the others are as good."""
        ordered = sorted(equals, key=lambda one: distance(one.case, self._default))
        for one in ordered:
            one.standing = "as good"
        ordered[0].standing = "winner"

    # What is known so far.

    def _able(self) -> list[_Tried]:
        """What has a figure, best first."""
        able = (one for one in self._tried.values() if one.figure is not None)
        return sorted(able, key=lambda one: one.figure or 0.0, reverse=True)

    def _promising(self) -> list[_Tried]:
        """At the default batch size, what is not far behind the best, or may do with a smaller batch; best first."""
        at_default = [one for one in self._tried.values() if one.case.batch_size == self._default.batch_size]
        found = [one for one in at_default if (one.figure is not None and not self._far(one)) or one.may_do_smaller]
        return sorted(found, key=lambda one: one.figure or 0.0, reverse=True)

    def _best_by(self, case: Case, name: str) -> Any:
        """The value of a setting with the best figure among cases that differ from `case` in it alone."""
        own = getattr(case, name)
        alike = [
            one
            for one in self._tried.values()
            if one.figure is not None and changed(one.case, {name: own}).key == case.key
        ]
        return getattr(max(alike, key=lambda one: one.figure or 0.0).case, name) if alike else own

    def _far(self, one: _Tried | None) -> bool:
        if one is None:
            return True
        best = max((other.figure or 0.0 for other in self._tried.values()), default=0.0)
        return (one.figure or 0.0) < FAR * best and not one.may_do_smaller

    def _memory_of(self, case: Case) -> dict[int, int]:
        """Batch size → bytes, of this setting."""
        return {
            one.case.batch_size: one.memory
            for one in self._tried.values()
            if one.memory is not None and with_batch_size(one.case, case.batch_size).key == case.key
        }

    def _late(self, share: float) -> bool:
        return time.monotonic() - self._start > 60 * share * self._request.minutes

    def _name(self, key: str) -> str:
        return setting_text(self._tried[key].case)
