"""The machine, the software and the settings of each run: a row a fact, a column a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.run_store import Run
from anatomy.reports.number_words import count
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Column, Table, make_frame

_GIBI = 2**30
NONE = "none"


def machine_table(runs: Sequence[LabelledRun]) -> Table:
    """What each run was made with."""
    facts = {item.label: _facts(item.run) for item in runs}
    names = dict.fromkeys(name for found in facts.values() for name in found)
    columns = (
        Column("fact", "fact"),
        *(Column(label, "value" if len(runs) == 1 else label, missing="not recorded") for label in facts),
    )
    rows = [{"fact": name, **{label: found.get(name) for label, found in facts.items()}} for name in names]
    return Table(
        key="machine",
        title="Machine and settings",
        caption="Where the run was made, with what, and how.",
        columns=columns,
        frame=make_frame(rows, columns),
        notes=(
            "Runs whose fingerprints differ were made on unlike machines or software: their times are not comparable.",
        ),
    )


def _facts(run: Run) -> dict[str, str | None]:
    header, machine = run.header, run.header.environment
    return {
        "run": header.id,
        "started": header.started_at,
        "command": " ".join(header.command),
        "suite": header.suite,
        **{_setting(name): _value(value) for name, value in header.settings.items()},
        "CPU": machine.cpu,
        "cores": f"{machine.usable_cores} usable of {machine.logical_cores} logical",
        "memory": _gibibytes(machine.memory_bytes),
        "memory limit": _gibibytes(machine.memory_limit_bytes),
        "GPUs": ", ".join(machine.gpus) or NONE,
        "NVIDIA driver": machine.driver or NONE,
        "operating system": machine.os,
        "Python": machine.python,
        "packages": ", ".join(f"{name} {version}" for name, version in machine.packages.items()) or None,
        "flags set": ", ".join(f"{name}={value}" for name, value in machine.flags.items()) or NONE,
        "commit": _commit(machine.commit, machine.dirty),
        "host": machine.host,
        **_on_a_cluster(run),
        "fingerprint": machine.fingerprint,
    }


def _on_a_cluster(run: Run) -> dict[str, str]:
    """Which machine has measured how much, and which were lost on the way."""
    measured = Counter(record.host for record in run.records if record.host is not None)
    lost = Counter(host for record in run.records for host in record.lost_nodes)
    return {"measured on": _cases_of(measured), "lost while measuring": _cases_of(lost)} if measured or lost else {}


def _cases_of(hosts: Counter[str]) -> str:
    return ", ".join(f"{host} ({count(cases, 'case')})" for host, cases in sorted(hosts.items())) or NONE


def _setting(name: str) -> str:
    """`timeout_s` → `setting timeout [s]`."""
    for suffix, unit in (("_s", "s"), ("_bytes", "bytes")):
        if name.endswith(suffix):
            return f"setting {name.removesuffix(suffix).replace('_', ' ')} [{unit}]"
    return f"setting {name.replace('_', ' ')}"


def _value(value: Any) -> str:
    return NONE if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _gibibytes(size: int | None) -> str:
    return NONE if size is None else f"{size / _GIBI:.1f} GiB"


def _commit(commit: str | None, dirty: bool | None) -> str | None:
    return f"{commit[:12]}{', with changes not committed' if dirty else ''}" if commit else None
