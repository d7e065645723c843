"""Connect to a Ray cluster, list its nodes, and start an agent that has a node to itself.

Sources: https://docs.ray.io/en/latest/ray-core/api/doc/ray.init.html and
https://docs.ray.io/en/latest/ray-core/scheduling/index.html (node affinity, resources).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anatomy.bench.cluster.agent import NICENESS, NodeAgent, own_version
from anatomy.bench.cluster.placement import Node
from anatomy.bench.errors.anatomy_error import SetupError

LABEL = "machine-type"
_ANSWER_S = 10.0
_CONNECT_TRIES = 4
_ACCELERATOR = "ray.io/accelerator-type"
# Not copied to the nodes along with the user's modules.
_NOT_SHIPPED = ["anatomy-runs", ".venv", "venv", ".git", ".tox", "__pycache__", "*.ipynb_checkpoints"]


@contextmanager
def connect_to_cluster(address: str, ship: Path | None = None) -> Iterator[Any]:
    """Connect to the cluster at `address` (`ray://HOST:10001`, `HOST:6379` or `auto`) and yield Ray's module.

    Args:
        ship: folder with the user's modules, which is copied to each node that needs it.

    Raises:
        SetupError: Ray is not installed, or the cluster does not answer or has another version.
    """
    try:
        import ray
    except ImportError as error:
        raise SetupError("Ray is not installed; pip install 'keras-anatomy[cluster]'") from error
    _require_listening(address)
    # Ray starts its workers at niceness 15 unless told otherwise.
    runtime: dict[str, Any] = {"env_vars": {NICENESS: "0"}}
    if ship is not None:
        runtime |= {"working_dir": str(ship), "excludes": _NOT_SHIPPED}
    try:
        _reach(ray, address, runtime)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise SetupError(
            f"--cluster {address}: {' '.join(str(error).split())[:300]}; is a cluster started there"
            " (`ray start --head`), with the same versions of Python and Ray?"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _reach(ray: Any, address: str, runtime: Mapping[str, Any]) -> None:
    """Connect, several times if need be: the head's server for a `ray://` client may die at its start (Ray 2.60)."""
    for tries_left in reversed(range(_CONNECT_TRIES)):
        try:
            ray.init(
                address=address,
                runtime_env=dict(runtime),
                log_to_driver=False,
                logging_level="ERROR",
                configure_logging=False,
            )
        except ConnectionAbortedError:
            if not tries_left:
                raise
        else:
            return


def _require_listening(address: str) -> None:
    """Raise `SetupError` if nobody listens at the address; Ray itself would try for more than a minute."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        if address not in ("auto", "local"):
            raise SetupError(f"--cluster {address}: expected ray://HOST:10001, HOST:6379 or auto")
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except (OSError, ValueError) as error:
        raise SetupError(
            f"--cluster {address}: nobody listens there ({error}); start a cluster (`ray start --head`), whose port"
            " for ray:// is 10001 and otherwise 6379"
        ) from error


def list_nodes(ray: Any) -> list[Node]:
    """The live nodes that lend CPUs to Ray, sorted by name."""
    found = []
    for node in ray.nodes():
        resources, labels = node["Resources"], node.get("Labels") or {}
        if not node["Alive"] or not resources.get("CPU"):
            # A head without CPUs computes nothing.
            continue
        found.append(
            Node(
                id=node["NodeID"],
                host=node["NodeManagerHostname"],
                cpus=resources["CPU"],
                gpus=resources.get("GPU", 0.0),
                memory_bytes=resources.get("memory", 0.0),
                machine_type=labels.get(LABEL) or labels.get(_ACCELERATOR) or "",
            )
        )
    return sorted(found, key=lambda node: (node.host, node.id))


def start_agent(ray: Any, node: Node, settings: Mapping[str, Any]) -> Any:
    """Start an agent on `node` that claims all its CPUs and GPUs: it waits until no other task of Ray runs there."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return (
        ray.remote(NodeAgent)
        .options(
            num_cpus=node.cpus,
            num_gpus=node.gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        )
        .remote(dict(settings), node.gpus, own_version())
    )
