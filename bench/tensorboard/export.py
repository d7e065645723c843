"""A run's scalars and HParams, for `tensorboard --logdir RUN/tensorboard`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anatomy.bench.records.run_store import load_run
from anatomy.bench.tensorboard.hparams import write_experiment, write_hparams
from anatomy.bench.tensorboard.log_layout import TENSORBOARD_FOLDER, case_folder
from anatomy.bench.tensorboard.scalars import write_scalars
from anatomy.bench.tensorboard.summary_figures import in_order, summary_of


def write_tensorboard(run_folder: Path, figures: Mapping[str, Mapping[str, float]] | None = None) -> Path:
    """Write, or renew, what TensorBoard shows of every case of a run but its trace and graph.

    Written again, the same records change nothing. Cases that were only counted have no time to show, and none here.

    Args:
        run_folder: with `run.json` and `records.jsonl`.
        figures: key of a case → name → value, of further figures to compare cases by.

    Returns:
        The log directory.

    Raises:
        UsageError: the folder holds no run, or a damaged one.
    """
    run = load_run(run_folder)
    logdir = run.path / TENSORBOARD_FOLDER
    timed = [record for record in run.records if record.case.mode != "count"]
    given = figures or {}
    further = {record.key: given.get(record.key, {}) for record in timed}
    for record in timed:
        folder = case_folder(logdir, record.case)
        write_scalars(folder, record, further[record.key])
        write_hparams(folder, record)
    names = [name for record in timed for name in (*summary_of(record), *further[record.key])]
    write_experiment(logdir, timed, in_order(names))
    return logdir
