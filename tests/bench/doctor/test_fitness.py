"""Findings from recorded trees of sysfs and from planted readings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from anatomy.bench.doctor import fitness, gpu_fitness
from tests.bench.machine.telemetry.replay import Replay

CPU = "devices/system/cpu"
Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Files below a folder that stands in for /sys."""

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("files", "verdict"),
    [
        ({f"{CPU}/cpu0/cpufreq/scaling_governor": "performance"}, "fit"),
        ({f"{CPU}/cpu{n}/cpufreq/scaling_governor": g for n, g in enumerate(("performance", "powersave"))}, "unfit"),
        ({}, "unknown"),
    ],
)
def test_governor(tree: Tree, files: dict[str, str], verdict: str) -> None:
    assert fitness.governor_finding(tree(files)).verdict == verdict


@pytest.mark.parametrize(
    ("files", "verdict"),
    [
        ({f"{CPU}/intel_pstate/no_turbo": "0"}, "unfit"),
        ({f"{CPU}/intel_pstate/no_turbo": "1"}, "fit"),
        ({f"{CPU}/cpufreq/boost": "1"}, "unfit"),
        ({f"{CPU}/cpufreq/boost": "0"}, "fit"),
        ({}, "unknown"),
    ],
)
def test_turbo(tree: Tree, files: dict[str, str], verdict: str) -> None:
    finding = fitness.turbo_finding(tree(files))
    assert finding.verdict == verdict
    assert bool(finding.remedy) == (verdict == "unfit")
    assert next(iter(files), "").removeprefix(f"{CPU}/") in finding.remedy or verdict != "unfit"


@pytest.mark.parametrize(("active", "verdict"), [("1", "unfit"), ("0", "fit"), (None, "unknown")])
def test_smt(tree: Tree, active: str | None, verdict: str) -> None:
    assert fitness.smt_finding(tree({f"{CPU}/smt/active": active} if active else {})).verdict == verdict


@pytest.mark.parametrize(
    ("files", "verdicts"),
    [
        ({"cpu.max": "max 100000"}, ["fit"]),
        # The root of a machine and groups without the controller have no such file, and no quota.
        ({"cgroup.controllers": "cpuset cpu memory"}, ["fit"]),
        ({}, ["unknown"]),
        ({"cpu.max": "150000 100000"}, ["unfit", "unknown"]),
        ({"cpu.max": "150000 100000", "cpu.stat": "nr_periods 9\nnr_throttled 0"}, ["unfit", "fit"]),
        ({"cpu.max": "150000 100000", "cpu.stat": "nr_periods 9\nnr_throttled 4"}, ["unfit", "unfit"]),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, ["fit"]),
        (
            {
                "cpu/cpu.cfs_quota_us": "50000",
                "cpu/cpu.cfs_period_us": "100000",
                "cpu/cpu.stat": "nr_throttled 7",
            },
            ["unfit", "unfit"],
        ),
    ],
)
def test_quota_of_both_versions(tree: Tree, files: dict[str, str], verdicts: list[str]) -> None:
    root = tree(files)
    assert [finding.verdict for finding in fitness.cgroup_findings(root, root / "no membership")] == verdicts


@pytest.mark.parametrize(("own", "around", "cores"), [("150000", "400000", 1.5), ("max", "50000", 0.5)])
def test_the_smallest_quota_of_nested_groups_counts(tree: Tree, own: str, around: str, cores: float) -> None:
    """As `systemd-run --property=CPUQuota=` makes them; the root has no quota, and another group's is no matter."""
    smallest = "user.slice/job.scope" if own != "max" else "user.slice"
    root = tree(
        {
            "membership": "4:memory:/\n0::/user.slice/job.scope",
            "cgroup.controllers": "cpuset cpu memory",
            "user.slice/cpu.max": f"{around} 100000",
            "user.slice/job.scope/cpu.max": f"{own} 100000",
            "user.slice/other.scope/cpu.max": "1000 100000",
            f"{smallest}/cpu.stat": "nr_periods 9\nnr_throttled 4",
        }
    )
    quota, throttled = fitness.cgroup_findings(root, root / "membership")
    assert (quota.verdict, quota.value) == ("unfit", f"{cores:g} cores' worth of time each 100 ms")
    assert (throttled.verdict, throttled.value) == ("unfit", "4 times since its control group began")


