"""Which backends are installed, found without importing any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from anatomy.bench.machine.collect_environment import installed_versions
from anatomy.bench.records.case import KERAS_BACKENDS, LOOPS, Backend, Case, KerasBackend, Mode, keras_backend

# Keras on OpenVINO predicts and does not train, https://keras.io/getting_started/; nor does ONNX Runtime.
INFER_ONLY: frozenset[Backend] = frozenset({"openvino", "onnxruntime"})
# Backend → the packages that it needs beyond its Keras backend's, and the extra that brings them.
_FURTHER: Mapping[Backend, tuple[tuple[str, ...], str]] = {
    "onnxruntime": (("onnxruntime", "onnx", "onnxscript"), "export"),
}


@dataclass(frozen=True)
class Availability:
    """One backend on this machine. `remedy` is the command that adds it, empty when installed."""

    backend: Backend
    installed: bool
    version: str | None
    remedy: str


def availability(backend: Backend) -> Availability:
    """Look one backend up. TensorFlow is a dependency, so a missing one is repaired, not added."""
    framework = keras_backend(backend)
    further, extra = _FURTHER.get(backend, ((), ""))
    extras = [name for name in (framework if framework != "tensorflow" else "", extra) if name]
    installed = all(find_spec(package) is not None for package in (framework, *further))
    package = f"'keras-anatomy[{','.join(extras)}]'" if extras else "keras-anatomy"
    shown = further[0] if further else framework
    return Availability(
        backend, installed, installed_versions((shown,)).get(shown), "" if installed else f"pip install {package}"
    )


def installed_backends() -> tuple[KerasBackend, ...]:
    """The Keras backends that can be imported here, in the fixed order of `KERAS_BACKENDS`."""
    return tuple(backend for backend in KERAS_BACKENDS if availability(backend).installed)


def supports(backend: Backend, mode: Mode) -> bool:
    """Whether this mode can run on this backend at all."""
    if mode in LOOPS and backend not in KERAS_BACKENDS:
        return False
    return mode not in ("train", "fit") or backend not in INFER_ONLY


def unsupported_reason(case: Case) -> str | None:
    """Why this case cannot run on this machine, with the remedy; `None` if it can."""
    here = availability(case.backend)
    if not here.installed:
        return f"{case.backend} is not installed; {here.remedy}"
    if case.native and case.mode in LOOPS:
        return f"{case.mode} is Keras's own loop, and {case.backend} runs without Keras; use --mode train or infer"
    if case.native and case.devices > 1:
        return f"{case.backend} is measured on one device; leave --devices out"
    if case.native and case.dtype != "float32":
        return f"{case.backend} computes in float32 alone so far; leave --dtype out"
    if not supports(case.backend, case.mode):
        keras = "ONNX Runtime" if case.backend == "onnxruntime" else f"Keras on {case.backend}"
        return f"{keras} predicts and does not train; use --mode infer{'' if case.native else ' or predict'}"
    return None
