"""Collect the environment of a run: hardware, packages, flags, commit."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import psutil

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable
from anatomy.bench.machine.cgroups import smallest_memory_limit
from anatomy.bench.machine.git import Repository
from anatomy.bench.machine.telemetry.nvml_library import list_gpus
from anatomy.bench.records.environment import Environment

PACKAGES = ("keras", "tensorflow", "jax", "jaxlib", "torch", "openvino", "numpy")

# Environment variables that change what is computed or how fast.
FLAGS = (
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
    "TF_ENABLE_ONEDNN_OPTS",
    "NVIDIA_TF32_OVERRIDE",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_ENABLE_X64",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "CUDA_VISIBLE_DEVICES",
)


def collect() -> Environment:
    """Read the environment of this process and machine; imports no framework."""
    gpus = list_gpus()
    commit, dirty = _git_state()
    return Environment(
        host=printable(platform.node()),
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        cpu=cpu_name(),
        logical_cores=psutil.cpu_count(logical=True) or 0,
        usable_cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        memory_limit_bytes=smallest_memory_limit(),
        gpus=list(gpus.names),
        driver=gpus.driver,
        packages=installed_versions(),
        flags={name: printable(os.environ[name]) for name in FLAGS if name in os.environ},
        commit=commit,
        dirty=dirty,
    )


def installed_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Version of each installed distribution, read from its metadata without importing it."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    # The CPU build of TensorFlow is another distribution.
    if "tensorflow" in names and "tensorflow" not in found:
        cpu_build = installed_versions(("tensorflow-cpu",))
        if cpu_build:
            found["tensorflow"] = cpu_build["tensorflow-cpu"]
    return found


def cpu_name() -> str:
    """The CPU's model name from `/proc/cpuinfo`, else what `platform` knows."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_state() -> tuple[str | None, bool | None]:
    """Commit of the working directory's repository, and whether tracked files differ from it; None outside one."""
    try:
        repository = Repository.find(Path.cwd())
        head = repository.head() if repository else None
        return (head, bool(repository.changes())) if repository and head else (None, None)
    except (UsageError, OSError):
        return None, None
