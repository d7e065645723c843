"""Which GPUs CUDA shows to a case, from `CUDA_VISIBLE_DEVICES` and `CUDA_DEVICE_ORDER`.

https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/environment-variables.html. Malformed numbers and
repeated entries are treated as in `torch.cuda._parse_visible_devices`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PhysicalGpu:
    """A GPU as NVML lists it.

    Attributes:
        instances: uuids of its MIG instances.
        mig: whether MIG is on.
    """

    name: str
    uuid: str
    instances: tuple[str, ...] = ()
    mig: bool = False


@dataclass(frozen=True)
class VisibleGpus:
    """What CUDA shows.

    Attributes:
        devices: (NVML's index of the GPU, number of its MIG instance or `None`), in CUDA's order.
        doubt: why that order, and so which device a case ran on, is uncertain; empty if it is certain.
        reason: why there is no device; empty if there is one.
    """

    devices: tuple[tuple[int, int | None], ...] = ()
    doubt: str = ""
    reason: str = ""


def choose_visible(gpus: Sequence[PhysicalGpu], environment: Mapping[str, str]) -> VisibleGpus:
    """Apply the environment to the GPUs that NVML lists.

    CUDA numbers the fastest GPU first by default; NVML numbers by PCI bus. If the GPUs differ and
    `CUDA_VISIBLE_DEVICES` selects some of them by index, the selection is ambiguous and no device is returned.

    Args:
        gpus: in NVML's order.
    """
    text = environment.get("CUDA_VISIBLE_DEVICES")
    by_bus = environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    alike = len({gpu.name for gpu in gpus}) <= 1
    doubt = (
        "" if alike or by_bus else "the GPUs differ and CUDA puts the fastest first; set CUDA_DEVICE_ORDER=PCI_BUS_ID"
    )
    if text is None:
        return _all(gpus, doubt)
    entries = [entry.strip() for entry in text.split(",")]
    if entries[0].startswith(("GPU-", "MIG-")):
        places = _by_uuid(entries, gpus, entries[0][:4])
        doubt = ""
    else:
        places = _by_index(entries, gpus)
        if doubt and 0 < len(places) < len(gpus):
            return VisibleGpus(reason=f"CUDA_VISIBLE_DEVICES={text}: {doubt}")
    if not places:
        return VisibleGpus(reason=f"CUDA_VISIBLE_DEVICES={text!r} shows no device" if gpus else "NVML sees no device")
    return _instances_known(places, gpus, doubt)


def _all(gpus: Sequence[PhysicalGpu], doubt: str) -> VisibleGpus:
    if not gpus:
        return VisibleGpus(reason="NVML sees no device")
    if len(gpus) > 1 and any(gpu.mig for gpu in gpus):
        doubt = "CUDA shows one MIG instance alone; name it in CUDA_VISIBLE_DEVICES (nvidia-smi -L)"
    return _instances_known([_first(index, gpu) for index, gpu in enumerate(gpus)], gpus, doubt)


def _instances_known(places: Sequence[tuple[int, int | None]], gpus: Sequence[PhysicalGpu], doubt: str) -> VisibleGpus:
    """The result without GPUs in MIG mode that have no instance, since nothing can run on them."""
    usable = tuple(place for place in places if place[1] is not None or not gpus[place[0]].mig)
    if not usable:
        return VisibleGpus(reason="MIG is on, and no instance was created (nvidia-smi mig)")
    return VisibleGpus(usable, doubt)


def _by_index(entries: Sequence[str], gpus: Sequence[PhysicalGpu]) -> list[tuple[int, int | None]]:
    """The GPUs up to the first entry that is no index of a GPU; none at all if an index is repeated."""
    found: list[tuple[int, int | None]] = []
    for entry in entries:
        number = re.match(r"\d+", entry)
        if number is None or int(number[0]) >= len(gpus):
            break
        index = int(number[0])
        if any(index == known for known, _ in found):
            return []
        found.append(_first(index, gpus[index]))
    return found


def _by_uuid(entries: Sequence[str], gpus: Sequence[PhysicalGpu], kind: str) -> list[tuple[int, int | None]]:
    """The devices up to the first entry that is not a prefix of exactly one uuid of this kind (`GPU-` or `MIG-`)."""
    known: list[tuple[str, tuple[int, int | None]]] = []
    for index, gpu in enumerate(gpus):
        if kind == "GPU-":
            known.append((gpu.uuid, _first(index, gpu)))
        known += [(uuid, (index, number)) for number, uuid in enumerate(gpu.instances) if kind == "MIG-"]
    found: list[tuple[int, int | None]] = []
    for entry in entries:
        fitting = [place for uuid, place in known if entry.startswith(kind) and uuid.startswith(entry)]
        if len(fitting) != 1:
            break
        if fitting[0] in found:
            return []
        found += fitting
    return found


def _first(index: int, gpu: PhysicalGpu) -> tuple[int, int | None]:
    """The GPU itself, or its first MIG instance, which is the one that CUDA uses."""
    return index, 0 if gpu.mig and gpu.instances else None
