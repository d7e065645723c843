"""A group of devices on several nodes: rank 0, in node 0's worker, tells the ranks on all nodes what to do.

The module of each backend defines the number of processes per node (`ranks_per_node`) and how one of them becomes a
rank (`join`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from anatomy.bench.parallel.device_group import Build
from anatomy.bench.parallel.multiprocess_group import MultiprocessGroup, serve_rank
from anatomy.bench.parallel.ranks import Peers, run_beside_rank_0, run_rank_process
from anatomy.bench.parallel.rendezvous import Rendezvous
from anatomy.bench.parallel.transport import Server, connect
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import LOOPS, Case

# Time for the other nodes' workers to start and connect; their frameworks may still be being imported.
CONNECT_TIMEOUT_S = 240.0


def open_multinode_group(case: Case, build: Build, emit: Emit, rendezvous: Rendezvous) -> MultiprocessGroup:
    """The group of a case on several nodes, in node 0's worker.

    Raises:
        NotImplementedError: the backend or the mode does not run on several nodes.
        NoConnectionError: a rank of another node did not connect.
    """
    if case.mode in LOOPS:
        raise NotImplementedError(f"Keras's own loop ({case.mode}) is measured on one node; use --mode train or infer")
    module = _module(case)
    local = module.ranks_per_node(case, rendezvous)
    peers = Peers(emit)
    peers.fork(local - 1, _rank_work(module, case, build, rendezvous))
    with Server(rendezvous.hosts[0], rendezvous.control_port, rendezvous.secret) as server:
        peers.accept(server, range(local, local * rendezvous.nodes), CONNECT_TIMEOUT_S)
    peers.watch()
    return MultiprocessGroup(module.join(case, rendezvous, 0), peers, local * rendezvous.nodes)


def run_node_ranks(case: Case, build: Build, emit: Emit, rendezvous: Rendezvous) -> None:
    """Run the ranks of another node: this process is the first of them, and the others are forked."""
    module = _module(case)
    local = module.ranks_per_node(case, rendezvous)
    first, *others = range(rendezvous.node * local, (rendezvous.node + 1) * local)
    work = _rank_work(module, case, build, rendezvous)
    for rank in others:
        if os.fork() == 0:
            run_rank_process(rank, _connect(rendezvous, rank), work, emit)
    connection = _connect(rendezvous, first)
    run_beside_rank_0(connection, lambda: work(first, connection), emit)


def _rank_work(module: Any, case: Case, build: Build, rendezvous: Rendezvous) -> Callable[[int, Connection], None]:
    return lambda rank, connection: serve_rank(connection, case, build, lambda: module.join(case, rendezvous, rank))


def _connect(rendezvous: Rendezvous, rank: int) -> Connection:
    greeting = {"rank": rank, "host": rendezvous.hosts[rendezvous.node]}
    return connect(rendezvous.hosts[0], rendezvous.control_port, rendezvous.secret, greeting, CONNECT_TIMEOUT_S)


def _module(case: Case) -> Any:
    return import_module(f"anatomy.bench.parallel.{case.backend}_group")
