"""Another node's end: a worker for each case that node 0 starts, until it says that the run is over."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.parallel.codec import decode, encode
from anatomy.bench.parallel.ranks import ORPHANED
from anatomy.bench.parallel.rendezvous import free_port
from anatomy.bench.parallel.transport import NoConnectionError, Wire, connect, own_host
from anatomy.bench.records.case import Backend
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.fork_client import HostChannel
from anatomy.bench.runner.nodes.coordinator import BYE, JOIN_TIMEOUT_S
from anatomy.bench.runner.nodes.launcher import Place
from anatomy.bench.runner.worker_handle import Findings, Worker


def follow_run(place: Place, packages: Mapping[str, str], memory_limit_bytes: int) -> Path | None:
    """Take part in a run until it ends.

    Returns:
        The folder with the logs of this node's workers where one of them failed, else null.

    Raises:
        UsageError: node 0 cannot be reached, or has gone.
    """
    logs = Path(tempfile.mkdtemp(prefix=f"anatomy-node-{place.rank}-"))
    greeting = {"rank": place.rank, "name": platform.node(), "packages": dict(packages), "port": 0}
    try:
        greeting["port"] = free_port("")
        wire = connect(place.address, place.port, place.secret, greeting, JOIN_TIMEOUT_S)
    except NoConnectionError as error:
        raise UsageError(f"rank 0 is not at {place.address}: {error}; is MASTER_ADDR its name?") from error
    with ExitStack() as stack:
        stack.callback(wire.close)
        failed = _take_part(wire, logs, memory_limit_bytes, stack)
    if failed:
        return logs
    shutil.rmtree(logs)
    return None


def _take_part(wire: Wire, logs: Path, memory_limit_bytes: int, stack: ExitStack) -> bool:
    """Whether a worker failed by itself."""
    hosts: dict[Backend, HostChannel] = {}
    failed = False
    for number, request in enumerate(iter(lambda: _next_request(wire), BYE)):
        own = {
            "log": str(logs / f"{number}.log"),
            "paths": request["paths"],
            "directory": str(Path.cwd()),
        }
        settings = MeasureSettings.model_validate(request["settings"] | {"memory_limit_bytes": memory_limit_bytes})
        findings = _follow({**request, **own}, settings, hosts, logs, stack)
        failed |= findings.outcome != "ok" and findings.reason != ORPHANED
        answer = {"outcome": findings.outcome, "reason": findings.reason, "port": free_port(own_host(wire))}
        try:
            wire.send_bytes(encode(answer))
        except OSError as error:
            raise UsageError(f"rank 0 has gone: {error}") from error
    return failed


def _follow(
    request: Mapping[str, Any],
    settings: MeasureSettings,
    hosts: dict[Backend, HostChannel],
    logs: Path,
    stack: ExitStack,
) -> Findings:
    backend: Backend = request.get("case", request.get("trajectory"))["backend"]
    try:
        if backend not in hosts or not hosts[backend].alive:
            hosts[backend] = HostChannel(backend, logs)
            stack.callback(hosts[backend].close)
    except SetupError as error:
        return Findings(outcome="crashed", reason=str(error))
    worker = Worker(hosts[backend], request, settings)
    worker.follow()
    return worker.findings


def _next_request(wire: Wire) -> Any:
    try:
        return decode(wire.recv_bytes())
    except (EOFError, OSError) as error:
        raise UsageError("rank 0 has gone before it said that the run is over") from error
