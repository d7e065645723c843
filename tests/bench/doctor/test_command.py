"""`anatomy doctor` as a user runs it, and the ceilings that a later run carries."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.doctor.ceilings import PRODUCT
from anatomy.bench.records.case import Case
from anatomy.bench.records.run_store import load_run
from anatomy.reports.tables import utilisation_table
from tests.command import anatomy


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.quiet
def test_a_run_after_the_doctor_has_its_ceilings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    done = anatomy("doctor", "--backend", "jax", "--processes", "2", "--json", "--out", "doctor", folder=tmp_path)
    assert done.code == 0, done.err
    found = done.result
    assert {finding["name"] for finding in found["fitness"]} >= {"load", "timer", "GPU"}
    (ceiling,) = found["ceilings"]
    assert ceiling["matmul_flops_per_s"]["float32"] > 1e9
    (noise,) = found["noise"]
    assert noise["processes"] == 2
    assert noise["variation"] >= 0

    probes = load_run(tmp_path / "doctor").records
    best = max(
        r.counts.flops * (r.throughput_examples_per_s or 0)
        for r in probes
        if r.counts and r.case.model == PRODUCT and r.case.dtype == "float32"
    )
    assert ceiling["matmul_flops_per_s"]["float32"] == pytest.approx(best)

    case = Case(model=PRODUCT, options={"size": 512}, mode="infer", backend="jax", batch_size=512)
    ran = anatomy(
        "run", f"{case.model}:size=512", "--backend", "jax", "--mode", "infer", "--batch-size", "512",
        "--seconds", "0.3", "--out", "run", folder=tmp_path,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    run = load_run(tmp_path / "run")
    assert [one.model_dump() for one in run.header.ceilings] == [ceiling]
    # A product is the ceiling itself: its own utilisation cannot be far from 1.
    from anatomy.reports.run_labels import label_runs

    (row,) = utilisation_table(label_runs([run])).frame.to_dict("records")
    assert 0.3 < row["mfu"] < 1.7


@pytest.mark.parametrize(("option", "value", "named"), [("--backend", "jaxx", "jaxx"), ("--processes", "1", "--proc")])
def test_wrong_options_are_named(tmp_path: Path, option: str, value: str, named: str) -> None:
    done = anatomy("doctor", option, value, folder=tmp_path)
    assert done.code == 2
    assert named in done.err
