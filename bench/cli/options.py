"""Options that several commands have, with one help text each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_REPEAT = "repeat, or separate by commas"
_NAMES = "vgg:depth=11,classes=10, package.module:function, file.py:function, keras.applications.ResNet50, saved.keras."

Models = Annotated[
    list[str] | None,
    typer.Argument(help=f"Models: {_NAMES} Default: the suite's."),
]
Model = Annotated[str, typer.Argument(help=f"A model: {_NAMES}")]
NamedModels = Annotated[list[str], typer.Argument(help=f"Models: {_NAMES}")]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Let saved models (.keras, .h5, .json) run code of their own: Lambda layers.")
]
SuiteName = Annotated[
    str | None, typer.Option("--suite", help="quick, full, smoke, a .toml file, or a name in pyproject.")
]
Backends = Annotated[list[str] | None, typer.Option("--backend", help=f"tensorflow, jax, torch, openvino ({_REPEAT}).")]
Modes = Annotated[list[str] | None, typer.Option("--mode", help=f"train, infer, fit, predict ({_REPEAT}).")]
BatchSizes = Annotated[
    list[str] | None,
    typer.Option(
        "--batch-size",
        help=f"Examples per step ({_REPEAT}); `anatomy run` also takes max: the largest that fits.",
    ),
]
Dtypes = Annotated[
    list[str] | None, typer.Option("--dtype", help=f"float32, mixed_bfloat16, mixed_float16 ({_REPEAT}).")
]
Jits = Annotated[list[str] | None, typer.Option("--jit", help=f"auto, on, off ({_REPEAT}).")]
Feeds = Annotated[
    list[str] | None,
    typer.Option(
        "--feed", help=f"What fit and predict read: numpy, tf.data, pydataset, dataloader, grain ({_REPEAT})."
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        help="Where a feed's examples come from: jpeg, text, file.py:function. Default: copies of one batch in memory.",
    ),
]
Workers = Annotated[
    list[str] | None, typer.Option("--workers", help=f"Threads or processes of a feed: 0,1,2 ({_REPEAT}).")
]
StepsPerExecution = Annotated[
    list[str] | None,
    typer.Option(
        "--steps-per-execution",
        help=f"Steps that fit and predict run before they come back to Python: 1,16 ({_REPEAT}).",
    ),
]
DeviceCounts = Annotated[
    list[str] | None, typer.Option("--devices", help=f"Number of devices that share a step: 1,2,4 ({_REPEAT}).")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "--input-shape",
        help="An input as NAME=SHAPE:DTYPE:LOW..HIGH, each part optional: tokens=128, image=224x224x3:uint8:0..255;"
        f" without NAME= the only one ({_REPEAT}).",
    ),
]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Kill a case after so many seconds.")]
MemoryLimit = Annotated[
    str | None,
    typer.Option("--memory-limit", help="Memory that a worker may use, e.g. 4GiB. Default: 90 % of what is available."),
]
Cpus = Annotated[
    str | None, typer.Option("--cpus", help="CPUs that the workers run on: 0-3, or 0,2. Default: all that there are.")
]
Share = Annotated[
    bool, typer.Option("--share", help="Measure beside another command of Anatomy, in place of waiting for it.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="End with exit code 2 where another command measures.")]
Wait = Annotated[
    str | None, typer.Option("--wait", help="Wait for another command for so long, e.g. 10min. Default: 30min.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the run. Default: a new one in anatomy-runs, named by the time.")
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Write report.html at the end.")]
Resume = Annotated[Path | None, typer.Option("--resume", help="A run's folder: measure what it has no record of.")]
History = Annotated[
    bool, typer.Option("--history/--no-history", help="Put the run into the history; see `anatomy history`.")
]
Json = Annotated[bool, typer.Option("--json", help="Print each record as a JSON line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
