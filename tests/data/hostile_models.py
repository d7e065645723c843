"""Models whose code does to its worker, its fork server or its supervisor what no model should."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def fine(units: int = 8) -> Any:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(2)])
    model.script = {}
    return model


def exits_with_a_reason() -> Any:
    sys.exit("no licence for this model")


def exits_with_nothing() -> Any:
    sys.exit(0)


def interrupts() -> Any:
    raise KeyboardInterrupt("the user's own")


def raises_what_is_no_exception() -> Any:
    class Stop(BaseException):
        pass

    raise Stop("not an Exception")


def raises_what_cannot_be_shown() -> Any:
    class ShyError(Exception):
        def __str__(self) -> str:
            raise ValueError("no")

    raise ShyError


def raises_a_surrogate() -> Any:
    raise ValueError("cannot read " + b"data\xff.npy".decode("utf-8", "surrogateescape"))


def forks_a_child_that_exits() -> Any:
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    return fine()


def removes_its_directory() -> Any:
    shutil.rmtree(Path.cwd())
    raise RuntimeError("the directory is gone")


def closes_everything() -> Any:
    os.closerange(3, 256)
    return fine()


def _supervisors_pipe() -> Iterator[int]:
    for descriptor in Path("/proc/self/fd").iterdir():
        if int(descriptor.name) > 2 and descriptor.is_symlink() and str(descriptor.readlink()).startswith("pipe:"):
            yield int(descriptor.name)


def _send(*events: dict[str, Any]) -> None:
    for descriptor in _supervisors_pipe():
        for event in events:
            os.write(descriptor, json.dumps(event).encode() + b"\n")


def forges_an_end() -> Any:
    _send({"event": "ended", "outcome": "ok", "reason": ""})
    os._exit(0)


def forges(step_s: Any) -> Any:
    _send({"event": "facts", "facts": {"step_s": [step_s] * 5}}, {"event": "ended", "outcome": "ok"})
    os._exit(0)


def forges_a_setting() -> Any:
    facts = {"step_s": [0.1], "settings": {"threads": float("nan")}}
    _send({"event": "facts", "facts": facts}, {"event": "ended", "outcome": "ok"})
    os._exit(0)


def floods() -> Any:
    """A line without an end."""
    for descriptor in _supervisors_pipe():
        while True:
            os.write(descriptor, b"x" * 65536)


def chatters() -> Any:
    """Events without an end."""
    while True:
        _send({"event": "phase", "name": "build"})


def leaves(place: str, session: bool = False, ends: str = "") -> Any:
    """Leave a process behind, in a session of its own or not, by fork or by a program that is started."""
    if session:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                Path(place).write_text(str(os.getpid()))
                time.sleep(300)
            os._exit(0)
        while not Path(place).exists() or not Path(place).read_text():
            time.sleep(0.01)
    else:
        child = subprocess.Popen(["sleep", "300"])
        Path(place).write_text(str(child.pid))
    if ends == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if ends == "hang":
        time.sleep(300)
    return fine()


def stops_its_server() -> Any:
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(300)


def stops_its_server_and_ends() -> Any:
    os.kill(os.getppid(), signal.SIGSTOP)
    return fine()


def kills_its_server(place: str) -> Any:
    Path(place).write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(300)
