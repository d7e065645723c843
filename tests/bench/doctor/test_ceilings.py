"""Ceilings from records of probes, real ones and made-up ones, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.doctor import ceilings
from anatomy.bench.doctor.ceilings import ADD, COLUMNS, PRODUCT, TOTAL, ceiling_cases, ceilings_of
from anatomy.bench.doctor.examine_machine import measure_ceilings
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records import ceiling_cache
from anatomy.bench.records.case import KERAS_BACKENDS, Case
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block
from anatomy.bench.runner.session import Silent
from tests.bench.conftest import Measure
from tests.marks import extended_but


def probed(case: Case, examples_per_s: float, **facts: Any) -> Record:
    counts = {
        "parameters": 0,
        "trainable_parameters": 0,
        "macs": case.options.get("size", 0) ** 2,
        "flops": 2 * case.options.get("size", 0) ** 2,
        "units": 1,
        "weight_layers": 1,
        "depth": 1,
        "input_shape": [1],
        "output_shape": [1],
        "activation_bytes": 1,
    }
    settings = {"device": "cpu", "threads_intra": 2, "dtype_policy": case.dtype, "matmul_precision": "default"}
    return Record(
        case=case,
        name="probe",
        outcome="ok",
        started_at="2026-01-31",
        settings=settings,
        counts=counts,  # type: ignore[arg-type]
        step_s=[case.batch_size / examples_per_s] * 9,
        blocks=[Block(steps=10, seconds=10 * case.batch_size / examples_per_s)] * 3,
        **facts,
    )


def test_rates_follow_from_the_definitions() -> None:
    cases = ceiling_cases(["jax"], on_gpu=False)
    speeds = {512: 100.0, 1024: 50.0, 2048: 10.0}
    records = [probed(case, speeds[case.options["size"]]) for case in cases if case.model == PRODUCT]
    records += [probed(case, 1000.0) for case in cases if case.model == TOTAL]
    records += [probed(case, 500.0) for case in cases if case.model == ADD]
    (found,) = ceilings_of(records)
    # 2·n² FLOPs an example: 1024 is the best of the three.
    assert found.matmul_flops_per_s == {"float32": 2 * 1024**2 * 50.0, "bfloat16": 2 * 1024**2 * 50.0}
    assert found.matmul_size == {"float32": 1024, "bfloat16": 1024}
    # Three arrays at 500 rows/s are more bytes than one at 1000.
    assert found.bandwidth_bytes_per_s == 3 * 4 * COLUMNS * 500.0
    assert found.dispatch_s == pytest.approx(1 / 500)
    assert (found.device, found.threads_intra, found.not_measured) == ("cpu", 2, {})


def test_what_failed_is_said() -> None:
    case = ceiling_cases(["torch"], on_gpu=False)[0]
    failed = Record(case=case, name="probe", outcome="oom", reason="too large", started_at="2026-01-31")
    (found,) = ceilings_of([failed])
    assert found.matmul_flops_per_s == {}
    assert found.not_measured == {"float32": "oom: too large"}
    assert found.bandwidth_bytes_per_s is None


def array_bytes(*machine: object) -> int:
    (stream,) = [case for case in ceiling_cases(["jax"], *machine) if case.model == TOTAL]  # type: ignore[arg-type]
    return stream.batch_size * COLUMNS * 4


MIB, GIB = 2**20, 2**30


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ((False, None, None), 64 * MIB),
        ((False, MIB, 8 * GIB), 64 * MIB),
        # Twelve dies of 32 MiB: 1.5 GiB in 256 GiB of memory, and as much as 8 GiB can bear.
        ((False, 384 * MIB, 256 * GIB), 1536 * MIB),
        ((False, 384 * MIB, 8 * GIB), 512 * MIB),
        ((False, 384 * MIB, GIB // 2), 64 * MIB),
        ((True, 32 * MIB, 8 * GIB), GIB),
    ],
)
def test_streams_leave_the_caches(machine: tuple[object, ...], expected: int) -> None:
    """On a GPU the CPU's cache is no matter."""
    assert array_bytes(*machine) == expected


