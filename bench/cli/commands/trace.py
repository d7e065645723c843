"""`anatomy trace`: what a recorded trace of a GPU says: where its time went and what it waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def trace(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="JSON of PyTorch's profiler, plain or gzip, or .xplane.pb of JAX's or TensorFlow's.",
            show_default=False,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write a page with all tables to this file.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Kernels, operations and layers shown here.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON list, an object per file.")] = False,
) -> None:
    """Explain traces that a profiler recorded on GPUs, whoever recorded them: idle causes, overlap, kernels."""
    import json as json_module

    from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
    from anatomy.bench.gpu_trace.recorded_work import recorded_name
    from anatomy.bench.gpu_trace.trace_summary import summarise_trace

    traces = [summarise_trace(read_gpu_trace(file), recorded_name(str(file))) for file in files]
    if out is not None:
        from anatomy.bench.records.whole_file import write_whole
        from anatomy.reports.gpu_traces import render_traces

        write_whole(out, render_traces(traces))
    if json:
        print(json_module.dumps([one.to_dict() for one in traces], indent=1))
        return
    from rich.console import Console

    from anatomy.bench.cli.screens.trace_screen import print_trace

    console = Console(highlight=False)
    for one in traces:
        print_trace(console, one, top)
    if out is not None:
        print(out)
