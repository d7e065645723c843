"""A node other than 0: runs a worker for each case that node 0 starts, until node 0 says that the run is over."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from anatomy.bench.errors.anatomy_error import SetupError, UsageError
from anatomy.bench.parallel.codec import decode, encode
from anatomy.bench.parallel.ranks import RANK_0_ENDED
from anatomy.bench.parallel.rendezvous import free_port
from anatomy.bench.parallel.transport import NoConnectionError, connect, own_host
from anatomy.bench.records.case import KerasBackend
from anatomy.bench.runner.fork_client import ForkServerClient
from anatomy.bench.runner.fork_servers import ForkServers
from anatomy.bench.runner.nodes.coordinator import BYE, JOIN_TIMEOUT_S
from anatomy.bench.runner.nodes.launcher import Place
from anatomy.bench.runner.requests import JoinCase
from anatomy.bench.runner.worker_handle import PartialResult, WorkerHandle


def work_for_node_0(place: Place, packages: Mapping[str, str], memory_limit_bytes: int) -> Path | None:
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
        connection = connect(place.address, place.port, place.secret, greeting, JOIN_TIMEOUT_S)
    except NoConnectionError as error:
        raise UsageError(f"rank 0 is not at {place.address}: {error}; is MASTER_ADDR its name?") from error
    with ExitStack() as stack:
        stack.callback(connection.close)
        failed = _take_part(connection, place.secret, logs, memory_limit_bytes, stack)
    if failed:
        return logs
    shutil.rmtree(logs)
    return None


def _take_part(connection: Connection, secret: str, logs: Path, memory_limit_bytes: int, stack: ExitStack) -> bool:
    """Whether a worker failed by itself."""
    servers: ForkServers[KerasBackend] = stack.enter_context(ForkServers(lambda name: ForkServerClient(name, logs)))
    failed = False
    for number, said in enumerate(iter(lambda: _next_request(connection), BYE)):
        request = JoinCase.model_validate(said)
        own = {
            "place": request.place.model_copy(update={"log": logs / f"{number}.log", "directory": Path.cwd()}),
            "rendezvous": request.rendezvous.model_copy(update={"secret": secret}),
            "settings": request.settings.model_copy(update={"memory_limit_bytes": memory_limit_bytes}),
        }
        result = _join(request.model_copy(update=own), servers)
        failed |= result.outcome != "ok" and result.reason != RANK_0_ENDED
        answer = {"outcome": result.outcome, "reason": result.reason, "port": free_port(own_host(connection))}
        try:
            connection.send_bytes(encode(answer))
        except OSError as error:
            raise UsageError(f"rank 0 has gone: {error}") from error
    return failed


def _join(request: JoinCase, servers: ForkServers[KerasBackend]) -> PartialResult:
    try:
        server = servers.get(request.case.keras_backend)
    except SetupError as error:
        return PartialResult("crashed", str(error))
    return WorkerHandle(server, request).run_to_end()


def _next_request(connection: Connection) -> Any:
    try:
        return decode(connection.recv_bytes())
    except (EOFError, OSError) as error:
        raise UsageError("rank 0 has gone before it said that the run is over") from error
