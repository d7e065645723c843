"""Where TensorBoard looks: one log directory a run, in it a folder for each case, named as the case is.

RUN/tensorboard/                                           the experiment: what the table of cases has for columns
RUN/tensorboard/vgg:depth=11 train jax b32/                scalars, HParams, graph of a case
RUN/tensorboard/vgg:…/plugins/profile/trace/HOST.xplane.pb its trace
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
# Names of files end at 255 bytes; what is left is for the key.
LONGEST_NAME = 200
# Neither a path, nor of a meaning in a URL or a pattern, and of one byte each.
_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:=_@()-]+|^\.+")


def case_folder(logdir: Path, case: Case) -> Path:
    """The case's folder, whose name TensorBoard shows: its readable name.

    The key is added where two cases may look alike: where a character had to be replaced or the name cut, and for
    a layout map, which the name leaves out.
    """
    name = case_name(case)
    safe = _UNSAFE.sub("_", name)[:LONGEST_NAME].strip()
    return logdir / (safe if safe == name and not case.layout_map else f"{safe} {case.key}")


def profile_folder(folder: Path) -> Path:
    """Where the Profile tab looks for a case's trace, which it calls `CASE/trace`; `folder` is the case's."""
    return folder / "plugins" / "profile" / SESSION


def clear_profile_folder(folder: Path) -> Path:
    """An empty `profile_folder`: xprof would go on showing what it had made of the trace before."""
    target = profile_folder(folder)
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    return target


def trace_file(folder: Path, host: str | None = None) -> Path:
    """The case's trace, taken on `host` (this machine, if not given)."""
    return profile_folder(folder) / f"{host or socket.gethostname()}.xplane.pb"


def place_trace(folder: Path, written: Path) -> Path:
    """Move the trace that TensorFlow or JAX has written below the log directory `written` to the case's folder.

    Raises:
        UsageError: there is no trace there, or more than one.
    """
    found = sorted(written.glob("plugins/profile/*/*.xplane.pb"))
    if len(found) != 1:
        raise UsageError(
            f"{written} holds {len(found)} traces, plugins/profile/*/*.xplane.pb: expected one; take the trace into an "
            "empty folder"
        )
    return found[0].replace(clear_profile_folder(folder) / found[0].name)
