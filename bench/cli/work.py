"""What `anatomy run` is to measure: a new run's plan, or what a begun run has no record of."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anatomy.bench.begin import begin_run
from anatomy.bench.case import Case
from anatomy.bench.ceiling import Ceiling
from anatomy.bench.environment import Environment
from anatomy.bench.plan import plan
from anatomy.bench.settings import MeasureSettings
from anatomy.bench.store import Run, RunWriter, StoreError, in_order, load_run
from anatomy.bench.suite import SUITE_BUDGETS, Axes, Suite, load_suite
from anatomy.bench.supervise import usable_memory_bytes


@dataclass(frozen=True)
class Work:
    """Cases, and how they are measured.

    Attributes:
        suite: its name.
        planned: every case of the run.
        settings: without a memory limit, where none was given.
        run: the run that is resumed.
    """

    suite: str
    planned: list[Case]
    settings: MeasureSettings
    run: Run | None = None

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        suite_name: str | None,
        overrides: Axes,
        budgets: Mapping[str, Any],
        nodes: int,
    ) -> Work:
        """Plan a new run.

        Args:
            budgets: of the command line; null for those that it leaves to the suite.

        Raises:
            SuiteError, PlanError: nothing that can be planned.
        """
        if models and suite_name is None:
            suite = Suite.model_validate({"name": "command line", "matrix": [{"model": models}]})
            cases = plan(suite, overrides, nodes=nodes)
        else:
            suite = load_suite(suite_name or "quick")
            cases = plan(suite, overrides, models, nodes)
        given = {name: value for name, value in budgets.items() if value is not None}
        merged = {name: getattr(suite, name) for name in SUITE_BUDGETS} | given
        return cls(suite.name, cases, MeasureSettings(**{name: v for name, v in merged.items() if v is not None}))

    @classmethod
    def resumed(cls, path: Path) -> Work:
        """What a run has no record of.

        Raises:
            StoreError: no run there.
        """
        run = load_run(path)
        return cls(run.header.suite, run.header.planned, MeasureSettings.model_validate(run.header.settings), run)

    @property
    def todo(self) -> list[tuple[Case, int]]:
        """Cases and repeats, in order."""
        return in_order(self.planned, self.settings.processes) if self.run is None else self.run.remaining

    def limited(self, memory_bytes: int | None = None) -> Work:
        """With a memory limit: what was given, or else `memory_bytes`, by default what this machine can bear."""
        if self.settings.memory_limit_bytes is not None or self.run is not None:
            return self
        limit = usable_memory_bytes() if memory_bytes is None else memory_bytes
        return replace(self, settings=self.settings.model_copy(update={"memory_limit_bytes": limit}))

    def begin(self, out: Path | None, environment: Environment, ceilings: Sequence[Ceiling] | None = None) -> RunWriter:
        """Make the run's folder, or open that of the run that is resumed.

        Args:
            environment: of the machine that measures.
            ceilings: of it, where it is not this one.

        Raises:
            StoreError: the folder holds a run, or the run was begun in another environment.
        """
        if self.run is None:
            return begin_run(
                out,
                suite=self.suite,
                command=["anatomy", *sys.argv[1:]],
                settings=self.settings,
                environment=environment,
                planned=self.planned,
                ceilings=ceilings,
            )
        begun = self.run.header.environment.fingerprint
        if environment.fingerprint != begun:
            raise StoreError(
                f"{self.run.path} was begun in another environment ({begun}, now {environment.fingerprint});"
                " its figures would not compare: start a new run, or give the --cluster that it was begun on"
            )
        return RunWriter(self.run.path)
