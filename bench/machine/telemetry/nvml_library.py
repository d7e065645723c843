"""Open and close NVML (`nvidia-ml-py`), and list the GPUs that CUDA shows to a case.

https://pypi.org/project/nvidia-ml-py/. Without a driver every GPU figure is "not measured", with NVML's reason.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

from anatomy.bench.errors.printable import printable
from anatomy.bench.machine.telemetry.visible_gpus import PhysicalGpu, VisibleGpus, choose_visible

# A driver that wakes a GPU takes a few seconds.
INIT_TIMEOUT_S = 20.0
_hung = threading.Event()


@dataclass(frozen=True)
class Device:
    """A visible GPU or MIG instance.

    Attributes:
        index: NVML's index of the GPU.
        handle: NVML's handle of the GPU or of its MIG instance.
        gpu: NVML's handle of the whole GPU.
        instance: NVML's id of the MIG instance; `None` for a whole GPU.
    """

    index: int
    name: str
    handle: Any
    gpu: Any
    instance: int | None = None


@dataclass(frozen=True)
class Gpus:
    """The GPUs that CUDA shows to a case.

    Attributes:
        names: in CUDA's order.
        driver: version; `None` without a driver.
        reason: why there are no GPUs; empty if there are.
        doubt: why the order is uncertain; see `anatomy.bench.machine.telemetry.visible_gpus`.
    """

    names: tuple[str, ...] = ()
    driver: str | None = None
    reason: str = ""
    doubt: str = ""


def nvml() -> ModuleType:
    """The `pynvml` module; importing it loads no driver."""
    return import_module("pynvml")


@contextmanager
def open_nvml() -> Iterator[ModuleType]:
    """Initialise NVML and yield `pynvml`; shut NVML down at the end.

    Raises:
        pynvml.NVMLError: there is no driver, or it does not answer.
    """
    library = nvml()
    _initialise(library)
    try:
        yield library
    finally:
        library.nvmlShutdown()


def _initialise(library: ModuleType) -> None:
    """Call `nvmlInit`, and wait `INIT_TIMEOUT_S` for it: a driver in trouble may never return.

    It is then asked no more in this process. The thread that waits ends with the process.
    """
    if _hung.is_set():
        raise library.NVMLError(library.NVML_ERROR_TIMEOUT)
    outcome: list[Exception] = []

    def call() -> None:
        try:
            library.nvmlInit()
        except Exception as error:  # noqa: BLE001  # handed over to the thread that waits
            outcome.append(error)

    thread = threading.Thread(target=call, name="anatomy-nvml-init", daemon=True)
    thread.start()
    thread.join(INIT_TIMEOUT_S)
    if thread.is_alive():
        _hung.set()
        raise library.NVMLError(library.NVML_ERROR_TIMEOUT)
    if outcome:
        raise outcome[0]


def list_gpus() -> Gpus:
    """The NVIDIA GPUs that CUDA would show to a process with this environment."""
    library = nvml()
    try:
        with open_nvml():
            visible, devices = visible_devices(library)
            driver = _text(library.nvmlSystemGetDriverVersion)
            return Gpus(tuple(device.name for device in devices), driver, visible.reason, visible.doubt)
    except library.NVMLError as error:
        return Gpus(reason=f"NVML: {error}")


def visible_devices(
    library: ModuleType, environment: Mapping[str, str] | None = None
) -> tuple[VisibleGpus, tuple[Device, ...]]:
    """What CUDA shows, and the devices in CUDA's order. NVML must be open.

    Args:
        environment: environment variables; by default those of this process.

    Raises:
        pynvml.NVMLError: no GPU answers.
    """
    found, silent = _answering(library)
    numbers, handles = list(found), list(found.values())
    instances = [_instances(library, handle) for handle in handles]
    physical = [
        PhysicalGpu(
            name=_text(library.nvmlDeviceGetName, handle),
            uuid=_text(library.nvmlDeviceGetUUID, handle),
            instances=tuple(_text(library.nvmlDeviceGetUUID, instance) for instance in own or ()),
            mig=own is not None,
        )
        for handle, own in zip(handles, instances, strict=True)
    ]
    visible = choose_visible(physical, os.environ if environment is None else environment)
    devices = []
    for index, number in visible.devices:
        own = instances[index]
        if number is None or own is None:
            devices.append(Device(numbers[index], physical[index].name, handles[index], handles[index]))
        else:
            name = _text(library.nvmlDeviceGetName, own[number])
            name = name if "MIG" in name else f"{physical[index].name} MIG"
            instance = library.nvmlDeviceGetGpuInstanceId(own[number])
            devices.append(Device(numbers[index], name, own[number], handles[index], instance))
    if silent:
        said = [f"GPU {number} does not answer ({error})" for number, error in silent.items()]
        visible = replace(visible, doubt="; ".join(filter(None, (*said, visible.doubt))))
    return visible, tuple(devices)


def _answering(library: ModuleType) -> tuple[dict[int, Any], dict[int, Exception]]:
    """NVML's index → handle of each GPU that answers, and → error of each that does not, such as one off its bus."""
    handles: dict[int, Any] = {}
    silent: dict[int, Exception] = {}
    for index in range(library.nvmlDeviceGetCount()):
        try:
            handles[index] = library.nvmlDeviceGetHandleByIndex(index)
        except library.NVMLError as error:
            silent[index] = error
    if silent and not handles:
        raise next(iter(silent.values()))
    return handles, silent


def _instances(library: ModuleType, handle: Any) -> list[Any] | None:
    """Handles of a GPU's MIG instances; `None` where MIG is off or not supported."""
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
            # Not every number up to the maximum has an instance.
            continue
    return found


def _text(ask: Callable[..., str | bytes], *arguments: Any) -> str:
    """What NVML answers with a text, printable; `pynvml` fails where it is no UTF-8."""
    try:
        answer = ask(*arguments)
    except UnicodeDecodeError as error:
        answer = error.object
    return printable(answer.decode("utf-8", "backslashreplace") if isinstance(answer, bytes) else answer)
