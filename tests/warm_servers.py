"""Fork servers that are forked from a process which has Keras and the backend imported, for tests that start many.

It stands in for `subprocess` in `anatomy.bench.runner.fork_client`. The server is the real one, a process of its own
with the environment, folder and pipes that it was given; only the seconds of its imports are spent once a session.
What the imports depend on (the variables of the environment) is part of what a nursery is kept for.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import IO, Any

from anatomy.bench.runner.fork_client import SERVER_MODULE

__all__ = ["PIPE", "Popen", "TimeoutExpired"]

FAKE_MODULE = "tests.fake_fork_server"
ROOT = Path(__file__).parents[1]
# Of the variables that the imports read.
READ_BY_IMPORTS = ("PYTHON", "KERAS", "TF", "XLA", "JAX", "TORCH", "PYTORCH", "OMP", "MKL", "KMP", "OPENBLAS", "CUDA")
_PR_SET_CHILD_SUBREAPER = 36
# (module, backend, environment) → the process that forks its servers, and the pipe to it.
_nurseries: dict[tuple[str, str, frozenset[tuple[str, str]]], tuple[subprocess.Popen[bytes], socket.socket]] = {}


class Popen:
    """A fork server, begun like `subprocess.Popen`; from cold where another interpreter or program is asked for."""

    def __new__(cls, command: list[str], **options: Any) -> Any:
        """The process, forked or started."""
        python, _, module, *_ = command
        if python != sys.executable or module not in (SERVER_MODULE, FAKE_MODULE):
            return subprocess.Popen(command, **options)
        return super().__new__(cls)

    def __init__(
        self, command: list[str], *, stderr: IO[bytes], env: Mapping[str, str], cwd: Path | None, **_: Any
    ) -> None:
        module, *arguments = command[2:]
        requests, self_stdin = os.pipe()
        self_stdout, events = os.pipe()
        self.stdin: IO[bytes] = os.fdopen(self_stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(self_stdout, "rb")
        self.returncode: int | None = None
        asked = {"env": dict(env), "cwd": str(cwd or Path.cwd()), "arguments": arguments}
        try:
            self.pid = _forked(_nursery(module, arguments[0], env), asked, [requests, events, stderr.fileno()])
        finally:
            os.close(requests)
            os.close(events)

    def poll(self) -> int | None:
        """Its status, if it has ended."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status, once it has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutExpired([SERVER_MODULE], timeout or 0)
            time.sleep(0.002)
        return status

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _nursery(module: str, backend: str, env: Mapping[str, str]) -> socket.socket:
    read = frozenset((name, value) for name, value in env.items() if name.startswith(READ_BY_IMPORTS))
    key = (module, backend, read)
    if key not in _nurseries:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.warm_servers", module, str(theirs.fileno())]
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        _nurseries[key] = process, ours
    return _nurseries[key][1]


@atexit.register
def _end() -> None:
    for process, pipe in _nurseries.values():
        pipe.close()
        process.kill()
        process.wait()


def _forked(nursery: socket.socket, asked: Mapping[str, Any], descriptors: list[int]) -> int:
    """A child of this process, which the nursery's own child has left to it."""
    _adopt(True)
    try:
        socket.send_fds(nursery, [json.dumps(asked).encode()], descriptors)
        return int(nursery.recv(64))
    finally:
        _adopt(False)


def _adopt(yes: bool) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


def _serve(module: str, pipe: socket.socket) -> None:
    """Fork a server for each request, until the tests have ended."""
    if module == FAKE_MODULE:
        from tests.fake_fork_server import stand_in

        stand_in()
    from anatomy.bench.runner import fork_server

    fork_server.preload()
    while True:
        message, descriptors, _, _ = socket.recv_fds(pipe, 1 << 20, 3)
        if not message:
            return
        between = os.fork()
        if between == 0:
            _between(json.loads(message), descriptors, pipe)
        os.waitpid(between, 0)
        for one in descriptors:
            os.close(one)


def _between(asked: Mapping[str, Any], descriptors: list[int], pipe: socket.socket) -> None:
    """End between the nursery and the server, so that the tests' process is the server's parent."""
    own = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == own:
        time.sleep(0.0005)
    pipe.send(str(os.getpid()).encode())
    pipe.close()
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    # As `python -m` has it.
    sys.path[0] = asked["cwd"]
    sys.argv = [SERVER_MODULE, *asked["arguments"]]
    from anatomy.bench.runner import fork_server

    status = 1
    with suppress(BrokenPipeError):
        try:
            fork_server.main()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
