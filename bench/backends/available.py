"""Which backends are installed, found without importing any of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from anatomy.bench.machine.collect_environment import installed_versions
from anatomy.bench.records.case import BACKENDS, Backend, Case, Mode

# Keras on OpenVINO predicts and does not train, https://keras.io/getting_started/.
INFER_ONLY: frozenset[Backend] = frozenset({"openvino"})


@dataclass(frozen=True)
class Availability:
    """One backend on this machine. `remedy` is the command that adds it, empty when installed."""

    backend: Backend
    installed: bool
    version: str | None
    remedy: str


def availability(backend: Backend) -> Availability:
    """Look one backend up. TensorFlow is a dependency, so a missing one is repaired, not added."""
    installed = find_spec(backend) is not None
    extra = "keras-anatomy" if backend == "tensorflow" else f"'keras-anatomy[{backend}]'"
    version = installed_versions((backend,)).get(backend)
    return Availability(backend, installed, version, "" if installed else f"pip install {extra}")


def installed_backends() -> tuple[Backend, ...]:
    """The backends that can be imported here, in the fixed order of `BACKENDS`."""
    return tuple(backend for backend in BACKENDS if availability(backend).installed)


def supports(backend: Backend, mode: Mode) -> bool:
    """Whether Keras can run this mode on this backend at all."""
    return mode not in ("train", "fit") or backend not in INFER_ONLY


def unsupported_reason(case: Case) -> str | None:
    """Why this case cannot run on this machine, with the remedy; `None` if it can."""
    here = availability(case.backend)
    if not here.installed:
        return f"{case.backend} is not installed; {here.remedy}"
    if not supports(case.backend, case.mode):
        return f"Keras on {case.backend} predicts and does not train; use --mode infer or predict"
    return None