def test_last_level_caches_are_added_up_once_each(tmp_path: Path) -> None:
    """As sysfs of an EPYC with two dies of two cores shows them."""
    for cpu in range(4):
        shared = {"0": str(cpu), "2": str(cpu), "3": "0-1" if cpu < 2 else "2-3"}
        for index, (level, size) in {"0": ("1", "32K"), "2": ("2", "1024K"), "3": ("3", "32768K")}.items():
            folder = tmp_path / f"cpu{cpu}" / "cache" / f"index{index}"
            folder.mkdir(parents=True)
            for name, text in {"level": level, "size": size, "shared_cpu_list": shared[index]}.items():
                (folder / name).write_text(text + "\n")
    assert ceilings.last_level_cache_bytes(tmp_path) == 64 * MIB
    assert ceilings.last_level_cache_bytes(tmp_path / "none") is None


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(KERAS_BACKENDS, "jax", "openvino"))
def test_small_probes_on_every_backend(measure: Measure, backend: Any) -> None:
    cases = [
        Case(model=PRODUCT, options={"size": 64}, mode="infer", backend=backend, batch_size=64),
        Case(model=ADD, options={"columns": 4096}, mode="infer", backend=backend, batch_size=64),
        Case(model=TOTAL, options={"columns": 4096}, mode="infer", backend=backend, batch_size=64),
        Case(model=ADD, options={"columns": 1}, mode="infer", backend=backend, batch_size=1),
    ]
    records = measure(cases)
    assert [(record.outcome, record.reason) for record in records] == [("ok", "")] * len(cases)
    assert records[0].counts is not None
    assert records[0].counts.flops == 2 * 64 * 64
    (found,) = ceilings_of(records)
    assert all(rate > 0 for rate in found.matmul_flops_per_s.values())
    assert found.bandwidth_bytes_per_s
    assert found.dispatch_s


def ceiling(backend: str, rate: float = 1.0) -> Ceiling:
    return Ceiling(backend=backend, device="cpu", matmul_flops_per_s={"float32": rate}, measured_at="2026-01-01")


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def test_kept_by_machine_and_replaced_by_backend(data_folder: Path) -> None:
    assert ceiling_cache.cached_ceilings("here") == []
    ceiling_cache.cache_ceilings("here", [ceiling("jax"), ceiling("torch")])
    path = ceiling_cache.cache_ceilings("here", [ceiling("jax", 2.0)])
    assert data_folder in path.parents
    assert ceiling_cache.cached_ceilings("here") == [ceiling("jax", 2.0), ceiling("torch")]
    assert ceiling_cache.cached_ceilings("elsewhere") == []


def test_a_damaged_file_is_named(data_folder: Path) -> None:
    path = ceiling_cache.cache_ceilings("here", [ceiling("jax")])
    path.write_text("[{]")
    with pytest.raises(UsageError, match=r"(?s)here\.json does not hold ceilings.*delete it"):
        ceiling_cache.cached_ceilings("here")


def test_a_backend_without_figures_replaces_none_that_were_kept(data_folder: Path) -> None:
    class Failing:
        environment = "here"

        def measure(self, case: Case, listener: Any) -> Record:
            return Record(case=case, name="probe", outcome="timeout", reason="too slow", started_at="2026-01-31")

    ceiling_cache.cache_ceilings("here", [ceiling("jax")])
    probes = ceiling_cases(["jax"], on_gpu=False)
    (found,) = measure_ceilings(Failing(), probes, Silent())  # type: ignore[arg-type]
    assert found.not_measured["float32"] == "timeout: too slow"
    assert ceiling_cache.cached_ceilings("here") == [ceiling("jax")]