def test_a_quota_of_version_1_is_that_of_the_process_s_own_group(tree: Tree) -> None:
    root = tree(
        {
            "membership": "3:cpu,cpuacct:/slurm/job\n0::/",
            "cpu/cpu.cfs_quota_us": "-1",
            "cpu/slurm/job/cpu.cfs_quota_us": "200000",
            "cpu/slurm/job/cpu.cfs_period_us": "100000",
            "cpu/slurm/job/cpu.stat": "nr_throttled 0",
        }
    )
    quota, throttled = fitness.cgroup_findings(root, root / "membership")
    assert (quota.verdict, throttled.verdict) == ("unfit", "fit")
    assert quota.remedy.endswith("use 2 threads")


def test_memory_is_that_of_the_control_group(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of 4 GiB on a host of 512."""
    host = SimpleNamespace(total=512 * 2**30, available=500 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: host)
    root = tree(
        {
            "fs/cgroup/memory.max": str(4 * 2**30),
            "fs/cgroup/memory.current": str(4 * 2**30 - 2**29),
            "fs/cgroup/memory.stat": "inactive_file 0",
            "self/cgroup": "0::/",
        }
    )
    (memory,) = (one for one in fitness.examine(watch_s=0, sys=root, proc=root) if one.name == "memory")
    assert (memory.verdict, memory.value) == ("unfit", "0.5 of 4.0 GiB available")


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (fitness.load_finding(0.1, 2), "fit"),
        (fitness.load_finding(1.4, 2), "unfit"),
        (fitness.busy_finding({}), "fit"),
        (fitness.busy_finding({"make (7)": 0.9}), "unfit"),
        (fitness.steal_finding(None), "unknown"),
        (fitness.steal_finding(0.0), "fit"),
        (fitness.steal_finding(0.08), "unfit"),
        (fitness.throttle_finding(3, 3), "fit"),
        (fitness.throttle_finding(3, 5), "unfit"),
        (fitness.throttle_finding(None, None), "unknown"),
        (fitness.memory_finding(9, 10), "fit"),
        (fitness.memory_finding(1, 10), "unfit"),
        (fitness.timer_finding(3e-8), "fit"),
        (fitness.timer_finding(1e-3), "unfit"),
    ],
)
def test_verdicts_and_remedies(finding: fitness.Finding, verdict: str) -> None:
    assert finding.verdict == verdict
    assert bool(finding.remedy) == (verdict == "unfit")


def test_the_clock_of_the_steps_resolves_a_microsecond() -> None:
    assert 0 < fitness.timer_resolution_s() < 1e-6


def test_this_machine_is_examined() -> None:
    names = [finding.name for finding in fitness.examine(watch_s=0.1)]
    assert {"load", "steal time", "governor", "turbo", "SMT", "CPU quota", "memory", "timer"} <= set(names)
    assert len(names) == len(set(names))


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Replay]:
    def install(name: str) -> Replay:
        replay = Replay(name)
        replay.install(monkeypatch)
        return replay

    return install


@pytest.mark.parametrize(
    ("reasons", "pids", "verdicts"),
    [
        (0x1, [], ["fit", "fit"]),
        (0x4 | 0x40, [], ["unfit", "fit"]),
        (0x2, [12345678], ["fit", "unfit"]),
    ],
)
def test_gpus(replayed: Callable[[str], Replay], reasons: int, pids: list[int], verdicts: list[str]) -> None:
    replay = replayed("h100")
    answers = replay.session["answers"]
    answers["nvmlDeviceGetCurrentClocksEventReasons(gpu0)"] = [reasons]
    listed = [{"pid": pid, "usedGpuMemory": 1} for pid in pids]
    answers["nvmlDeviceGetComputeRunningProcesses_v3(gpu0)"] = [listed]
    findings = gpu_fitness.examine_gpus()
    assert [finding.verdict for finding in findings] == verdicts
    if reasons & 0x4:
        assert findings[0].value == "SwPowerCap, HwThermalSlowdown"
    assert replay.open == 0


def test_what_a_gpu_does_not_say_is_unknown(replayed: Callable[[str], Replay]) -> None:
    replayed("no_permission")
    findings = gpu_fitness.examine_gpus()
    assert [finding.verdict for finding in findings] == ["fit", "unknown"]
    assert "Insufficient Permissions" in findings[1].value
    replayed("older")
    assert gpu_fitness.examine_gpus()[0].verdict == "fit"


def test_without_a_driver(replayed: Callable[[str], Replay]) -> None:
    replayed("no_driver")
    (finding,) = gpu_fitness.examine_gpus()
    assert (finding.verdict, finding.value) == ("unknown", "NVML: NVML Shared Library Not Found")
