"""The readable name of a case."""

from __future__ import annotations

from anatomy.bench.records.case import Case


def case_name(case: Case) -> str:
    """Return a name such as `vgg:depth=11 train jax b32`; fields at their defaults are left out."""
    from anatomy.models import format_model

    if case.mode == "stage":
        return f"{case.model} {case.options['network']} {case.options['stage']} {case.backend}"
    model = format_model(case.model, case.options)
    if case.mode == "count":
        return f"{model} count"
    parts = [model, case.mode, case.backend, f"b{case.batch_size}"]
    if case.dtype != "float32":
        parts.append(case.dtype)
    if case.jit != "auto":
        parts.append(f"jit={case.jit}")
    parts += [f"{path}={said}" if path else said for path, said in case.inputs.items()]
    if case.feed_name != "numpy":
        parts.append(case.feed_name)
    if case.devices > 1:
        parts.append(f"{case.devices} devices" + (f" on {case.nodes} nodes" if case.nodes > 1 else ""))
    if case.model_parallel > 1:
        parts.append(f"model over {case.model_parallel}")
    return " ".join(parts)
