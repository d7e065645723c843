"""The machine and the software of a run, and their fingerprint.

Two runs may be compared in absolute time only when their fingerprints are equal.
"""

from __future__ import annotations

import hashlib
import json

from pydantic import Field, computed_field

from anatomy.bench.records.checked_numbers import ByteCount, Count
from anatomy.bench.records.frozen import FrozenWithComputedFields

# Fields that decide speed; the fingerprint leaves out the machine's name, the commit and free text.
_FINGERPRINTED = (
    "cpu",
    "logical_cores",
    "usable_cores",
    "memory_bytes",
    "gpus",
    "driver",
    "packages",
    "flags",
)


class Environment(FrozenWithComputedFields):
    """Host, hardware and software of a run.

    Attributes:
        host: name of the machine.
        os: operating system.
        python: version of Python.
        cpu: name of the CPU.
        logical_cores: number of logical cores of the machine.
        usable_cores: number of cores that this process may use (affinity).
        memory_bytes: physical memory.
        memory_limit_bytes: the cgroup's limit; `None` without one.
        gpus: names of the GPUs that CUDA shows, in its order; empty without a GPU.
        driver: version of the NVIDIA driver; `None` without one.
        packages: installed versions of the packages that decide speed.
        flags: environment variables that are set and change speed or results.
        commit: git commit of the working directory; `None` outside a repository.
        dirty: whether tracked files differ from that commit.
    """

    host: str
    os: str
    python: str
    cpu: str
    logical_cores: Count
    usable_cores: Count
    memory_bytes: ByteCount
    memory_limit_bytes: ByteCount | None = None
    gpus: list[str] = Field(default_factory=list)
    driver: str | None = None
    packages: dict[str, str] = Field(default_factory=dict)
    flags: dict[str, str] = Field(default_factory=dict)
    commit: str | None = None
    dirty: bool | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented use of property
    @property
    def fingerprint(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the fields that decide speed."""
        decisive = self.model_dump(include=set(_FINGERPRINTED))
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]
