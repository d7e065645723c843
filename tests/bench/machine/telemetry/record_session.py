"""Record what NVML answers to a sampler on this machine, to be replayed by tests where there is no GPU.

    python -m tests.bench.machine.telemetry.record_session OUT.json --seconds 5

The file contains names, uuids and process ids of the machine. Let another process put the devices under load meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.machine.telemetry.nvml_library import nvml
from tests.bench.machine.telemetry.nvml_answers import FUNCTIONS, Spelling, encode, error_name

_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")


def record_session(seconds: float, pid: int) -> dict[str, Any]:
    """A sampler's questions and NVML's answers over so many seconds.

    Args:
        pid: the process whose memory is asked for.
    """
    library = nvml()
    answers: dict[str, list[Any]] = {}
    with _listening(library, answers):
        sampler = DeviceSampler()
        sampler.start(pid)
        time.sleep(seconds)
        recording = sampler.stop()
    names = ", ".join(series.name for series in recording.gpus) or recording.gpu_reason
    return {
        "about": f"{names}; {seconds:g} s",
        "source": f"recorded {time.strftime('%Y-%m-%d', time.gmtime())}, nvidia-ml-py {version('nvidia-ml-py')}",
        "pid": pid,
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "answers": answers,
    }


@contextmanager
def _listening(library: ModuleType, answers: dict[str, list[Any]]) -> Iterator[None]:
    """Every function of telemetry's also writes down its answer."""
    spelling = Spelling()
    replaced: dict[str, Any] = {
        name: partial(_ask, library, spelling, answers, name, getattr(library, name)) for name in FUNCTIONS
    }
    with mock.patch.multiple(library, **replaced):
        yield


def _ask(
    library: ModuleType,
    spelling: Spelling,
    answers: dict[str, list[Any]],
    name: str,
    function: Callable[..., Any],
    *args: Any,
) -> Any:
    question = spelling.question(name, args)
    try:
        result = function(*args)
    except library.NVMLError as error:
        answers.setdefault(question, []).append({"error": error_name(library, error)})
        raise
    spelling.learn(name, args, result)
    answers.setdefault(question, []).append(encode(spelling, name, args, result))
    return result


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pid", type=int, default=os.getpid(), help="whose memory on the GPUs is asked for")
    given = parser.parse_args()
    session = record_session(given.seconds, given.pid)
    given.out.write_text(json.dumps(session, indent=1) + "\n")
    print(f"{given.out}: {session['about']}, {sum(map(len, session['answers'].values()))} answers")


if __name__ == "__main__":
    main()
