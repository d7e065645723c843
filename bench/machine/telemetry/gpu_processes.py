"""Memory of a case's own processes on a GPU, among all those that NVML lists.

NVML gives process ids of the machine. In a container they are not this process's own, and an equal number may be
someone else's: then there is no figure, and the reason says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil

from anatomy.bench.machine.process_tree import family
from anatomy.bench.machine.telemetry.nvml_library import Device
from anatomy.bench.machine.telemetry.nvml_queries import Probe, Values

EVERY_S = 0.5
COLUMN = "process_memory_bytes"
# Inode of the machine's own pid namespace: PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h.
_MACHINE_NAMESPACE = 0xEFFFFFFC
_NAMESPACE = Path("/proc/self/ns/pid")

CONTAINER = (
    "NVML's process ids are those of another pid namespace (a container's host); start the container with --pid=host"
)


class Unattributed(Exception):  # noqa: N818  # an answer, not a fault
    """NVML answered, and it cannot be told which memory is the case's own."""


def process_probe(
    nvml: ModuleType,
    device: Device,
    pid: int,
    own_namespace: Callable[[], bool] | None = None,
) -> Probe:
    """Bytes of the process `pid` and of those it started.

    Args:
        own_namespace: whether this process is in the machine's own pid namespace; null asks the kernel.
    """
    in_own = in_machine_namespace if own_namespace is None else own_namespace

    def read() -> Values:
        listed = nvml.nvmlDeviceGetComputeRunningProcesses_v3(device.handle)
        memory = {int(process.pid): process.usedGpuMemory for process in listed}
        own = set(family(pid))
        return {COLUMN: own_bytes(memory, own, in_own())}

    return Probe((COLUMN,), read, EVERY_S)


def own_bytes(memory: dict[int, int | None], own: set[int], in_machine: bool) -> int:
    """The bytes of the processes `own`.

    Args:
        memory: process id → bytes, or null, as NVML lists them.
        in_machine: whether this process's ids are the machine's.

    Raises:
        Unattributed: with the reason.
    """
    found = {pid: memory[pid] for pid in own if pid in memory}
    foreign = [pid for pid in memory if not psutil.pid_exists(pid) and pid not in own]
    if not memory:
        why = "" if in_machine else ", as drivers do in a container; start it with --pid=host"
        raise Unattributed(f"NVML lists no process on the device{why}")
    # A number of ours among ids that are unknown here is as likely another process of the host.
    if not in_machine and (foreign or not found):
        raise Unattributed(CONTAINER)
    if not found:
        raise Unattributed("NVML lists other processes on the device and none of this case")
    if any(used is None for used in found.values()):
        raise Unattributed("NVML lists the process and not its memory (as under MIG without permission)")
    return sum(used for used in found.values() if used is not None)


def in_machine_namespace(namespace: Path = _NAMESPACE) -> bool:
    """Whether process ids here are the machine's own; false where the kernel does not say."""
    try:
        return namespace.stat().st_ino == _MACHINE_NAMESPACE
    except OSError:
        return False
