"""Fork servers that are forked from a process which has Keras and the backend imported, for tests that start many.

It stands in for `subprocess` in `anatomy.bench.runner.fork_client`. The server is the real one, a process of its own
with the environment, folder and pipes that it was given; only the seconds of its imports are spent once a session.
What the imports depend on (variables of the environment, the CPUs) is part of what a nursery is kept for.

All servers of a nursery have one hash seed and imported from one folder. What may depend on that is tested from cold:
by the tests marked `quiet`, and by those that start `anatomy` as a program.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Hashable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import IO, Any

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.runner.fork_client import SERVER_MODULE

__all__ = ["PIPE", "Popen", "TimeoutExpired"]

FAKE_MODULE = "tests.fake_fork_server"
ROOT = Path(__file__).parents[1]
# Of the variables that the imports read.
READ_BY_IMPORTS = (
    *(
        "PYTHON",
        "KERAS",
        "TF",
        "XLA",
        "JAX",
        "TORCH",
        "PYTORCH",
        "OMP",
        "MKL",
        "KMP",
        "OPENBLAS",
        "CUDA",
        "DNNL",
        "ONEDNN",
    ),
    *("HOME", "LD_", "MALLOC"),
)
READ_BY_FAKE_IMPORTS = ("PYTHON", "HOME", "KERAS_HOME", "LD_", "MALLOC")
# Of a nursery's imports.
TIMEOUT_S = 180.0
# (module, backend, what imports depend on) → the process that forks its servers, and the pipe to it.
_nurseries: dict[Hashable, tuple[subprocess.Popen[bytes], socket.socket]] = {}
_one_at_a_time = threading.Lock()


class Popen:
    """A fork server, begun like `subprocess.Popen`; from cold where another interpreter or program is asked for."""

    def __new__(cls, command: list[str], **options: Any) -> Any:
        """The process, forked or started."""
        python, _, module, *_ = command
        if python != sys.executable or module not in (SERVER_MODULE, FAKE_MODULE):
            return subprocess.Popen(command, **options)
        return super().__new__(cls)

    def __init__(
        self,
        command: list[str],
        *,
        stdin: int,
        stdout: int,
        stderr: IO[bytes],
        env: Mapping[str, str],
        cwd: Path | None,
        start_new_session: bool,
    ) -> None:
        assert stdin == stdout == PIPE
        assert start_new_session
        module, *arguments = command[2:]
        requests, self_stdin = os.pipe()
        self_stdout, events = os.pipe()
        self._status, status = os.pipe()
        self.stdin: IO[bytes] = os.fdopen(self_stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(self_stdout, "rb")
        self.returncode: int | None = None
        asked = {"env": dict(env), "cwd": str(cwd or Path.cwd()), "arguments": arguments}
        given = [requests, events, stderr.fileno(), status]
        try:
            self.pid = _forked(_nursery(module, arguments[0], env), asked, given)
        finally:
            for one in (requests, events, status):
                os.close(one)

    def poll(self) -> int | None:
        """Its status, if it has ended."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            # All of it is there when whoever waits for the server has ended too.
            self.returncode = int(b"".join(iter(lambda: os.read(self._status, 16), b"")))
            os.close(self._status)
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
    # The scripted backends have one set of imports.
    backend, names = ("", READ_BY_FAKE_IMPORTS) if module == FAKE_MODULE else (backend, READ_BY_IMPORTS)
    read = frozenset((name, value) for name, value in env.items() if name.startswith(names))
    key = (module, backend, read, frozenset(os.sched_getaffinity(0)))
    if key not in _nurseries or _nurseries[key][0].poll() is not None:
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
        ours.settimeout(TIMEOUT_S)
        _nurseries[key] = process, ours
    return _nurseries[key][1]


@atexit.register
def _end() -> None:
    for process, pipe in _nurseries.values():
        pipe.close()
        process.kill()
        process.wait()


def _forked(nursery: socket.socket, asked: Mapping[str, Any], descriptors: list[int]) -> int:
    """The process number of a server that the nursery has forked."""
    with _one_at_a_time:
        socket.send_fds(nursery, [json.dumps(asked).encode()], descriptors)
        answer = nursery.recv(64)
    if not answer:
        raise SetupError("the process that the tests fork servers from has ended: see its output above")
    return int(answer)


def _serve(module: str, pipe: socket.socket) -> None:
    """Fork a server for each request, until the tests have ended."""
    if module == FAKE_MODULE:
        from tests.fake_fork_server import stand_in

        stand_in()
    from anatomy.bench.runner import fork_server

    fork_server.preload()
    # The workers' collections leave alone what the imports have made.
    gc.collect()
    gc.freeze()
    # Those that wait for the servers are waited for by nobody.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(pipe, 1 << 20, 4)
        if not message:
            return
        if os.fork() == 0:
            _wait_for_server(json.loads(message), descriptors, pipe)
        for one in descriptors:
            os.close(one)


def _wait_for_server(asked: Mapping[str, Any], descriptors: list[int], pipe: socket.socket) -> None:
    """Fork the server, and tell the tests how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, status = descriptors
    server = os.fork()
    if server == 0:
        os.close(status)
        pipe.close()
        _be_server(asked, streams)
    for one in streams:
        os.close(one)
    pipe.send(str(server).encode())
    pipe.close()
    _, ended = os.waitpid(server, 0)
    os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
    os._exit(0)


def _be_server(asked: Mapping[str, Any], streams: list[int]) -> None:
    os.setsid()
    for number, descriptor in enumerate(streams):
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
