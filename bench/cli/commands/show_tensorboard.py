"""What a run leaves for TensorBoard beside its traces."""

from __future__ import annotations

from pathlib import Path


def show_in_tensorboard(folder: Path) -> str:
    """Write scalars, HParams and utilisation of each case of a run; returns the command that shows them."""
    from anatomy.bench.records.run_store import load_run
    from anatomy.bench.tensorboard.export import write_tensorboard
    from anatomy.reports.flops_utilisation import utilisation

    header, records = (run := load_run(folder)).header, run.records
    found = {record.key: utilisation(record, header.ceilings, gpus=header.environment.gpus) for record in records}
    figures = {key: {"MFU": use.mfu} for key, use in found.items() if use is not None and use.mfu is not None}
    return f"tensorboard --logdir {write_tensorboard(folder, figures)}"
