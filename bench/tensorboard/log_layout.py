"""The layout of TensorBoard's files: one log directory per run with a folder per case, named briefly after the case.

RUN/tensorboard/                                            the experiment: the columns of the table of cases
RUN/tensorboard/vgg·jax·train·b8·KEY/                       scalars, HParams and graph of a case
RUN/tensorboard/vgg·…/plugins/profile/trace/HOST.xplane.pb  trace of the case
"""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case

TENSORBOARD_FOLDER = "tensorboard"
SESSION = "trace"
# TensorBoard shows some 15 to 40 characters of a name.
LONGEST_MODEL = 40
# What has a meaning in paths, URLs and patterns, and all beyond ASCII but the dot between the parts.
_UNSAFE = re.compile(r"[^A-Za-z0-9.:=_@-]+")


def case_folder(logdir: Path, case: Case) -> Path:
    """The case's folder: `vgg·jax·train·b8·KEY`, which TensorBoard shows as the name.

    What distinguishes cases comes first, since TensorBoard cuts long names; the key keeps apart cases that differ in
    more than the name says, such as the model's options, and finds the case in the records.
    """
    model = _UNSAFE.sub("_", case.model.rpartition("/")[2])[:LONGEST_MODEL]
    parts = [model, case.backend, case.mode, f"b{case.batch_size}"]
    parts += [case.dtype] if case.dtype != "float32" else []
    parts += [f"jit={case.jit}"] if case.jit != "auto" else []
    parts += [f"{case.devices}dev"] if case.devices > 1 else []
    # The dtype is the user's text where it is no policy that Keras knows.
    return logdir / "·".join(_UNSAFE.sub("_", part) for part in (*parts, case.key))


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
