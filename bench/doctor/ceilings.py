"""Ceilings from microbenchmarks: which cases to measure, and the ceilings that follow from their records.

The microbenchmarks go through Keras and the same worker, clock and checks as any model. A ceiling is therefore what a
model could reach on that backend with that backend's settings, not what another library reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.ceiling import Ceiling
from anatomy.bench.records.parity import manifest
from anatomy.bench.records.record import Record

PRODUCT, ADD, TOTAL = (f"anatomy.bench.doctor.microbenchmarks:{name}" for name in ("product", "add", "total"))
SIZES_ON_CPU = (512, 1024, 2048)
SIZES_ON_GPU = (2048, 4096, 8192)
DTYPES_ON_CPU = ("float32", "mixed_bfloat16")
DTYPES_ON_GPU = (*DTYPES_ON_CPU, "mixed_float16")
COLUMNS = 4096
# STREAM's rule: an array is four times as large as all last-level caches. It is at most this part of memory, which has
# to hold three arrays and the backend's copies. GPUs do not report their caches; known ones are below 256 MiB.
CACHES, PART_OF_MEMORY = 4, 16
SMALLEST_BYTES, ON_GPU_BYTES = 64 * 2**20, 2**30
# Number of arrays that a step reads or writes, each once.
_ARRAYS = {ADD: 3, TOTAL: 1}
_ITEM_BYTES = 4


def ceiling_cases(
    backends: Sequence[Backend], on_gpu: bool, cache_bytes: int | None = None, memory_bytes: int | None = None
) -> list[Case]:
    """The microbenchmarks: products by size and dtype, then two streams, then the smallest possible step.

    Args:
        backends: each gets the same cases.
        on_gpu: whether there is a GPU to measure.
        cache_bytes: size of all last-level caches of the CPU; `None` if unknown.
        memory_bytes: free memory of the host; `None` if unknown.
    """
    rows = _array_bytes(on_gpu, cache_bytes, memory_bytes) // (COLUMNS * _ITEM_BYTES)
    return [
        case
        for backend in backends
        for case in (
            *(
                Case(model=PRODUCT, options={"size": n}, mode="infer", backend=backend, batch_size=n, dtype=dtype)
                for dtype in (DTYPES_ON_GPU if on_gpu else DTYPES_ON_CPU)
                for n in (SIZES_ON_GPU if on_gpu else SIZES_ON_CPU)
            ),
            *(
                Case(model=model, options={"columns": COLUMNS}, mode="infer", backend=backend, batch_size=rows)
                for model in (ADD, TOTAL)
            ),
            Case(model=ADD, options={"columns": 1}, mode="infer", backend=backend, batch_size=1),
        )
    ]


def ceilings_of(records: Sequence[Record]) -> list[Ceiling]:
    """The ceilings of each backend, from the records of `ceiling_cases`; `not_measured` has the reasons of failures."""
    backends = dict.fromkeys(record.case.backend for record in records)
    return [_ceiling(backend, [r for r in records if r.case.backend == backend]) for backend in backends]


def last_level_cache_bytes(root: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """Size of all last-level caches that Linux lists, bytes; `None` if it lists none.

    A processor with several dies has a cache on each, told apart by `shared_cpu_list`:
    https://docs.kernel.org/admin-guide/abi-testing.html, under /sys/devices/system/cpu/cpu*/cache.
    """
    caches: dict[tuple[int, str], int] = {}
    for folder in root.glob("cpu[0-9]*/cache/index*"):
        with suppress(OSError):
            level, size, cpus = ((folder / name).read_text().strip() for name in ("level", "size", "shared_cpu_list"))
            caches[int(level), cpus] = int(size.rstrip("KM")) * (2**20 if size.endswith("M") else 2**10)
    last = max((level for level, _ in caches), default=0)
    return sum(size for (level, _), size in caches.items() if level == last) or None


def _array_bytes(on_gpu: bool, cache_bytes: int | None, memory_bytes: int | None) -> int:
    if on_gpu:
        return ON_GPU_BYTES
    wanted = max(SMALLEST_BYTES, CACHES * (cache_bytes or 0))
    return max(SMALLEST_BYTES, min(wanted, memory_bytes // PART_OF_MEMORY)) if memory_bytes is not None else wanted


def _ceiling(backend: str, records: Sequence[Record]) -> Ceiling:
    measured = [record for record in records if record.outcome == "ok" and record.throughput_examples_per_s]
    best: dict[str, tuple[float, int]] = {}
    for record in measured:
        if record.case.model == PRODUCT and record.counts and record.throughput_examples_per_s:
            rate = record.counts.flops * record.throughput_examples_per_s
            dtype = manifest(record.settings, record.counts).product_dtype
            best[dtype] = max(best.get(dtype, (0.0, 0)), (rate, int(record.case.options["size"])))
    streams = [bandwidth for record in measured if (bandwidth := _bandwidth(record))]
    steps = [record.step_median_s for record in measured if _smallest(record.case)]
    settings = next((record.settings for record in measured), {})
    threads = settings.get("threads_intra")
    return Ceiling(
        backend=backend,
        device=str(settings.get("device") or "unknown"),
        threads_intra=int(threads) if isinstance(threads, int) else None,
        matmul_flops_per_s={dtype: rate for dtype, (rate, _) in best.items()},
        matmul_size={dtype: size for dtype, (_, size) in best.items()},
        bandwidth_bytes_per_s=max(streams, default=None),
        dispatch_s=steps[0] if steps else None,
        versions=next((record.versions for record in measured), {}),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        not_measured=_reasons(records),
    )


def _bandwidth(record: Record) -> float | None:
    """Bytes/s of a stream, counting each of its arrays once; `None` for other microbenchmarks."""
    speed = record.throughput_examples_per_s
    if record.case.model not in _ARRAYS or _smallest(record.case) or speed is None:
        return None
    return speed * COLUMNS * _ITEM_BYTES * _ARRAYS[record.case.model]


def _smallest(case: Case) -> bool:
    return case.model == ADD and case.options["columns"] == 1


def _reasons(records: Sequence[Record]) -> dict[str, str]:
    """Figure → why none of its microbenchmarks was measured."""
    found: dict[str, list[Record]] = {}
    for record in records:
        name = record.case.dtype.removeprefix("mixed_") if record.case.model == PRODUCT else "bandwidth_bytes_per_s"
        found.setdefault("dispatch_s" if _smallest(record.case) else name, []).append(record)
    return {
        name: f"{group[-1].outcome}: {group[-1].reason}"
        for name, group in found.items()
        if all(record.outcome != "ok" for record in group)
    }
