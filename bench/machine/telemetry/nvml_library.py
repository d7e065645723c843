"""NVML opened and closed, and the devices that a case can see (`nvidia-ml-py`).

https://pypi.org/project/nvidia-ml-py/. Without a driver every figure is "not measured" with NVML's own reason;
nothing else changes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from anatomy.bench.machine.telemetry.visible_gpus import Chosen, Physical, choose


@dataclass(frozen=True)
class Device:
    """One visible device.

    Attributes:
        index: NVML's index of the GPU.
        handle: NVML's, of the GPU or of its MIG instance.
        gpu: NVML's handle of the whole GPU.
        instance: NVML's id of the GPU instance of a MIG device, else null.
    """

    index: int
    name: str
    handle: Any
    gpu: Any
    instance: int | None = None


@dataclass(frozen=True)
class Gpus:
    """What a case can see: names in CUDA's order, driver version, and the reason when there is nothing to see.

    `doubt` says why the order is not certain; see `anatomy.bench.machine.telemetry.visible_gpus`.
    """

    names: tuple[str, ...] = ()
    driver: str | None = None
    reason: str = ""
    doubt: str = ""


def nvml() -> ModuleType:
    """The binding; importing it loads no driver."""
    return import_module("pynvml")


@contextmanager
def opened() -> Iterator[ModuleType]:
    """NVML, initialised and shut down again.

    Raises:
        pynvml.NVMLError: there is no driver, or it does not answer.
    """
    library = nvml()
    library.nvmlInit()
    try:
        yield library
    finally:
        library.nvmlShutdown()


def list_gpus() -> Gpus:
    """Names and driver of the NVIDIA devices that CUDA would show to a process of this environment."""
    library = nvml()
    try:
        with opened():
            chosen, devices = visible_devices(library)
            driver = _text(library.nvmlSystemGetDriverVersion())
            return Gpus(tuple(device.name for device in devices), driver, chosen.reason, chosen.doubt)
    except library.NVMLError as error:
        return Gpus(reason=f"NVML: {error}")


def visible_devices(
    library: ModuleType, environment: Mapping[str, str] | None = None
) -> tuple[Chosen, tuple[Device, ...]]:
    """The devices in CUDA's order, while NVML is open.

    Args:
        environment: null for this process's.
    """
    handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount())]
    instances = [_instances(library, handle) for handle in handles]
    physical = [
        Physical(
            name=_text(library.nvmlDeviceGetName(handle)),
            uuid=_text(library.nvmlDeviceGetUUID(handle)),
            instances=tuple(_text(library.nvmlDeviceGetUUID(instance)) for instance in own or ()),
            mig=own is not None,
        )
        for handle, own in zip(handles, instances, strict=True)
    ]
    chosen = choose(physical, os.environ if environment is None else environment)
    devices = []
    for index, number in chosen.devices:
        own = instances[index]
        if number is None or own is None:
            devices.append(Device(index, physical[index].name, handles[index], handles[index]))
        else:
            name = _text(library.nvmlDeviceGetName(own[number]))
            name = name if "MIG" in name else f"{physical[index].name} MIG"
            instance = library.nvmlDeviceGetGpuInstanceId(own[number])
            devices.append(Device(index, name, own[number], handles[index], instance))
    return chosen, tuple(devices)


def _instances(library: ModuleType, handle: Any) -> list[Any] | None:
    """Handles of a GPU's MIG devices; null where MIG is off or not there."""
    try:
        current, _ = library.nvmlDeviceGetMigMode(handle)
    except (library.NVMLError_NotSupported, library.NVMLError_FunctionNotFound):
        return None
    if current != library.NVML_DEVICE_MIG_ENABLE:
        return None
    found = []
    for number in range(library.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            found.append(library.nvmlDeviceGetMigDeviceHandleByIndex(handle, number))
        except library.NVMLError_NotFound:
            # Numbers of instances that were not created are skipped.
            continue
    return found


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
