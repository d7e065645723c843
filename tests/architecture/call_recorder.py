"""Writes the first call between each two files of Anatomy; `case_path` installs it as `sitecustomize`.

Each process writes a file of JSON lines into the folder $RECORDED_CALLS: what it is, then the calls.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

# A module's body and its `__getattr__` belong to an import. A generator expression or a lambda is its file's own
# expression, whoever evaluates it.
NO_STEP = ("<module>", "<genexpr>", "<lambda>")


class CallRecorder:
    """A profiling function for `sys.setprofile`."""

    def __init__(self, folder: str, process: str) -> None:
        self._folder, self._process = folder, process
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Record a call into a file of Anatomy, made by another."""
        if event != "call":
            return
        callee = module_of(frame)
        if callee is None or frame.f_code.co_name in NO_STEP or frame.f_code.co_qualname == "__getattr__":
            return
        caller = frame.f_back
        while caller is not None and module_of(caller) is None:
            caller = caller.f_back
        if caller is None or caller.f_code.co_name == "<module>":
            return
        pair = (str(module_of(caller)), callee)
        if pair[0] != callee and pair not in self._seen:
            self._seen.add(pair)
            self._write([pair[0], caller.f_code.co_qualname, callee, frame.f_code.co_qualname])

    def forked(self) -> None:
        """Begin anew in the child of a fork."""
        self._process = "worker" if self._process == "fork server" else f"child of {self._process}"
        self._seen.clear()

    def _write(self, call: list[str]) -> None:
        path = Path(self._folder, str(os.getpid()))
        lines = [call] if path.exists() else [self._process, call]
        with path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def module_of(frame: FrameType) -> str | None:
    """Name the module of a frame when it is Anatomy's, else `None`."""
    name = frame.f_globals.get("__name__") or ""
    if name == "__main__":
        name = getattr(frame.f_globals.get("__spec__"), "name", "")
    return name if name.startswith("anatomy.") else None


recorder = CallRecorder(os.environ["RECORDED_CALLS"], "command" if "run" in sys.orig_argv else "fork server")
os.register_at_fork(after_in_child=recorder.forked)
threading.setprofile(recorder)
sys.setprofile(recorder)
