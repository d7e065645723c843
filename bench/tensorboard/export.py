"""Export a run's scalars and HParams for `tensorboard --logdir RUN/tensorboard`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anatomy.bench.records.run_store import load_run
from anatomy.bench.tensorboard.hparams import write_experiment, write_hparams
from anatomy.bench.tensorboard.log_layout import TENSORBOARD_FOLDER, case_folder
from anatomy.bench.tensorboard.scalars import write_scalars
from anatomy.bench.tensorboard.summary_figures import ordered_figures, summary_of


def write_tensorboard(run_folder: Path, figures: Mapping[str, Mapping[str, float]] | None = None) -> Path:
    """Write, or update, the scalars and HParams of every case of a run; return the log directory.

    Writing the same records again changes nothing. Counted cases and stages of applications are left out.

    Args:
        run_folder: folder with `run.json` and `records.jsonl`.
        figures: key of a case → name → value of further figures to compare cases by.

    Raises:
        UsageError: the folder contains no run, or a damaged one.
    """
    run = load_run(run_folder)
    logdir = run.path / TENSORBOARD_FOLDER
    timed = [record for record in run.records if record.case.mode not in ("count", "stage")]
    given = figures or {}
    further = {record.key: given.get(record.key, {}) for record in timed}
    for record in timed:
        folder = case_folder(logdir, record.case)
        write_scalars(folder, record, further[record.key])
        write_hparams(folder, record)
    names = [name for record in timed for name in (*summary_of(record), *further[record.key])]
    write_experiment(logdir, timed, ordered_figures(names))
    return logdir
