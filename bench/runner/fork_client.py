"""The supervisor's end of a fork server: start it, send a request, read events, kill."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.errors.printable import printable
from anatomy.bench.protocol.events import Event, NoEventError, Ready, read_event
from anatomy.bench.records.case import KerasBackend
from anatomy.bench.runner.fork_server import server_log
from anatomy.bench.runner.requests import Request, request_line

# Keras, TensorFlow and torch import in 5–20 s on a slow disk.
READY_TIMEOUT_S = 180.0
# No event is nearly so long: a worker that writes on and on to the pipe must not fill the supervisor's memory.
_LONGEST_LINE_BYTES = 2**28
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}
# Read at each start: tests put a fork server with a scripted backend in its place.
SERVER_MODULE = "anatomy.bench.runner.fork_server"


class ForkServerClient:
    """One backend's fork server.

    Args:
        backend: the Keras backend that it imports.
        logs: folder for its log.
        python: the interpreter that it runs in.
        directory: its working directory; `None` for this process's.
        environment: variables to set for it and its workers.

    Attributes:
        import_s: seconds that importing Keras and the backend took.
        versions: package → version.

    Raises:
        SetupError: it ended, or was not ready within `READY_TIMEOUT_S` seconds.
    """

    def __init__(
        self,
        backend: KerasBackend,
        logs: Path,
        *,
        python: str = sys.executable,
        directory: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.backend = backend
        self._log = server_log(logs, backend)
        self._buffer = bytearray()
        # How much of it holds no line break.
        self._searched = 0
        logs.mkdir(parents=True, exist_ok=True)
        # What Python and its packages warn of at start must not reach the pipe of events.
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [python, "-m", SERVER_MODULE, backend, str(logs.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**_QUIET, **os.environ, **environment, "KERAS_BACKEND": backend},
                cwd=directory,
                # Ctrl-C goes to the supervisor, which decides what becomes of the worker.
                start_new_session=True,
            )
        ready = self._ready()
        self.import_s, self.versions = ready.import_s, ready.versions

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def send(self, request: Request) -> None:
        """Ask for one worker.

        Raises:
            SetupError: the fork server ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request_line(request))
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error

    def receive(self, timeout_s: float) -> Event | None:
        """The next event, or `None` after `timeout_s` seconds without one; sleeps in between.

        Raises:
            SetupError: the fork server ended.
            NoEventError: a worker wrote to its supervisor's pipe. The fork server is ended: what follows on its pipe
                cannot be trusted.
        """
        deadline = time.perf_counter() + timeout_s
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > _LONGEST_LINE_BYTES:
                self.close()
                raise NoEventError(f"expected an event of the protocol, got a line of more than {self._searched} bytes")
            if not self._read(max(0.0, deadline - time.perf_counter())):
                return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        try:
            return read_event(line)
        except NoEventError:
            self.close()
            raise

    def _read(self, timeout_s: float) -> bool:
        """Read what is there, and whether there was any within so many seconds."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            if not self.alive:
                # What a worker left behind may hold the pipe open.
                raise self._ended()
            return False
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        if not data:
            raise self._ended()
        self._buffer += data
        return True

    def kill(self) -> None:
        """End a fork server that does not answer; its worker ends with it."""
        self._process.kill()

    def close(self) -> None:
        """End the fork server and, if one still runs, its worker."""
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

    def _ready(self) -> Ready:
        try:
            event = self.receive(READY_TIMEOUT_S)
        except SetupError:
            self.close()
            raise
        if isinstance(event, Ready):
            return event
        self._process.kill()
        self.close()
        if event is None:
            raise SetupError(f"{self.backend} was not imported within {READY_TIMEOUT_S:.0f} s; see {self._log}")
        raise SetupError(f"the {self.backend} fork server sent {event.event!r} before it was ready; see {self._log}")

    def _ended(self) -> SetupError:
        self._process.wait()
        return SetupError(
            f"the {self.backend} fork server ended with status {self._process.returncode}:"
            f" {tail(self._log) or 'no output'}"
        )


def tail(path: Path, characters: int = 300) -> str:
    """The last lines of a log on one line, at most `characters` long; empty without a log."""
    if not path.exists():
        return ""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return printable(" | ".join(lines[-3:])[-characters:])
