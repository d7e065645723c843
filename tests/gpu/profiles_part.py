"""VGG-16 and ResNet-50 in training, time by layer: it adds up, and every layer with FLOPs has its time."""

from __future__ import annotations

import time
from itertools import product

from anatomy.bench import profile
from anatomy.bench.records.case_profile import LayerTime, Profile
from tests.gpu.acceptance_result import Figure, impossible, judge, judge_word
from tests.gpu.models_part import DTYPE
from tests.gpu.part_report import PartReport
from tests.gpu.setting import BACKENDS, Setting

# A ceiling is the best square product; a convolution of another shape may come out a little above.
LEAST_OF_CEILING, MOST_OF_CEILING = 0.01, 1.2
LEAST_ON_TENSOR_CORES = 0.5
# A backend starts, compiles the step, measures it and profiles it at least this long; a worker may take the other.
FIRST_CASE_S, LONGEST_S = 20.0, 60.0
TOO_LATE = "the time of this part does not suffice"
NO_KERNEL_SAYS = "no kernel's name says whether it uses tensor cores"


def run_part(setting: Setting, report: PartReport) -> None:
    """Profile each model on each backend, as far as the time suffices."""
    took_s: dict[str, float] = {}
    for model, backend in product(setting.profiled_models, BACKENDS):
        name = f"{backend} {model.rpartition('/')[2]}"
        # Another model takes a backend about as long as the one before.
        if report.left_s() < took_s.get(backend, FIRST_CASE_S):
            report.add(impossible(f"{name}: outcome", "ok", TOO_LATE))
            continue
        # It is measured, then profiled, each within the timeout.
        timeout_s = min(LONGEST_S, report.left_s() / 2)
        start_s = time.perf_counter()
        found = profile(
            model,
            mode="train",
            backend=backend,
            batch_size=setting.profiled_batch,
            dtype=DTYPE,
            # Torch's compiled steps name no layers.
            jit="off" if backend == "torch" else "on",
            seconds=0.3,
            timeout_s=timeout_s,
            out=report.work / f"{backend}-{setting.profiled_models.index(model)}",
        )
        took_s[backend] = time.perf_counter() - start_s
        if found.outcome == "timeout" and timeout_s < LONGEST_S:
            report.add(impossible(f"{name}: outcome", "ok", TOO_LATE, found.outcome))
            continue
        report.add(*profile_figures(name, found, setting.stand_in))


def profile_figures(name: str, found: Profile, stand_in: bool = False) -> list[Figure]:
    """What a profile must be, whatever the device; and what only a GPU's has."""
    if found.outcome == "unsupported":
        return [impossible(f"{name}: outcome", "ok", found.reason, found.outcome)]
    outcome = judge_word(f"{name}: outcome", found.outcome, ["ok"], found.reason)
    if found.outcome != "ok" or found.gaps is None:
        return [outcome]
    gaps = found.gaps
    counted = [layer for layer in found.layers if layer.flops]
    backward = sum(layer.backward > 0 for layer in counted) / len(counted) if counted else None
    return [
        outcome,
        judge(f"{name}: parts over the step", gaps.sum / gaps.step, low=0.9, high=1.1),
        judge(
            f"{name}: layers over the device time",
            found.device_time / (gaps.device_compute + gaps.communication),
            low=0.95,
            high=1.05,
        ),
        judge(f"{name}: unattributed share", found.unattributed_share, low=0, high=0.1),
        judge(f"{name}: FLOPs of the layers with time", _flops_share(found), low=0.95, high=1.001),
        judge(f"{name}: layers with a backward pass", backward, low=0.95, high=1),
        *(figure.only_on_gpu(stand_in) for figure in _of_gpu(name, found, counted)),
    ]


def _flops_share(found: Profile) -> float:
    return sum(layer.flops_share or 0 for layer in found.layers if layer.time > 0)


def _of_gpu(name: str, found: Profile, counted: list[LayerTime]) -> list[Figure]:
    assert found.gaps is not None
    waiting = found.gaps.input_wait + found.gaps.host_dispatch + found.gaps.idle
    causes = sum(found.idle_causes.values()) / waiting if found.idle_causes and waiting else None
    reached = [layer.ceiling_share for layer in counted if layer.ceiling_share is not None]
    said = [layer for layer in counted if layer.tensor_core_share is not None]
    time_s = sum(layer.time for layer in said)
    on_tensor_cores = sum((layer.tensor_core_share or 0) * layer.time for layer in said)
    return [
        judge(f"{name}: idle causes over the time without work", causes, low=0.99, high=1.01),
        judge(
            f"{name}: highest share of the ceiling",
            max(reached, default=None),
            low=LEAST_OF_CEILING,
            high=MOST_OF_CEILING,
            missing=found.not_measured.get("ceiling_share", ""),
        ),
        judge(
            f"{name}: share of products on tensor cores",
            on_tensor_cores / time_s if time_s else None,
            low=LEAST_ON_TENSOR_CORES,
            high=1,
            missing=NO_KERNEL_SAYS,
        ),
    ]
