"""Is this machine fit to measure on: its properties, a verdict on each, and a remedy for those that are unfit.

Sources: Linux's documentation of sysfs and procfs (https://docs.kernel.org/admin-guide/pm/cpufreq.html,
https://docs.kernel.org/admin-guide/cgroup-v2.html), psutil and NVML. A property that the machine does not report is
`unknown`, which is not a pass.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import psutil

from anatomy.bench.machine.busy_processes import BUSY_PROCESS, MOST_STEAL, watch_processes
from anatomy.bench.machine.cgroups import smallest_quota
from anatomy.bench.machine.free_memory import free_host_bytes, total_host_bytes

Verdict = Literal["fit", "unfit", "unknown"]

# Load per core above which the machine is busy.
MOST_LOAD_PER_CORE = 0.1
COARSEST_TIMER_S = 1e-6
LEAST_FREE_MEMORY = 0.2
_THROTTLE = "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"


@dataclass(frozen=True)
class Finding:
    """One property of the machine.

    Attributes:
        value: what was found, in words, or why it is unknown.
        remedy: what to do; empty unless it is unfit.
    """

    name: str
    verdict: Verdict
    value: str
    remedy: str = ""

    @classmethod
    def judged(cls, name: str, fit: bool, value: str, remedy: str) -> Finding:
        """A finding that is fit, or unfit with a remedy."""
        return cls(name, "fit", value) if fit else cls(name, "unfit", value, remedy)


def examine(watch_s: float = 1.0, sys: Path = Path("/sys"), proc: Path = Path("/proc")) -> list[Finding]:
    """Examine every property of the machine, watching it for `watch_s` seconds."""
    throttled = _throttle_events(sys)
    busy, steal = watch_processes(watch_s)
    groups = sys / "fs/cgroup", proc / "self/cgroup"
    return [
        load_finding(psutil.getloadavg()[0], psutil.cpu_count() or 1),
        busy_finding(busy),
        steal_finding(steal),
        governor_finding(sys),
        turbo_finding(sys),
        smt_finding(sys),
        *cgroup_findings(*groups),
        throttle_finding(throttled, _throttle_events(sys)),
        memory_finding(free_host_bytes(*groups), total_host_bytes(*groups)),
        timer_finding(timer_resolution_s()),
    ]


def load_finding(load: float, cores: int) -> Finding:
    """Load average of the last minute; the doctor's own start is part of it."""
    remedy = "wait until it falls, or end what runs; it is an average of the last minute"
    return Finding.judged("load", load <= MOST_LOAD_PER_CORE * cores, f"{load:.2f} on {cores} cores", remedy)


def busy_finding(busy: dict[str, float]) -> Finding:
    """Other processes that used the CPU while it was watched: name and pid → share of a core."""
    named = ", ".join(f"{name} {share:.0%} of a core" for name, share in list(busy.items())[:3])
    remedy = "end or move them: a step waits for its slowest thread, and one busy neighbour slows it many times"
    return Finding.judged("other processes", not busy, named or f"none used over {BUSY_PROCESS:.0%} of a core", remedy)


def steal_finding(steal: float | None) -> Finding:
    """Share of time in which the hypervisor ran other machines."""
    if steal is None:
        return Finding("steal time", "unknown", "this kernel does not report it")
    remedy = "the host is oversubscribed: use a dedicated instance, and compare only alternating runs"
    return Finding.judged("steal time", steal <= MOST_STEAL, f"{steal:.1%}", remedy)


def governor_finding(sys: Path) -> Finding:
    """The frequency governors of the cores."""
    files = sys.glob("devices/system/cpu/cpu*/cpufreq/scaling_governor")
    found = sorted({text for file in files if (text := _read(file))})
    if not found:
        return Finding("governor", "unknown", "no cpufreq here (common in virtual machines): the host decides")
    remedy = "sudo cpupower frequency-set --governor performance"
    return Finding.judged("governor", found == ["performance"], ", ".join(found), remedy)


def turbo_finding(sys: Path) -> Finding:
    """Turbo or boost: if it is on, the clock falls as cores warm up or fill."""
    no_turbo = _read(sys / "devices/system/cpu/intel_pstate/no_turbo")
    boost = _read(sys / "devices/system/cpu/cpufreq/boost")
    if no_turbo is None and boost is None:
        return Finding("turbo", "unknown", "neither intel_pstate nor cpufreq/boost is here")
    on = no_turbo == "0" if no_turbo is not None else boost == "1"
    file = "intel_pstate/no_turbo" if no_turbo is not None else "cpufreq/boost"
    remedy = f"echo {1 if no_turbo is not None else 0} | sudo tee /sys/devices/system/cpu/{file}"
    return Finding.judged("turbo", not on, "on" if on else "off", remedy)


def smt_finding(sys: Path) -> Finding:
    """Simultaneous multithreading: whether two threads share a core."""
    active = _read(sys / "devices/system/cpu/smt/active")
    if active is None:
        return Finding("SMT", "unknown", "this kernel does not report it")
    remedy = "pin to one thread a core (taskset), or echo off | sudo tee /sys/devices/system/cpu/smt/control"
    on = active == "1"
    return Finding.judged("SMT", not on, "on" if on else "off", remedy)


def cgroup_findings(cgroup: Path, membership: Path) -> Iterator[Finding]:
    """The smallest CPU quota of this process's control groups, and how often it was used up."""
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
    value = f"{quota.throttled} times since its control group began"
    yield Finding.judged("throttled by quota", not quota.throttled, value, "raise the quota")


def throttle_finding(before: int | None, after: int | None) -> Finding:
    """Thermal throttling while the machine was watched, from the counters before and after."""
    if before is None or after is None:
        return Finding("thermal throttling", "unknown", "this CPU does not report it")
    events = after - before
    value, remedy = f"{events} events now, {after} since start", "let it cool, improve its cooling, or lower the clock"
    return Finding.judged("thermal throttling", not events, value, remedy)


def memory_finding(available: int, total: int) -> Finding:
    """Free memory of the host and the control groups, bytes: without it the machine swaps or kills processes."""
    value = f"{available / 2**30:.1f} of {total / 2**30:.1f} GiB available"
    return Finding.judged("memory", available >= LEAST_FREE_MEMORY * total, value, "end what holds it")


def timer_finding(resolution_s: float) -> Finding:
    """Resolution of the clock that times the steps."""
    remedy = "see /sys/devices/system/clocksource/clocksource0/available_clocksource: prefer tsc"
    return Finding.judged("timer", resolution_s <= COARSEST_TIMER_S, f"{resolution_s * 1e9:.0f} ns apart", remedy)


def timer_resolution_s(readings: int = 10_000) -> float:
    """Smallest positive difference between successive readings of `perf_counter`, seconds."""
    times = [time.perf_counter() for _ in range(readings)]
    return min(b - a for a, b in pairwise(times) if b > a)


def _throttle_events(sys: Path) -> int | None:
    """Thermal throttling events of all cores since the machine started; `None` if not reported."""
    counters = [int(text) for file in sys.glob(_THROTTLE) if (text := _read(file))]
    return sum(counters) if counters else None


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None
