"""The fork server of one backend: `python -m anatomy.bench.runner.fork_server BACKEND LOGS_FOLDER`.

It imports Keras and the backend once, touches no device, and forks a worker for each request that
it reads from standard input (one JSON object a line). Answers are JSON lines on standard output:
`ready` once, then for each request `forked`, the worker's own events, and `exit` with its wait
status. When its standard input closes it kills the worker it has and ends.

`multiprocessing`'s fork server is one for each process and inherits one environment; each backend
needs its own, with its own `KERAS_BACKEND`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

Emit = Callable[[str, Mapping[str, Any]], None]


def main() -> None:
    """Serve until standard input closes."""
    _, logs_folder = sys.argv[1:]
    protocol = os.dup(sys.stdout.fileno())
    # From here on nothing but the protocol may reach the supervisor's pipe.
    _redirect_output(Path(logs_folder) / f"host-{sys.argv[1]}.log")
    emit = _emitter(protocol)
    start = time.perf_counter()
    versions = _preload()
    emit("ready", {"import_s": time.perf_counter() - start, "versions": versions})
    for request in _requests():
        _serve(request, emit)


def _preload() -> dict[str, str]:
    """Import what every worker needs. No device may be touched: a forked client does not work."""
    import platform

    import keras

    from anatomy.bench import counting  # noqa: F401
    from anatomy.bench.backends import step
    from anatomy.bench.machine.collect_environment import installed_versions
    from anatomy.bench.runner import worker  # noqa: F401
    from anatomy.bench.workload import (
        compile_model,  # noqa: F401
        numpy_initialisers,  # noqa: F401
    )

    backend = keras.backend.backend()
    step.load(backend)
    # JAX warns at every fork that threads do not survive it; no client exists yet, so none do.
    warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
    related = {"jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow",)}.get(backend, (backend,))
    return {"python": platform.python_version()} | installed_versions(("keras", "numpy", *related))


def _serve(request: dict[str, Any], emit: Emit) -> None:
    """Fork a worker, and wait until it ends or the supervisor goes away."""
    pid = os.fork()
    if pid == 0:
        _work(request, emit)
    emit("forked", {"pid": pid})
    exited = os.pidfd_open(pid)
    readable, _, _ = select.select([exited, sys.stdin], [], [])
    if exited not in readable:
        # Between requests the supervisor writes nothing: readable means that it is gone.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    os.close(exited)
    _, status = os.waitpid(pid, 0)
    emit("exit", {"code": os.waitstatus_to_exitcode(status)})


def _work(request: dict[str, Any], emit: Emit) -> None:
    """The worker: a process group of its own (so that it dies whole), its output in its own log."""
    from anatomy.bench.measurement.alternating_steps import Turns
    from anatomy.bench.parallel.rendezvous import Span
    from anatomy.bench.profiling.roofline_bound import LayerCeilings
    from anatomy.bench.records.case import Case
    from anatomy.bench.records.settings import MeasureSettings
    from anatomy.bench.runner.import_origin import Origin
    from anatomy.bench.runner.worker import find_models, run_case, run_follower, run_profile, run_trajectory

    code = 1
    try:
        os.setsid()
        _redirect_output(Path(request["log"]))
        # The pipe of requests is the host's alone.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(request["directory"])
        origin = Origin.model_validate(request["origin"]) if request.get("origin") else None
        sys.path[:0] = [path for path in (request["directory"], *request["paths"]) if path not in sys.path]
        if origin is not None:
            sys.path[:] = origin.mapped(sys.path)
        span = Span.model_validate(request["span"]) if request.get("span") else None
        if "find" in request:
            find_models(request["find"], emit)
        elif span is not None and span.node > 0:
            calm = "trajectory" in request
            run_follower(Case.model_validate(request["trajectory" if calm else "case"]), emit, span, calm)
        elif "profile" in request:
            wanted = request["profile"]
            ceilings = LayerCeilings.model_validate(wanted["ceilings"]) if wanted["ceilings"] else None
            case, settings = Case.model_validate(wanted["case"]), MeasureSettings.model_validate(request["settings"])
            run_profile(case, settings, emit, Path(wanted["folder"]), ceilings, origin)
        elif "trajectory" in request:
            run_trajectory(Case.model_validate(request["trajectory"]), emit, span)
        else:
            case, settings = Case.model_validate(request["case"]), MeasureSettings.model_validate(request["settings"])
            turns = Turns(Path(request["fifo"]), request["checked"]) if "fifo" in request else None
            run_case(case, settings, emit, turns, origin, span)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Frameworks' exit handlers wait for threads that did not survive the fork.
        os._exit(code)


def _requests() -> Any:
    for line in iter(sys.stdin.readline, ""):
        yield json.loads(line)


def _emitter(descriptor: int) -> Emit:
    def emit(event: str, facts: Mapping[str, Any]) -> None:
        data = (json.dumps({"event": event, **facts}) + "\n").encode()
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
