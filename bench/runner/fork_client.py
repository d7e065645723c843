"""The supervisor's end of one backend's host: start it, send a request, read events, kill."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.records.case import Backend

Event = dict[str, Any]

# Keras, TensorFlow and torch import in 5–20 s on a slow disk.
READY_TIMEOUT_S = 180.0
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


class HostChannel:
    """One backend's host process. `import_s` and `versions` are known once it is ready.

    Args:
        python: the interpreter it runs in.
        directory: its working directory, null for this process's.
        environment: variables to set for it and its workers.
    """

    def __init__(
        self,
        backend: Backend,
        logs: Path,
        *,
        python: str = sys.executable,
        directory: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.backend = backend
        self._log = logs / f"host-{backend}.log"
        self._buffer = b""
        self._process = subprocess.Popen(
            [python, "-m", "anatomy.bench.runner.fork_server", backend, str(logs.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**_QUIET, **os.environ, **environment, "KERAS_BACKEND": backend},
            cwd=directory,
            # Ctrl-C goes to the supervisor, which decides what becomes of the worker.
            start_new_session=True,
        )
        ready = self._first_event()
        self.import_s: float = ready["import_s"]
        self.versions: dict[str, str] = ready["versions"]

    @property
    def alive(self) -> bool:
        """Whether the host still runs."""
        return self._process.poll() is None

    def send(self, request: Event) -> None:
        """Ask for one worker."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write((json.dumps(request) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error

    def receive(self, timeout_s: float) -> Event | None:
        """The next event, or null after `timeout_s` without one; sleeps in between.

        Raises:
            SetupError: the host ended.
        """
        assert self._process.stdout is not None
        deadline = time.perf_counter() + timeout_s
        while b"\n" not in self._buffer:
            left = max(0.0, deadline - time.perf_counter())
            if not select.select([self._process.stdout], [], [], left)[0]:
                return None
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                raise self._ended()
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        event: Event = json.loads(line)
        return event

    def close(self) -> None:
        """End the host and, if one still runs, its worker."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _first_event(self) -> Event:
        try:
            event = self.receive(READY_TIMEOUT_S)
        except SetupError:
            self.close()
            raise
        if event is None:
            self._process.kill()
            self.close()
            raise SetupError(f"{self.backend} was not imported within {READY_TIMEOUT_S:.0f} s; see {self._log}")
        return event

    def _ended(self) -> SetupError:
        self._process.wait()
        return SetupError(
            f"the {self.backend} host ended with status {self._process.returncode}: {tail(self._log) or 'no output'}"
        )


def kill_worker(pid: int) -> None:
    """Kill a worker with everything it started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        # Not yet the leader of its own group, or already gone.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tail(path: Path, characters: int = 300) -> str:
    """The end of a log on one line, empty when there is none."""
    if not path.exists():
        return ""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-3:])[-characters:]
