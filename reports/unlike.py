"""Settings in effect that differ between records which a row or a mean sets side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anatomy.bench.record import Record

# Facts about the runtime or about every case of a mode, not settings that make one backend unlike another.
_NOT_SETTINGS = frozenset({"donated_buffers", "initialisers", "optimizer"})
_UNSTATED = "not stated"
# Spellings of the same: https://docs.pytorch.org/docs/stable/generated/torch.set_float32_matmul_precision.html
# and OpenVINO's element types.
_FULL_PRECISION = {"highest": "float32", "f32": "float32"}


def unlike_settings(records: Iterable[Record]) -> str:
    """The settings that differ and who has which, e.g. `jit: on (jax), off (tensorflow, torch)`.

    Empty when all agree. A setting that no more than one record states cannot differ; where two state it
    differently, those that do not state it are named as well.
    """
    measured = [record for record in records if record.outcome == "ok"]
    names = dict.fromkeys(name for record in measured for name in record.settings if name not in _NOT_SETTINGS)
    return "; ".join(filter(None, (_difference(name, measured) for name in names)))


def _difference(name: str, records: list[Record]) -> str:
    holders: dict[str, dict[str, None]] = {}
    for record in records:
        holders.setdefault(_in_words(name, record), {})[record.case.backend] = None
    if len(holders.keys() - {_UNSTATED}) < 2:
        return ""
    return f"{name}: " + ", ".join(f"{text} ({', '.join(who)})" for text, who in holders.items())


def _in_words(name: str, record: Record) -> str:
    """One spelling for what means the same on every backend."""
    value: Any = record.settings.get(name)
    if value is None:
        return _UNSTATED
    if isinstance(value, bool):
        return "on" if value else "off"
    if name.startswith("threads_") and value == 0:
        return "one a core"
    if name == "matmul_precision":
        # On a CPU, JAX's default is full precision (jax.default_matmul_precision's documentation).
        on_cpu = value == "default" and record.settings.get("device") == "cpu"
        return "float32" if on_cpu else _FULL_PRECISION.get(str(value), str(value))
    return str(value)
