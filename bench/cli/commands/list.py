"""`anatomy list`: models, backends, suites and devices of this machine. Imports no framework."""

from __future__ import annotations

import json as json_module
from typing import Annotated, Any

import typer


def list_(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List models, backends, suites and devices, and how to get what is missing."""
    found = inventory()
    if json:
        print(json_module.dumps(found, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    models = Table("model", "year", "defaults", "variants", title="Models", title_justify="left")
    for model in found["models"]:
        defaults = ", ".join(f"{k}={_short(v)}" for k, v in model["defaults"].items())
        models.add_row(model["name"], str(model["year"]), defaults, ", ".join(model["variants"]))
    console.print(models)
    backends = Table("backend", "version", "modes", "to add it", title="Backends", title_justify="left")
    for backend in found["backends"]:
        backends.add_row(backend["name"], backend["version"] or "–", ", ".join(backend["modes"]), backend["remedy"])
    console.print(backends)
    console.print("Suites: " + ", ".join(found["suites"]))
    devices = ", ".join(found["gpus"]) or f"no GPU ({found['gpu_reason']})"
    console.print(f"Devices: {found['cpu']}, {found['cores']} cores; {devices}")


def inventory() -> dict[str, Any]:
    """What `anatomy list --json` prints."""
    import os

    from anatomy.bench.backends.available import availability, supports
    from anatomy.bench.machine.collect_environment import cpu_name
    from anatomy.bench.machine.telemetry.nvml_library import list_gpus
    from anatomy.bench.records.case import BACKENDS
    from anatomy.bench.suites.suite import built_in_suites
    from anatomy.models import zoo

    gpus = list_gpus()
    return {
        "models": [
            {
                "name": a.name,
                "title": a.title,
                "year": a.year,
                "paper": a.paper,
                "defaults": dict(a.defaults),
                "variants": list(a.variants),
            }
            for a in zoo()
        ],
        "backends": [
            {
                "name": b.backend,
                "installed": b.installed,
                "version": b.version,
                "remedy": b.remedy,
                "modes": [m for m in ("train", "infer") if supports(b.backend, m)],
            }
            for b in map(availability, BACKENDS)
        ],
        "suites": list(built_in_suites()),
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "gpus": list(gpus.names),
        "gpu_reason": gpus.reason,
    }


def _short(value: Any) -> str:
    return "x".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)
