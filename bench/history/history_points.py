"""A point of the history: the figures of one case in one run."""

from __future__ import annotations

from typing import NamedTuple


class HistoryPoint(NamedTuple):
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

    @property
    def where(self) -> str:
        """The shortened commit, with a plus if files differed from it; without a commit, the run."""
        return f"{self.commit[:10]}{'+' if self.dirty else ''}" if self.commit else self.run_id
