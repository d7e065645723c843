"""`anatomy run --nodes`: this process's part in a run of several machines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import UsageError

if TYPE_CHECKING:
    from anatomy.bench.runner.nodes.launcher import Place


def place_of() -> Place | None:
    """This process's place among those that the launcher has started; `None` where it started one alone.

    Raises:
        UsageError: no launcher started it, or several processes would share the GPUs of one machine.
    """
    from anatomy.bench.machine.telemetry.nvml_library import list_gpus
    from anatomy.bench.runner.nodes.launcher import find_place

    place = find_place(os.environ)
    if place.local_count > 1 and "CUDA_VISIBLE_DEVICES" not in os.environ and list_gpus().names:
        raise UsageError(
            f"{place.local_count} processes on one machine would share its GPUs; start one on each"
            " (torchrun --nproc-per-node=1, srun --ntasks-per-node=1), or give each its own CUDA_VISIBLE_DEVICES"
        )
    return place if place.count > 1 else None


def take_part(place: Place) -> None:
    """Run this node's workers of what node 0 measures, until node 0 says that the run is over."""
    from anatomy.bench.machine.collect_environment import installed_versions
    from anatomy.bench.runner.nodes.node_worker import work_for_node_0
    from anatomy.bench.runner.supervisor import usable_memory_bytes

    logs = work_for_node_0(place, installed_versions(), usable_memory_bytes())
    if logs is not None:
        typer.echo(f"anatomy run: rank {place.rank}: a worker failed here; its output is in {logs}", err=True)
        raise typer.Exit(exit_codes.NOT_ALL_MEASURED)
