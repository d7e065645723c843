"""The parity manifest: the settings that must be equal for two figures to compare nothing but their backends.

Backends name the same thing differently; a manifest has one spelling for each meaning. It is derived from the settings
in effect and the counts of a record, and so exists for older records as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import Field

from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.record_parts import Counts

Setting = bool | int | str | None

# https://docs.pytorch.org/docs/stable/generated/torch.set_float32_matmul_precision.html, names of
# https://docs.jax.dev/en/latest/_autosummary/jax.default_matmul_precision.html, and OpenVINO's element types.
_PRECISIONS = {
    "highest": "float32",
    "f32": "float32",
    "tf32": "tensorfloat32",
    "high": "tensorfloat32",
    "bf16": "bfloat16",
    "medium": "bfloat16",
    "f16": "float16",
}
# Settings that do not say how a step is computed: the initial weights, each backend's own name of data parallelism, the
# size that follows from optimizer and parameters, and the times by which a memory format was chosen.
_NOT_OF_THE_STEP = frozenset({"initialisers", "strategy", "optimizer_bytes", "memory_format_trial_s"})


class Manifest(Frozen):
    """Settings in effect in a measured case; null where the backend does not say.

    Attributes:
        jit: whether the step was compiled, as resolved (`auto` never appears here).
        matmul_precision: precision in which products of float32 are computed: `float32`, `tensorfloat32`, `bfloat16`,
            …; `default` where only the backend knows.
        tf32: whether matrix products may use TensorFloat-32; always false on a CPU, which has none.
        cudnn_tf32: whether cuDNN's convolutions and recurrent layers may use it; null also where the model has none.
        layout: layout of images, `channels_last` or `channels_first`.
        dtype_policy: Keras's dtype policy.
        threads_intra: threads within an operation; `one a core` where that was asked for.
        threads_inter: operations, or streams, that run at the same time.
        cpus: CPUs that the worker may run on, e.g. `0-3`.
        optimizer: class of the optimizer; null without training.
        donated_buffers: whether the step overwrites the state that it is given.
        parameters: parameter count of the model.
        device: `cpu`, or the GPU's name.
        further: other settings that the backend states.
    """

    jit: Setting = None
    matmul_precision: Setting = None
    tf32: Setting = None
    cudnn_tf32: Setting = None
    layout: Setting = None
    dtype_policy: Setting = None
    threads_intra: Setting = None
    threads_inter: Setting = None
    cpus: Setting = None
    optimizer: Setting = None
    donated_buffers: Setting = None
    parameters: int | None = None
    device: Setting = None
    further: dict[str, Setting] = Field(default_factory=dict)

    def items(self) -> dict[str, Setting]:
        """Return every setting by name, including the further ones."""
        named: dict[str, Setting] = {name: getattr(self, name) for name in _NAMED}
        return named | self.further

    @property
    def product_dtype(self) -> str:
        """Dtype to which the operands of products are rounded: the policy's, or a coarser one in effect.

        Where a backend leaves it open on a GPU (`default`), `tensorfloat32`, the coarsest it may choose for float32.
        """
        # Several where layers differ, as where the last one stays in float32: the coarsest decides.
        policies = {name.strip().removeprefix("mixed_") for name in str(self.dtype_policy or "").split(",")}
        for coarse in ("bfloat16", "float16"):
            if coarse in policies:
                return coarse
        if self.matmul_precision in ("bfloat16", "float16", "tensorfloat32"):
            return str(self.matmul_precision)
        open_on_gpu = self.matmul_precision == "default" and self.device not in (None, "cpu")
        allowed = self.tf32 is True or self.cudnn_tf32 is True
        return "tensorfloat32" if allowed or (open_on_gpu and self.tf32 is None) else "float32"


_NAMED = tuple(name for name in Manifest.model_fields if name != "further")


def manifest(settings: Mapping[str, Any], counts: Counts | None) -> Manifest:
    """Return the manifest of a measured case, from its settings in effect and the counts of its model."""
    stated = ((name, _plain(value)) for name, value in settings.items() if name not in _NOT_OF_THE_STEP)
    # With the type, since 1 and True are equal.
    return _manifest(
        tuple((name, value, type(value)) for name, value in stated), counts.parameters if counts is not None else None
    )


@lru_cache(maxsize=4096)
def _manifest(settings: tuple[tuple[str, Setting, type], ...], parameters: int | None) -> Manifest:
    stated = {name: value for name, value, _ in settings}
    on_cpu = stated.get("device") == "cpu"
    stated["matmul_precision"] = _precision(stated, on_cpu)
    if on_cpu:
        stated |= {name: False for name in ("tf32", "cudnn_tf32") if stated.get(name) is None}
    for name in ("threads_intra", "threads_inter"):
        # 0, unlike False, asks the library to choose, and it takes one thread per core.
        if stated.get(name) == 0 and stated[name] is not False:
            stated[name] = "one a core"
    further = {name: value for name, value in stated.items() if name not in _NAMED}
    named = {name: value for name, value in stated.items() if name in _NAMED}
    counted = {} if parameters is None else {"parameters": parameters}
    return Manifest.model_validate({**named, **counted, "further": further})


def differences(a: Manifest, b: Manifest) -> dict[str, tuple[Setting, Setting]]:
    """Return the values of `a` and `b` of every setting that both state and that differs, by name."""
    ours, theirs = a.items(), b.items()
    return {
        name: (ours[name], theirs[name])
        for name in ours
        if ours[name] is not None and theirs.get(name) is not None and ours[name] != theirs[name]
    }


def _precision(settings: Mapping[str, Setting], on_cpu: bool) -> Setting:
    stated = settings.get("matmul_precision")
    if stated != "default":
        return _PRECISIONS.get(str(stated), stated)
    # On a CPU, JAX's default is full precision; TensorFlow's on a GPU follows its switch for TF32.
    if on_cpu or settings.get("tf32") is False:
        return "float32"
    return "tensorfloat32" if settings.get("tf32") is True else stated


def _plain(value: Any) -> Setting:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
