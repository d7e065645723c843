"""The machine, the software and the settings of each run: one fact per row, one run per column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.machine_look import busy_sentence, read_looks
from anatomy.bench.records.run_store import Run
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Column, Table, build_table

_NONE = "none"


def machine_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each fact, a column for each run."""
    facts = {item.label: _facts(item.run) for item in runs}
    names = dict.fromkeys(name for found in facts.values() for name in found)
    columns = (
        Column("fact", "fact"),
        *(Column(label, "value" if len(runs) == 1 else label, missing="not recorded") for label in facts),
    )
    rows = [{"fact": name, **{label: found.get(name) for label, found in facts.items()}} for name in names]
    return build_table(
        columns,
        rows,
        dict,
        key="machine",
        title="Machine and settings",
        caption="Where the run was made, with what, and how.",
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
        "GPUs": ", ".join(machine.gpus) or _NONE,
        "NVIDIA driver": machine.driver or _NONE,
        "operating system": machine.os,
        "Python": machine.python,
        "packages": ", ".join(f"{name} {version}" for name, version in machine.packages.items()) or None,
        "flags set": ", ".join(f"{name}={value}" for name, value in machine.flags.items()) or _NONE,
        "commit": _commit(machine.commit, machine.dirty),
        "host": machine.host,
        "other processes": _others(run),
        **_on_a_cluster(run),
        "fingerprint": machine.fingerprint,
    }


def _others(run: Run) -> str | None:
    """What else used the CPU before and after the run; `None` in runs from before that was looked at."""
    looks = read_looks(run.path)
    quiet = "none busy at the " + " and the ".join(dict.fromkeys(look.at for look in looks))
    return (busy_sentence(looks) or quiet) if looks else None


def _on_a_cluster(run: Run) -> dict[str, str]:
    """Which machines of a cluster measured how many cases, and which were lost on the way."""
    measured = Counter(record.host for record in run.records if record.host is not None)
    lost = Counter(host for record in run.records for host in record.lost_nodes)
    return {"measured on": _cases_of(measured), "lost while measuring": _cases_of(lost)} if measured or lost else {}


def _cases_of(hosts: Counter[str]) -> str:
    return ", ".join(f"{host} ({plural(cases, 'case')})" for host, cases in sorted(hosts.items())) or _NONE


def _setting(name: str) -> str:
    """The name of a setting's row: `timeout_s` → `setting timeout [s]`."""
    for suffix, unit in (("_s", "s"), ("_bytes", "bytes")):
        if name.endswith(suffix):
            return f"setting {name.removesuffix(suffix).replace('_', ' ')} [{unit}]"
    return f"setting {name.replace('_', ' ')}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _NONE if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _gibibytes(size: int | None) -> str:
    return _NONE if size is None else f"{size / 2**30:.1f} GiB"


def _commit(commit: str | None, dirty: bool | None) -> str | None:
    return f"{commit[:12]}{', with changes not committed' if dirty else ''}" if commit else None
