"""Measure what Keras costs: pairs of fresh processes that take turns, then a profile of each side."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Protocol

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.framework_comparison.compared_cases import ComparedPair
from anatomy.bench.records.case_profile import Profile, append_profile
from anatomy.bench.records.keras_cost import KerasCost, append_cost
from anatomy.bench.regression_gate.gate_result import SideName
from anatomy.bench.regression_gate.pair_effect import MOST_STEPS, pair_effect
from anatomy.bench.regression_gate.process_pair import Pair, PairFailedError, SideProcess, measure_pair
from anatomy.bench.regression_gate.side_workers import SideWorkers
from anatomy.bench.regression_gate.sides import Side
from anatomy.bench.runner.look_at_machine import look_at_machine
from anatomy.bench.runner.open_run import OpenRun

# Pairs of processes; the interval between them is as wide as ± TARGET when it is enough.
FEWEST_PAIRS, MOST_PAIRS = 3, 8
TARGET = 0.03
# Which side of a pair is which.
_KERAS: SideName = "candidate"
_NATIVE: SideName = "base"


class Listener(Protocol):
    """Told what happens in a comparison."""

    def begin(self, pair: ComparedPair) -> None:
        """A pair of cases begins."""

    def measured(self, cost: KerasCost) -> None:
        """One more pair of processes has been measured; `cost` has all so far."""

    def end(self, cost: KerasCost, profiles: Sequence[Profile]) -> None:
        """A pair of cases has ended; its cost and its profiles are on disk."""


def measure_costs(
    pairs: Sequence[ComparedPair],
    run: OpenRun,
    listener: Listener,
    *,
    target: float = TARGET,
    minutes: float | None = None,
    profiles: bool = True,
) -> list[KerasCost]:
    """Measure pairs of cases one after another; each cost is on disk before the next begins.

    Args:
        pairs: what is compared.
        run: an open run, whose folder gets the costs and profiles.
        listener: told what happens.
        target: a cost is known well enough when its 95 % interval is within ± this share.
        minutes: no further pair of processes is started after this, beyond the first of each case.
        profiles: whether to trace both sides, which shows where the difference is.
    """
    deadline = None if minutes is None else time.perf_counter() + 60 * minutes
    costs = []
    look_at_machine(run.writer.path, "start")
    with ExitStack() as stack:
        comparison = _Comparison(run, stack)
        for pair in pairs:
            listener.begin(pair)
            cost = comparison.measure(pair, listener, target, deadline)
            append_cost(run.writer.path, cost)
            taken = comparison.profile(pair) if profiles and cost.outcome == "ok" else []
            costs.append(cost)
            listener.end(cost, taken)
    look_at_machine(run.writer.path, "end")
    return costs


class _Comparison:
    """The workers of both sides: a fork server for each framework on either side."""

    def __init__(self, run: OpenRun, stack: ExitStack) -> None:
        self._run = run
        folder = run.writer.path
        sides = {
            _KERAS: Side(_KERAS, "through Keras", run.directory),
            _NATIVE: Side(_NATIVE, "in its own layers", run.directory),
        }
        self._workers: Mapping[SideName, SideWorkers] = {
            name: SideWorkers(side, run.settings, folder, run.import_paths) for name, side in sides.items()
        }
        for workers in self._workers.values():
            stack.enter_context(workers.servers)

    def measure(self, pair: ComparedPair, listener: Listener, target: float, deadline: float | None) -> KerasCost:
        """The cost of Keras on one model, whatever happens."""
        cost = KerasCost(keras=pair.keras, native=pair.native)
        if reason := pair.unsupported_reason():
            return cost.model_copy(update={"outcome": "unsupported", "reason": reason})
        for number in range(MOST_PAIRS):
            try:
                start = partial(self._start, pair, number)
                measured = measure_pair(pair.keras.key, number, MOST_STEPS, start)
            except SetupError as error:
                outcome = error.outcome if isinstance(error, PairFailedError) else "crashed"
                return cost.model_copy(update={"outcome": outcome, "reason": str(error)})
            cost = _with_pair(cost, measured)
            listener.measured(cost)
            late = deadline is not None and time.perf_counter() > deadline
            if len(cost.effects) >= FEWEST_PAIRS and (late or cost.half_width <= target):
                break
        return cost

    def profile(self, pair: ComparedPair) -> list[Profile]:
        """The profiles of both sides, also on disk."""
        taken = []
        for side, case in ((_KERAS, pair.keras), (_NATIVE, pair.native)):
            try:
                found = self._workers[side].profile(case)
            except SetupError as error:
                found = Profile(case=case, name=case.key, outcome="crashed", reason=str(error))
            if found.trace:
                found = found.model_copy(update={"trace": f"{side}/{found.trace}"})
            append_profile(self._run.writer.path, found)
            taken.append(found)
        return taken

    def _start(self, pair: ComparedPair, number: int, side: SideName) -> SideProcess:
        case = pair.keras if side == _KERAS else pair.native
        # Once is enough to show that the steps do their work and that both sides compute the same.
        return self._workers[side].take_turns(case, number, checked=number == 0)


def _with_pair(cost: KerasCost, pair: Pair) -> KerasCost:
    keras, native = pair.candidate, pair.base
    checks = native.facts.get("checks") or {}
    return cost.model_copy(
        update={
            "keras_step_s": [*cost.keras_step_s, median(keras.step_s)],
            "native_step_s": [*cost.native_step_s, median(native.step_s)],
            "effects": [*cost.effects, pair_effect(native.step_s, keras.step_s)],
            "agreement": checks.get("agrees with Keras", cost.agreement),
            "keras_settings": keras.facts.get("settings", {}),
            "native_settings": native.facts.get("settings", {}),
            "versions": keras.facts.get("versions", {}),
        }
    )
