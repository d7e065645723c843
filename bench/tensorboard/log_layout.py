"""The layout of TensorBoard's files: one log directory per run with a folder per case, named after the case.

RUN/tensorboard/                                           the experiment: the columns of the table of cases
RUN/tensorboard/vgg:depth=11 train jax b32/                scalars, HParams and graph of a case
RUN/tensorboard/vgg:…/plugins/profile/trace/HOST.xplane.pb trace of the case
"""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name

TENSORBOARD_FOLDER = "tensorboard"
SESSION = "trace"
# File names have at most 255 bytes; the rest is for the key.
LONGEST_NAME = 200
# Everything but one-byte characters without a meaning in paths, URLs and patterns; and leading dots.
_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:=_@()-]+|^\.+")


def case_folder(logdir: Path, case: Case) -> Path:
    """The case's folder. TensorBoard shows its name, which is the readable name of the case.

    The key is appended where two cases may otherwise share a name: if a character had to be replaced or the name was
    cut, and for a layout map, which the name leaves out.
    """
    name = case_name(case)
    safe = _UNSAFE.sub("_", name)[:LONGEST_NAME].strip()
    return logdir / (safe if safe == name and not case.layout_map else f"{safe} {case.key}")


def profile_folder(folder: Path) -> Path:
    """Where the Profile tab looks for a trace, which it calls `CASE/trace`; `folder` is the case's folder."""
    return folder / "plugins" / "profile" / SESSION


def clear_profile_folder(folder: Path) -> Path:
    """Make an empty `profile_folder`: xprof caches what it derived from an earlier trace there."""
    target = profile_folder(folder)
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    return target


def trace_file(folder: Path, host: str | None = None) -> Path:
    """The file of the case's trace, taken on `host`; by default this machine."""
    return profile_folder(folder) / f"{host or socket.gethostname()}.xplane.pb"


def place_trace(folder: Path, written: Path) -> Path:
    """Move the trace that a profiler wrote below the log directory `written` to the case's folder; return its path.

    Raises:
        UsageError: there is not exactly one trace.
    """
    found = sorted(written.glob("plugins/profile/*/*.xplane.pb"))
    if len(found) != 1:
        raise UsageError(
            f"{written} holds {len(found)} traces, plugins/profile/*/*.xplane.pb: expected one; take the trace into an "
            "empty folder"
        )
    return found[0].replace(clear_profile_folder(folder) / found[0].name)
