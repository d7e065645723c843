"""What the parts measure: on a GPU, and in a stand-in on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anatomy.bench.records.case import Backend

STAND_INS = Path(__file__).parent / "stand_in_models.py"
BACKENDS: tuple[Backend, ...] = ("torch", "jax")


@dataclass(frozen=True)
class Setting:
    """Sizes and lengths of all parts.

    Attributes:
        stand_in: whether NVML's answers are recorded ones and everything runs on the CPU.
        product_size: n of the known load's products, 2·n³ FLOPs each.
        load_s: seconds that the known load computes.
        held_bytes: memory that the known load holds; the second of two processes holds twice as much.
        fault_batch: batch size of the planted cases, large enough for a step of about a millisecond.
        fault_backends: backends on which they are measured.
        fault_s: longest measured window of such a case.
        ceiling_backends: backends whose ceilings are measured.
        models: architectures that are measured, as on the command line.
        batch_sizes: batch sizes in which the best one is searched; the first is measured first for every model.
        model_s: longest measured window of a model.
        traced_model, traced_batch: case that is traced.
        profiled_models, profiled_batch: cases that are profiled, in training.
        largest_model: case whose largest batch is searched, in training on torch.
        left_bytes: memory of the GPU that is left to this search; another process holds the rest.
        host_limit: memory limit of the search on the CPU; `None` on a GPU, which has its own.
    """

    stand_in: bool
    product_size: int
    load_s: float
    held_bytes: int
    fault_batch: int
    fault_backends: tuple[Backend, ...]
    fault_s: float
    ceiling_backends: tuple[Backend, ...]
    models: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    model_s: float
    traced_model: str
    traced_batch: int
    profiled_models: tuple[str, ...]
    profiled_batch: int
    largest_model: str
    left_bytes: int
    host_limit: str | None


ON_GPU = Setting(
    stand_in=False,
    product_size=8192,
    load_s=5.0,
    held_bytes=4 * 2**30,
    fault_batch=32768,
    fault_backends=BACKENDS,
    fault_s=1.0,
    ceiling_backends=BACKENDS,
    models=("vgg:depth=16", "resnet:depth=50"),
    batch_sizes=(128, 256, 64),
    model_s=1.0,
    traced_model="vgg:depth=11,classes=10,input_shape=32x32x3",
    traced_batch=64,
    profiled_models=("vgg:depth=16", "resnet:depth=50"),
    profiled_batch=64,
    largest_model="resnet:depth=50",
    left_bytes=3 * 2**30,
    host_limit=None,
)
ON_CPU = Setting(
    stand_in=True,
    product_size=512,
    load_s=1.5,
    held_bytes=64 * 2**20,
    fault_batch=64,
    fault_backends=("jax",),
    fault_s=0.3,
    ceiling_backends=("jax",),
    models=(f"{STAND_INS}:classifier",),
    batch_sizes=(64, 128),
    model_s=0.2,
    traced_model=f"{STAND_INS}:classifier",
    traced_batch=16,
    profiled_models=(f"{STAND_INS}:classifier",),
    profiled_batch=16,
    largest_model=f"{STAND_INS}:wide_input",
    left_bytes=0,
    host_limit="700MiB",
)
