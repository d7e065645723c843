"""A group whose devices are on several nodes: node 0's worker conducts, the other nodes' workers follow.

Each backend's module says how many processes it has on a node (`ranks_per_node`) and lets one of them join (`join`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from anatomy.bench.parallel.device_group import Build
from anatomy.bench.parallel.multiprocess_group import Conducted, serve
from anatomy.bench.parallel.ranks import Peers, follow_rank_0, live
from anatomy.bench.parallel.rendezvous import Span
from anatomy.bench.parallel.transport import Server, Wire, connect
from anatomy.bench.protocol.events import Emit
from anatomy.bench.records.case import LOOPS, Case

# For the other nodes' workers to be forked and connect: their frameworks are imported already, or being imported.
CONNECT_TIMEOUT_S = 240.0


def open_spanning_group(case: Case, build: Build, emit: Emit, span: Span) -> Conducted:
    """Node 0's end.

    Raises:
        NotImplementedError: the backend or the mode cannot do it.
        NoConnectionError: a node's worker did not come.
    """
    if case.mode in LOOPS:
        raise NotImplementedError(f"Keras's own loop ({case.mode}) is measured on one node; use --mode train or infer")
    module = _module(case)
    local = module.ranks_per_node(case, span)
    peers = Peers(emit)
    peers.fork(local - 1, _work(module, case, build, span))
    with Server(span.hosts[0], span.conduct_port, span.secret) as server:
        peers.accept(server, range(local, local * span.nodes), CONNECT_TIMEOUT_S)
    peers.watch()
    return Conducted(module.join(case, span, 0), peers, local * span.nodes)


def follow_node_0(case: Case, build: Build, emit: Emit, span: Span) -> None:
    """The life of another node's worker, and of the further ranks that it forks: each follows rank 0 by itself."""
    module = _module(case)
    local = module.ranks_per_node(case, span)
    first, *others = range(span.node * local, (span.node + 1) * local)
    work = _work(module, case, build, span)
    for rank in others:
        if os.fork() == 0:
            live(rank, _connection(span, rank), work, emit)
    wire = _connection(span, first)
    follow_rank_0(wire, lambda: work(first, wire), emit)


def _work(module: Any, case: Case, build: Build, span: Span) -> Callable[[int, Wire], None]:
    return lambda rank, wire: serve(wire, case, build, lambda: module.join(case, span, rank))


def _connection(span: Span, rank: int) -> Wire:
    greeting = {"rank": rank, "host": span.hosts[span.node]}
    return connect(span.hosts[0], span.conduct_port, span.secret, greeting, CONNECT_TIMEOUT_S)


def _module(case: Case) -> Any:
    return import_module(f"anatomy.bench.parallel.{case.backend}_group")
