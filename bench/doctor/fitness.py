"""Is this machine fit to measure on: what is read, what it should be, and what to do where it is not.

Sources: Linux's documentation of sysfs and procfs (https://docs.kernel.org/admin-guide/pm/cpufreq.html,
https://docs.kernel.org/admin-guide/cgroup-v2.html), psutil and NVML. What a machine does not tell is said to
be unknown and never counted as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import psutil

from anatomy.bench.machine.cgroups import smallest_quota
from anatomy.bench.machine.free_memory import free_host_bytes, total_host_bytes

Verdict = Literal["fit", "unfit", "unknown"]

# Load of other work beyond which a core is not free for the case, and CPU of one process worth naming.
MOST_LOAD_PER_CORE = 0.1
BUSY_PROCESS = 0.05
MOST_STEAL = 0.01
COARSEST_TIMER_S = 1e-6
LEAST_FREE_MEMORY = 0.2
_THROTTLE = "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"


@dataclass(frozen=True)
class Finding:
    """One property of the machine.

    Attributes:
        value: what was read, in words, or why it could not be.
        remedy: what to do; empty when fit or unknown.
    """

    name: str
    verdict: Verdict
    value: str
    remedy: str = ""


def examine(watch_s: float = 1.0, sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> list[Finding]:
    """Every finding, in the order of the list; watches the machine for `watch_s` seconds."""
    throttled = _counters(sys)
    busy, steal = watch(watch_s)
    groups = sys / "fs/cgroup", proc / "self/cgroup"
    return [
        load_finding(psutil.getloadavg()[0], psutil.cpu_count() or 1),
        busy_finding(busy),
        steal_finding(steal),
        governor_finding(sys),
        turbo_finding(sys),
        smt_finding(sys),
        *cgroup_findings(*groups),
        throttle_finding(throttled, _counters(sys)),
        memory_finding(free_host_bytes(*groups), total_host_bytes(*groups)),
        timer_finding(timer_resolution_s()),
    ]


def watch(seconds: float) -> tuple[dict[str, float], float | None]:
    """Other processes' use of a core (name and pid → share), and the share of time stolen by the hypervisor."""
    processes = {p.pid: p for p in psutil.process_iter() if p.pid != psutil.Process().pid}
    for process in processes.values():
        _share(process)
    psutil.cpu_times_percent()
    time.sleep(seconds)
    steal = getattr(psutil.cpu_times_percent(), "steal", None)
    shares = {f"{_name(p)} ({pid})": _share(p) for pid, p in processes.items()}
    busy = {name: share for name, share in shares.items() if share > BUSY_PROCESS}
    return dict(sorted(busy.items(), key=lambda item: -item[1])), None if steal is None else steal / 100


def load_finding(load: float, cores: int) -> Finding:
    """Load average of the last minute for each core; the doctor's own start is in it."""
    fit = load <= MOST_LOAD_PER_CORE * cores
    remedy = "wait until it falls, or end what runs; it is an average of the last minute"
    return Finding("load", "fit" if fit else "unfit", f"{load:.2f} on {cores} cores", "" if fit else remedy)


def busy_finding(busy: dict[str, float]) -> Finding:
    """Processes that used the CPU while it was watched."""
    if not busy:
        return Finding("other processes", "fit", f"none used over {BUSY_PROCESS:.0%} of a core")
    named = ", ".join(f"{name} {share:.0%} of a core" for name, share in list(busy.items())[:3])
    return Finding(
        "other processes",
        "unfit",
        named,
        "end or move them: a step waits for its slowest thread, and one busy neighbour slows it many times",
    )


def steal_finding(steal: float | None) -> Finding:
    """Time in which the hypervisor ran somebody else."""
    if steal is None:
        return Finding("steal time", "unknown", "this kernel does not report it")
    fit = steal <= MOST_STEAL
    remedy = "the host is oversubscribed: use a dedicated instance, and compare only alternating runs"
    return Finding("steal time", "fit" if fit else "unfit", f"{steal:.1%}", "" if fit else remedy)


def governor_finding(sys: Path) -> Finding:
    """The frequency governors of the cores."""
    files = sys.glob("devices/system/cpu/cpu*/cpufreq/scaling_governor")
    found = sorted({text for file in files if (text := _read(file))})
    if not found:
        return Finding("governor", "unknown", "no cpufreq here (common in virtual machines): the host decides")
    fit = found == ["performance"]
    remedy = "sudo cpupower frequency-set --governor performance"
    return Finding("governor", "fit" if fit else "unfit", ", ".join(found), "" if fit else remedy)


