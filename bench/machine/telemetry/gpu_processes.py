"""GPU memory of a case's own processes, picked from all the processes that NVML lists.

NVML lists process ids of the host's namespace. In a container an equal id may belong to another process of the host.
Where that cannot be ruled out, there is no figure but a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil

from anatomy.bench.machine.process_tree import family
from anatomy.bench.machine.telemetry.nvml_library import Device
from anatomy.bench.machine.telemetry.nvml_queries import Query, Values
from anatomy.bench.machine.telemetry.sample_series import UnmeasurableError

INTERVAL_S = 0.5
COLUMN = "process_memory_bytes"
# Inode of the host's own pid namespace: PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h.
_MACHINE_NAMESPACE = 0xEFFFFFFC
_NAMESPACE = Path("/proc/self/ns/pid")

CONTAINER = (
    "NVML's process ids are those of another pid namespace (a container's host); start the container with --pid=host"
)


def process_memory_query(
    nvml: ModuleType,
    device: Device,
    pid: int,
    own_namespace: Callable[[], bool] | None = None,
) -> Query:
    """The query for the GPU memory of the process `pid` and its descendants.

    Args:
        own_namespace: whether this process is in the host's own pid namespace; by default the kernel is asked.
    """
    in_own = in_machine_namespace if own_namespace is None else own_namespace

    def read() -> Values:
        listed = nvml.nvmlDeviceGetComputeRunningProcesses_v3(device.handle)
        memory = {int(process.pid): process.usedGpuMemory for process in listed}
        own = set(family(pid))
        return {COLUMN: own_bytes(memory, own, in_own())}

    return Query((COLUMN,), read, INTERVAL_S)


def own_bytes(memory: dict[int, int | None], own: set[int], in_machine: bool) -> int:
    """GPU memory of the processes `own`, bytes.

    Args:
        memory: process id → bytes as NVML lists them; `None` where NVML hides them.
        own: process ids of the case.
        in_machine: whether this process is in the host's own pid namespace.

    Raises:
        UnmeasurableError: the case's processes are not listed, cannot be told apart, or have no figure.
    """
    found = {pid: memory[pid] for pid in own if pid in memory}
    foreign = [pid for pid in memory if not psutil.pid_exists(pid) and pid not in own]
    if not memory:
        why = "" if in_machine else ", as drivers do in a container; start it with --pid=host"
        raise UnmeasurableError(f"NVML lists no process on the device{why}")
    # Where some listed ids do not exist here, a listed id of ours may be another process of the host.
    if not in_machine and (foreign or not found):
        raise UnmeasurableError(CONTAINER)
    if not found:
        raise UnmeasurableError("NVML lists other processes on the device and none of this case")
    if any(used is None for used in found.values()):
        raise UnmeasurableError("NVML lists the process and not its memory (as under MIG without permission)")
    return sum(used for used in found.values() if used is not None)


def in_machine_namespace(namespace: Path = _NAMESPACE) -> bool:
    """Whether this process is in the host's own pid namespace; `False` where the kernel does not say."""
    try:
        return namespace.stat().st_ino == _MACHINE_NAMESPACE
    except OSError:
        return False
