"""The docstring of a script: which figure, how to run it, where it was made; and the figure itself, added later."""

from __future__ import annotations

import os
import platform
import textwrap

from anatomy.bench.machine.collect_environment import cpu_name, installed_versions
from anatomy.bench.machine.telemetry.nvml_library import list_gpus
from anatomy.bench.records.case import Case
from anatomy.bench.records.case_name import case_name
from anatomy.bench.records.record import Record
from anatomy.bench.script.code_layout import WIDTH

_QUOTES = '"""'


def docstring_lines(case: Case, note: str) -> list[str]:
    """The opening of a script made in this process."""
    related = ("keras", "numpy", "jax", "jaxlib") if case.backend == "jax" else ("keras", "numpy", case.backend)
    packages = ", ".join(f"{name} {version}" for name, version in installed_versions(related).items())
    machine = ", ".join((cpu_name(), *list_gpus().names))
    text = (
        f"{case_name(case)}: examples per second and the median step, without Anatomy.",
        "",
        f"Made with Python {platform.python_version()}, {packages} on {len(os.sched_getaffinity(0))} usable cores of"
        f" {machine}. Run it alone on the machine: python {case.key}.py. {note}",
    )
    first, *rest = [line for part in text for line in textwrap.wrap(_plain(part), WIDTH - len(_QUOTES)) or [""]]
    return [_QUOTES + first, *rest, _QUOTES, ""]


def with_figure(text: str, record: Record) -> str:
    """The script with the record's figure in its docstring."""
    closing = text.index(f"\n{_QUOTES}")
    said = textwrap.fill(f"Measured {record.started_at}: {figure_of(record)}.", WIDTH)
    return f"{text[:closing]}\n{said}{text[closing:]}"


def figure_of(record: Record) -> str:
    """The figures a script prints, with their 95 % intervals where they have one."""
    if record.throughput_examples_per_s is None:
        return f"nothing ({record.outcome}: {_plain(record.reason)})"
    said = f"{record.throughput_examples_per_s:.6g} examples/s"
    if record.throughput_interval_examples_per_s:
        low, high = record.throughput_interval_examples_per_s
        said += f" (95 %: {low:.6g} to {high:.6g})"
    if record.step_median_s is None:
        return said
    said += f", median step {record.step_median_s * 1e3:.6g} ms"
    if record.step_interval_s:
        low, high = (limit * 1e3 for limit in record.step_interval_s)
        said += f" (95 %: {low:.6g} to {high:.6g})"
    return said


def _plain(text: str) -> str:
    """Text that can stand in a docstring."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
