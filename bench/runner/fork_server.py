"""The fork server of one backend: `python -m anatomy.bench.runner.fork_server BACKEND LOGS_FOLDER`.

It imports Keras and the backend once, touches no device, and forks a worker for each request that it reads from
standard input (`anatomy.bench.runner.requests`, one per line). Standard output has events (`anatomy.bench.protocol`):
`Ready` once, then for each request `Forked`, the worker's own events, and `Exited`. When standard input closes it kills
the worker that it has and ends.

`multiprocessing` has one fork server per process with one environment; each backend needs a `KERAS_BACKEND` of its own.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import warnings
from pathlib import Path

from anatomy.bench.errors.printable import one_line
from anatomy.bench.machine.process_tree import children
from anatomy.bench.protocol.events import Emit, Ended, Event, Exited, Forked, Ready, event_line
from anatomy.bench.runner.process_group import adopt_orphans, die_with_parent, end_leftovers, kill_group
from anatomy.bench.runner.requests import Request, read_request


def main() -> None:
    """Serve until standard input closes."""
    # Ctrl-C reaches the whole foreground group. The supervisor decides what ends, and closes standard input: a server
    # that died first would leave its worker, which has a session of its own, without an owner.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    _, backend, logs_folder = sys.argv
    pipe = os.dup(sys.stdout.fileno())
    # From here on nothing but events may reach the supervisor's pipe.
    _redirect_output(server_log(Path(logs_folder), backend))
    emit = _emitter(pipe)
    start = time.perf_counter()
    versions = preload()
    emit(Ready(import_s=time.perf_counter() - start, versions=versions))
    for line in iter(sys.stdin.readline, ""):
        _serve(read_request(line), emit)


def server_log(logs: Path, backend: str) -> Path:
    """The log of a backend's fork server in a folder of logs."""
    return logs / f"host-{backend}.log"


def preload() -> dict[str, str]:
    """Import what every worker needs. No device may be touched: a forked client does not work.

    Returns:
        Package → version.
    """
    import platform

    import keras

    from anatomy.bench import counting  # noqa: F401
    from anatomy.bench.backends import step
    from anatomy.bench.backends.lazy_tensorflow import do_not_import_tensorflow
    from anatomy.bench.machine.collect_environment import installed_versions
    from anatomy.bench.runner import worker  # noqa: F401
    from anatomy.bench.workload import compile_model, numpy_initialisers  # noqa: F401

    backend = keras.backend.backend()
    step.load(backend)
    do_not_import_tensorflow()
    # JAX warns at every fork that threads do not survive it; no client exists yet, so none do.
    warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
    related = {"jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow",)}.get(backend, (backend,))
    return {"python": platform.python_version()} | installed_versions(("keras", "numpy", *related))


def _serve(request: Request, emit: Emit) -> None:
    """Fork a worker, and wait until it ends or the supervisor goes away."""
    server, own = os.getpid(), children(os.getpid())
    pid = os.fork()
    if pid == 0:
        die_with_parent(server)
        _work(request, emit)
    emit(Forked(pid=pid))
    exited = os.pidfd_open(pid)
    # Between requests the supervisor writes nothing: where standard input is readable, it is gone.
    select.select([exited, sys.stdin], [], [])
    ended = bool(select.select([exited], [], [], 0)[0])
    os.close(exited)
    # Whatever the worker started, such as a loader's processes, ends with it: it would compute beside later cases. The
    # worker's number, and so its group's, is no other's until it is waited for.
    killed = end_leftovers([*own, pid]) if ended else []
    kill_group(pid)
    _, status = os.waitpid(pid, 0)
    killed += end_leftovers(own)
    emit(Exited(code=os.waitstatus_to_exitcode(status), killed=tuple(killed)))


def _work(request: Request, emit: Emit) -> None:
    """The worker: a process group of its own, which dies whole, and its output in its own log."""
    from anatomy.bench.runner.worker import serve

    code, place = 1, request.place
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _redirect_output(place.log)
        # The pipe of requests is the fork server's alone.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            os.chdir(place.directory)
        except OSError as error:
            emit(Ended(outcome="crashed", reason=one_line(error)))
            return
        sys.path[:0] = [path for path in (str(place.directory), *place.import_paths) if path not in sys.path]
        if place.origin is not None:
            sys.path[:] = place.origin.mapped(sys.path)
        serve(request, emit)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Frameworks' exit handlers wait for threads that did not survive the fork.
        os._exit(code)


def _emitter(descriptor: int) -> Emit:
    def emit(event: Event) -> None:
        data = event_line(event)
        while data:
            data = data[os.write(descriptor, data) :]

    return emit


def _redirect_output(path: Path) -> None:
    """Send file descriptors 1 and 2 to `path`, for native libraries as well as for Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


if __name__ == "__main__":
    main()