def turbo_finding(sys: Path) -> Finding:
    """Turbo or boost: on, the clock falls as cores warm up or fill."""
    no_turbo = _read(sys / "devices/system/cpu/intel_pstate/no_turbo")
    boost = _read(sys / "devices/system/cpu/cpufreq/boost")
    if no_turbo is None and boost is None:
        return Finding("turbo", "unknown", "neither intel_pstate nor cpufreq/boost is here")
    on = no_turbo == "0" if no_turbo is not None else boost == "1"
    file = "intel_pstate/no_turbo" if no_turbo is not None else "cpufreq/boost"
    remedy = f"echo {1 if no_turbo is not None else 0} | sudo tee /sys/devices/system/cpu/{file}"
    return Finding("turbo", "unfit" if on else "fit", "on" if on else "off", remedy if on else "")


def smt_finding(sys: Path) -> Finding:
    """Whether two threads share a core."""
    active = _read(sys / "devices/system/cpu/smt/active")
    if active is None:
        return Finding("SMT", "unknown", "this kernel does not report it")
    remedy = "pin to one thread a core (taskset), or echo off | sudo tee /sys/devices/system/cpu/smt/control"
    on = active == "1"
    return Finding("SMT", "unfit" if on else "fit", "on" if on else "off", remedy if on else "")


def cgroup_findings(cgroup: Path, membership: Path) -> Iterator[Finding]:
    """The smallest CPU quota of the control groups around this process, and how often it was hit."""
    quota = smallest_quota(cgroup, membership)
    if quota is None:
        yield Finding("CPU quota", "unknown", "no control group of this process can be read")
        return
    if quota.time_us is None:
        yield Finding("CPU quota", "fit", "none")
        return
    threads = max(1, int(quota.cores))
    yield Finding(
        "CPU quota",
        "unfit",
        f"{quota.cores:g} cores' worth of time each {quota.period_us / 1e3:g} ms",
        "a quota stops all threads at once when it is used up: give whole cores (cpuset), or use"
        f" {threads} thread{'s' if threads > 1 else ''}",
    )
    if quota.throttled is None:
        yield Finding("throttled by quota", "unknown", "its control group does not count it")
        return
    yield Finding(
        "throttled by quota",
        "unfit" if quota.throttled else "fit",
        f"{quota.throttled} times since its control group began",
        "raise the quota" if quota.throttled else "",
    )


def throttle_finding(before: int | None, after: int | None) -> Finding:
    """Thermal throttling while watched."""
    if before is None or after is None:
        return Finding("thermal throttling", "unknown", "this CPU does not report it")
    events = after - before
    remedy = "let it cool, improve its cooling, or lower the clock"
    said = f"{events} events now, {after} since start"
    return Finding("thermal throttling", "unfit" if events else "fit", said, remedy if events else "")


def memory_finding(available: int, total: int) -> Finding:
    """Memory that is free on the host and within the control groups: without it the machine swaps or kills."""
    fit = available >= LEAST_FREE_MEMORY * total
    said = f"{available / 2**30:.1f} of {total / 2**30:.1f} GiB available"
    return Finding("memory", "fit" if fit else "unfit", said, "" if fit else "end what holds it")


def timer_finding(resolution_s: float) -> Finding:
    """The smallest difference that the clock of the steps shows."""
    fit = resolution_s <= COARSEST_TIMER_S
    remedy = "see /sys/devices/system/clocksource/clocksource0/available_clocksource: prefer tsc"
    return Finding("timer", "fit" if fit else "unfit", f"{resolution_s * 1e9:.0f} ns apart", "" if fit else remedy)


def timer_resolution_s(readings: int = 10_000) -> float:
    """Smallest positive difference between two readings of `perf_counter`, seconds."""
    times = [time.perf_counter() for _ in range(readings)]
    return min(b - a for a, b in pairwise(times) if b > a)


def _counters(sys: Path) -> int | None:
    return _sum(_read(file) for file in sys.glob(_THROTTLE))


def _sum(texts: Iterable[str | None]) -> int | None:
    numbers = [int(text) for text in texts if text]
    return sum(numbers) if numbers else None


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


def _share(process: psutil.Process) -> float:
    """Cores since the last call; a process that has gone used none."""
    try:
        return process.cpu_percent() / 100
    except psutil.Error:
        return 0.0


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "ended"
