"""Questions to NVML and its answers as JSON: how one is spelled, so that a session can be recorded and replayed.

A session is one object: `about` and `source` (in words), `pid` (the process whose memory was asked for), `environment`
(CUDA's variables), and `answers`: a question such as `nvmlDeviceGetClockInfo(gpu0, 1)` → its answers in order, the last
of which holds from then on. An answer is NVML's value, an object with a structure's fields, or `{"error": NAME}`.
"""

from __future__ import annotations

import ctypes
from types import ModuleType
from typing import Any

# Every function that telemetry calls. A question by another name can be neither recorded nor replayed.
FUNCTIONS = (
    "nvmlInit",
    "nvmlShutdown",
    "nvmlSystemGetDriverVersion",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetMaxMigDeviceCount",
    "nvmlDeviceGetMigDeviceHandleByIndex",
    "nvmlDeviceGetGpuInstanceId",
    "nvmlDeviceGetTotalEnergyConsumption",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetPcieThroughput",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlGpmQueryDeviceSupport",
    "nvmlGpmSampleAlloc",
    "nvmlGpmSampleFree",
    "nvmlGpmSampleGet",
    "nvmlGpmMigSampleGet",
    "nvmlGpmMetricsGet",
)
# Questions about GPM samples are spelled without them: they are memory, not answers.
SAMPLES = ("nvmlGpmSampleAlloc", "nvmlGpmSampleFree", "nvmlGpmSampleGet", "nvmlGpmMigSampleGet")
_STRUCTURES = {
    "nvmlDeviceGetUtilizationRates": ("c_nvmlUtilization_t", ("gpu", "memory")),
    "nvmlDeviceGetMemoryInfo": ("c_nvmlMemory_t", ("total", "free", "used")),
    "nvmlGpmQueryDeviceSupport": ("c_nvmlGpmSupport_t", ("isSupportedDevice",)),
}
_MEMBERS = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}


class Spelling:
    """Names handles (`gpu0`, `gpu0.mig1`) and spells questions; one for each session, since handles are addresses."""

    def __init__(self) -> None:
        self._labels: dict[int, str] = {}
        self._sampled: dict[int, str] = {}

    def question(self, function: str, args: tuple[Any, ...]) -> str:
        """`nvmlDeviceGetClockInfo(gpu0, 1)`; of GPM's metrics, whose samples they are."""
        if function == "nvmlGpmMetricsGet":
            return f"{function}({self._sampled[address(args[0].sample2)]})"
        said = [self._argument(arg) for arg in args]
        if function in SAMPLES:
            *said, _ = said if args else (None,)
        return f"{function}({', '.join(said)})"

    def learn(self, function: str, args: tuple[Any, ...], result: Any) -> None:
        """Remember the handle that was returned, or the sample that was filled."""
        if function == "nvmlDeviceGetHandleByIndex":
            self._labels[address(result)] = f"gpu{args[0]}"
        elif function == "nvmlDeviceGetMigDeviceHandleByIndex":
            self._labels[address(result)] = f"{self._labels[address(args[0])]}.mig{args[1]}"
        elif function in ("nvmlGpmSampleGet", "nvmlGpmMigSampleGet"):
            self._sampled[address(args[-1])] = self._labels[address(args[0])]

    def label(self, handle: Any) -> str:
        """The name of a handle that was returned before."""
        return self._labels[address(handle)]

    def _argument(self, value: Any) -> str:
        if isinstance(value, list):
            return "+".join(f"{field}/{scope}" for field, scope in value)
        if isinstance(value, int):
            return str(value)
        return self._labels.get(address(value), "")


def address(handle: Any) -> int:
    """Of what a ctypes pointer points at."""
    return int(ctypes.cast(handle, ctypes.c_void_p).value or 0)


def encode(spelling: Spelling, function: str, args: tuple[Any, ...], result: Any) -> Any:
    """An answer of NVML's as JSON."""
    if function in ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMigDeviceHandleByIndex"):
        return spelling.label(result)
    if function in SAMPLES:
        return None
    if function in _STRUCTURES:
        return {name: getattr(result, name) for name in _STRUCTURES[function][1]}
    if function == "nvmlDeviceGetFieldValues":
        return [_encode_field(value) for value in result]
    if function == "nvmlDeviceGetComputeRunningProcesses_v3":
        return [{"pid": one.pid, "usedGpuMemory": one.usedGpuMemory} for one in result]
    if function == "nvmlGpmMetricsGet":
        asked = args[0].metrics[: args[0].numMetrics]
        return [{"metricId": m.metricId, "nvmlReturn": m.nvmlReturn, "value": m.value} for m in asked]
    return result.decode() if isinstance(result, bytes) else result


def decode(nvml: ModuleType, function: str, args: tuple[Any, ...], answer: Any) -> Any:
    """The binding's own value of an answer; handles and GPM samples stay as they are.

    Raises:
        pynvml.NVMLError: the answer is an error.
    """
    if isinstance(answer, dict) and "error" in answer:
        raise nvml.NVMLError(getattr(nvml, answer["error"]))
    if function in _STRUCTURES:
        return getattr(nvml, _STRUCTURES[function][0])(**answer)
    if function == "nvmlDeviceGetFieldValues":
        values = (nvml.c_nvmlFieldValue_t * len(answer))()
        for value, one in zip(values, answer, strict=True):
            value.nvmlReturn, value.valueType = one["nvmlReturn"], one["valueType"]
            setattr(value.value, _MEMBERS[one["valueType"]], one["value"])
        return values
    if function == "nvmlDeviceGetComputeRunningProcesses_v3":
        return [nvml.nvmlFriendlyObject(one) for one in answer]
    if function == "nvmlGpmMetricsGet":
        told = {one["metricId"]: one for one in answer}
        for metric in args[0].metrics[: args[0].numMetrics]:
            metric.nvmlReturn, metric.value = told[metric.metricId]["nvmlReturn"], told[metric.metricId]["value"]
        return args[0]
    return answer


def error_name(nvml: ModuleType, error: Any) -> str:
    """`NVML_ERROR_NOT_SUPPORTED` of an `NVMLError`."""
    names = (name for name in dir(nvml) if name.startswith("NVML_ERROR_"))
    return next((name for name in names if getattr(nvml, name) == error.value), "NVML_ERROR_UNKNOWN")


def _encode_field(value: Any) -> dict[str, Any]:
    number = getattr(value.value, _MEMBERS[value.valueType])
    return {"nvmlReturn": value.nvmlReturn, "valueType": value.valueType, "value": number}
