"""A run in a script or notebook: its records as a frame, its report, a table to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.bench.records.run_store import load_run as read_run

if TYPE_CHECKING:
    import pandas as pd

_CASE = (
    *("model", "mode", "backend", "batch_size", "dtype", "jit"),
    *("feed", "source", "workers", "steps_per_execution", "devices"),
)
_FIGURES = (
    "throughput_examples_per_s",
    "throughput_interval_examples_per_s",
    "step_median_s",
    "step_interval_s",
    "step_p90_s",
    "step_p99_s",
    "peak_host_bytes",
    "peak_host_above_base_bytes",
    "peak_device_bytes",
    "cpu_cores_used",
    "others_cores",
    "steal_share",
)
_SHOWN = ("outcome", "throughput_examples_per_s", "step_median_s", "peak_host_above_base_bytes", "compile_s")


class StoredRun(Run):
    """A run on disk. In a notebook it shows as a table."""

    def to_frame(self) -> pd.DataFrame:
        """A row per case, indexed by its name; the columns are the case's settings and the record's figures.

        Units are those of the names: seconds, bytes, examples per second. An interval is a pair; a figure that was not
        measured is missing, with the reason in the record's `not_measured`.
        """
        import pandas as pd

        return pd.DataFrame([_row(record) for record in self.records]).set_index("name")

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report, as HTML or Markdown by the suffix of `path`, and return its path.

        Raises:
            UsageError: another suffix.
        """
        from anatomy.reports import write_report_file

        return write_report_file([self.path], Path(path))

    def record(self, words: str) -> Record:
        """The record that a key, its beginning or words of its name mean: `run.record("mlp train jax")`.

        Raises:
            UsageError: none, or more than one; the message lists the candidates.
        """
        from anatomy.bench.records.find_record import find_record

        return find_record(self.records, words)

    def _repr_html_(self) -> str:
        """A table of the cases for notebooks; pandas escapes what is in it."""
        frame = self.to_frame()[list(_SHOWN)]
        return str(frame.to_html(float_format=lambda value: f"{value:,.4g}", na_rep="–"))


def load_run(path: str | Path) -> StoredRun:
    """Read the folder of a run, as `anatomy run` and `run_suite` leave it.

    Raises:
        UsageError: no run there, or a file is damaged; the message has file and line.
    """
    run = read_run(path)
    return StoredRun(path=run.path, header=run.header, records=run.records, measured=run.measured)


def _row(record: Record) -> dict[str, Any]:
    return {
        "name": record.name,
        "key": record.key,
        **{name: getattr(record.case, name) for name in _CASE},
        "outcome": record.outcome,
        "reason": record.reason,
        **{name: getattr(record, name) for name in _FIGURES},
        "build_s": record.phases.build_s,
        "compile_s": record.phases.compile_s,
        "parameters": record.counts.parameters if record.counts else None,
        "macs": record.counts.whole("macs") if record.counts else None,
    }
