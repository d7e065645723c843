"""Numbers that no measurement can give are refused by every reader of a run, with file, line and what was expected."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from anatomy.bench.measurement.measure_case import loss_facts
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import RECORDS_FILE, RUN_FILE
from tests.command import Done, anatomy
from tests.factories import make_counts, make_environment, make_record, make_run

Damage = Callable[[dict[str, Any]], None]


def put(*path: str | int, value: Any) -> Damage:
    def damage(record: dict[str, Any]) -> None:
        place: Any = record
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return damage


# JSON has it, and no float.
BEYOND = "1e999"
OF_PARTS: dict[str, Any] = {
    "series": {"label": "settled", "last_over_first": BEYOND},
    "clock": {"verdict": "agrees", "slope_s": BEYOND},
    "equality": {"verdict": "equal", "tolerance": BEYOND},
    "stage": {"losses": [0.5, BEYOND]},
    "scaled_outputs": {"scale": 0.1, "sample": [BEYOND]},
    "inputs": [{"path": "", "shape": [1], "dtype": "int32", "range": [0, BEYOND], "why": "given"}],
    "gpu": [{"index": 0, "name": "GPU", "throttle_reasons": {"idle": BEYOND}}],
}
WRONG_SECONDS = (0, -0.5, 5e-324, 1e308, float("nan"), float("inf"), "soon", None)
WRONG_COUNTS = (-1, 10**30, 1.5, float("nan"), "many")
DAMAGES: dict[str, Damage] = {
    **{f"a step of {value}": put("step_s", 2, value=value) for value in WRONG_SECONDS},
    **{f"a block of {value} s": put("blocks", 0, "seconds", value=value) for value in WRONG_SECONDS},
    **{f"a block of {value} steps": put("blocks", 0, "steps", value=value) for value in (0, *WRONG_COUNTS)},
    **{f"a peak of {value}": put("peak_host_bytes", value=value) for value in WRONG_COUNTS},
    **{f"{value} MACs": put("counts", "macs", value=value) for value in WRONG_COUNTS},
    **{f"{value} s of compilation": put("phases", "compile_s", value=value) for value in (-1, 1e308, float("-inf"))},
    **{f"{value} cores": put("cpu_cores_used", value=value) for value in (-3, float("nan"), float("inf"))},
    **{f"a batch of {value}": put("case", "batch_size", value=value) for value in (0, -1, 10**30)},
    **{f"version {value}": put("schema_version", value=value) for value in (0, -1, True, "4", None, 99)},
    "a window of no time": put("window_s", value=0),
    "steps before the first": put("warmup_steps", value=-4),
    "a repeat before the first": put("repeat", value=-1),
    "throughputs of processes": put("process_throughputs", value=[0.0, -1.0]),
    **{f"{name} beyond": put(name, value=value) for name, value in OF_PARTS.items()},
    "a loss beyond": put("loss_last", value=BEYOND),
    "an output beyond": put("output_sample", value=[0.5, BEYOND]),
    "a setting beyond": put("settings", "threads", value=BEYOND),
    "a loss as text": put("loss_first", value="nan"),
    "an output as text": put("output_sample", value=["inf", 1]),
    "medians of processes": put("process_medians_s", value=[float("nan"), 1.0]),
    "a setting that is no number": put("settings", "threads", value=float("nan")),
    "a change beyond the series": put("series", value={"label": "settled", "change_points": [10**400]}),
    "a shape of nothing": put(
        "inputs", value=[{"path": "", "shape": [10**400, -1], "dtype": "int32", "range": None, "why": "given"}]
    ),
    "no date": put("started_at", value="yesterday"),
    "a long date": put("started_at", value="9" * 100_000),
    "an outcome of its own": put("outcome", value="great"),
    "ok without figures": lambda record: record.update(step_s=[], blocks=[], process_medians_s=[]),
    "counted without counts": lambda record: (record["case"].update(mode="count"), record.update(counts=None))[0],
    "a sample that goes back": put("host_use", value={"at_s": [1, 1], "resident_bytes": [1, 1], "cpu_s": [0, 0]}),
    "columns of two lengths": put("host_use", value={"at_s": [1], "resident_bytes": [], "cpu_s": [0]}),
}


def damaged(folder: Path, line: bytes | None = None, damage: Damage | None = None) -> Path:
    """A run of two cases; the second line of its records is damaged."""
    run = make_run(folder, [make_record("mlp"), make_record("lstm", counts=make_counts(), settings={"threads": 2})])
    file = run.path / RECORDS_FILE
    first, second = file.read_bytes().splitlines()
    if damage is not None:
        record = json.loads(second)
        damage(record)
        line = json.dumps(record).replace(f'"{BEYOND}"', BEYOND).encode()
    file.write_bytes(first + b"\n" + (line or b"") + b"\n")
    return run.path


def refused(done: Done, folder: Path) -> None:
    assert done.code == 2, done
    assert f"{folder / RECORDS_FILE}, line 2 " in done.err
    assert len(done.err.splitlines()) == 1
    assert len(done.err) < 1000


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_number_is_refused(tmp_path: Path, damage: Damage) -> None:
    folder = damaged(tmp_path / "run", damage=damage)
    refused(anatomy("report", str(folder), folder=tmp_path), folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    "line",
    [b"[1]", b"null", b"true", b'"x"', b"\xff\xfe", b'{"schema_version": 4, "case": ' + b"[" * 10**5, b"{}"],
)
def test_every_reader_refuses_a_damaged_run(tmp_path: Path, line: bytes) -> None:
    make_run(tmp_path / "whole", [make_record("mlp")])
    folder = damaged(tmp_path / "run", line)
    url = f"sqlite:///{tmp_path / 'h.sqlite'}"
    for command in (
        ("report", str(folder)),
        ("compare", str(folder), "whole"),
        ("compare", "whole", str(folder)),
        ("history", "add", str(folder), "--db", url, "--project", "p"),
        ("gate", "--against", f"run:{folder}"),
        ("script", "mlp", "--run", str(folder)),
        ("run", "--resume", str(folder)),
    ):
        refused(anatomy(*command, folder=tmp_path), folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("started_at", "never"),
        ("schema_version", 0),
        ("planned", [1]),
        ("environment", None),
        ("environment", make_environment().model_dump(mode="json") | {"memory_bytes": 10**400}),
        ("environment", make_environment().model_dump(mode="json") | {"usable_cores": -1}),
        ("settings", {"memory_limit_bytes": 10**400}),
        ("settings", {"seed": 2**63}),
    ],
)
def test_a_damaged_header_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    folder = make_run(tmp_path / "run", [make_record("mlp")]).path
    header = folder / RUN_FILE
    header.write_text(json.dumps(json.loads(header.read_text()) | {name: value}))
    done = anatomy("report", str(folder), folder=tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert re.search(rf"{re.escape(str(header))} is not a run header: {name}", done.err)


@settings(deadline=None)
@given(values=st.lists(st.floats(), min_size=1))
def test_what_a_record_holds_has_finite_statistics(values: list[float]) -> None:
    try:
        record = make_record("mlp", steps=values)
    except ValidationError:
        return
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert all(0 < figure < float("inf") for figure in (record.step_median_s, record.step_p90_s) if figure is not None)


@pytest.mark.parametrize("processes", [10**400, "many", -1, 1.5])
def test_a_number_of_processes_that_is_none(tmp_path: Path, processes: Any) -> None:
    header = make_run(tmp_path / "run", [make_record("mlp")]).path / RUN_FILE
    values = json.loads(header.read_text())
    header.write_text(json.dumps(values | {"settings": values["settings"] | {"processes": processes}}))
    done = anatomy("report", str(header.parent), folder=tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "processes" in done.err


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_missing_and_says_what_it_was(loss: float) -> None:
    found = loss_facts("loss_last", loss)
    assert (found.loss_last, found.not_measured) == (None, {"loss_last": f"it was {loss}"})
    assert loss_facts("loss_last", 0.5).not_measured == {}


def test_samples_of_a_process_have_an_order() -> None:
    ((end_s, cores),) = HostUse(at_s=[0.1, 0.2], resident_bytes=[1, 2], cpu_s=[0.1, 0.3]).cores()
    assert end_s == 0.2
    assert cores == pytest.approx(2)
