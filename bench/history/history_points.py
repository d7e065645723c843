"""A point of the history: the figures of one case in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class HistoryPoint:
    """The figures of one case in one run, in base units (seconds, bytes, examples/s); `None` where not measured.

    Attributes:
        commit: hash; `None` outside a repository.
        dirty: whether files differed from the commit.
        fingerprint: identifies the machine and its software.
        machine: the machine in words.
        flops: `None` also where a layer could not be counted, which the record names.
    """

    case_key: str
    name: str
    run_id: str
    started_at: str
    commit: str | None
    dirty: bool | None
    branch: str | None
    fingerprint: str
    machine: str
    step_s: float | None
    step_low_s: float | None
    step_high_s: float | None
    throughput_examples_per_s: float | None
    compile_s: float | None
    peak_host_bytes: int | None
    peak_device_bytes: int | None
    parameters: int | None
    flops: int | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> HistoryPoint:
        """The point for a row of figures joined with its run."""
        given: dict[str, Any] = {"commit": row["commit_hash"], "machine": _machine(row["environment"])}
        values: dict[str, Any] = {field.name: given.get(field.name, row.get(field.name)) for field in fields(cls)}
        return cls(**values)

    @property
    def where(self) -> str:
        """The shortened commit, with a plus if files differed from it; without a commit, the run."""
        return f"{self.commit[:10]}{'+' if self.dirty else ''}" if self.commit else self.run_id


def _machine(environment: object) -> str:
    """The machine in words, of as much of a stored environment as is there."""
    known = environment if isinstance(environment, dict) else {}
    gpus = known.get("gpus")
    words = [known.get("cpu", "unknown CPU"), f"{known.get('usable_cores', '?')} cores"]
    return ", ".join(map(str, [*words, *(gpus if isinstance(gpus, list) else [])]))
