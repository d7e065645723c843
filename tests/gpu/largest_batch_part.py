"""The largest batch that fits, found by running out of memory."""

from __future__ import annotations

from contextlib import ExitStack

from anatomy.bench import largest_batch
from anatomy.bench.api.single_case import Budgets
from tests.gpu.acceptance_result import judge, judge_word
from tests.gpu.load_process import LoadProcess
from tests.gpu.part_report import PartReport
from tests.gpu.record_listener import RecordListener
from tests.gpu.setting import Setting


def run_part(setting: Setting, report: PartReport) -> None:
    """Search on torch, whose allocator takes what it needs; another process holds most of a GPU's memory.

    JAX takes three quarters of the device at its start, which another process's memory would make fail.
    """
    budgets: Budgets = {"seconds": 0.3, "timeout_s": 30.0}
    if setting.host_limit:
        budgets["memory_limit"] = setting.host_limit
    with ExitStack() as stack:
        if not setting.stand_in:
            stack.enter_context(LoadProcess(setting.product_size, on_gpu=True)).do("leave", setting.left_bytes)
        sizes = largest_batch(
            setting.largest_model,
            backend="torch",
            mode="train",
            out=report.work / "largest",
            listener=RecordListener(lambda record: None),
            **budgets,
        )
    outcome = sizes.too_large.outcome if sizes.too_large else "none was too large"
    ended = "memory" if sizes.by_memory else outcome
    report.add(
        judge("largest batch size that fits", sizes.largest, low=1, unit="examples"),
        judge_word("what ended the search", ended, ["memory"], sizes.why),
        # On a CPU a step may run, and its peak be above the limit.
        judge_word("outcome of the next larger one", outcome, ["oom"], sizes.why).only_on_gpu(setting.stand_in),
        judge("batch sizes tried", len(sizes.tried), low=3),
    )
    peak = sizes.largest_record.peak_device_bytes if sizes.largest_record else None
    missing = sizes.largest_record.not_measured.get("peak_device_bytes", "") if sizes.largest_record else sizes.why
    # Neither half empty nor more than there was.
    report.add(
        judge(
            "its peak on the device over the free memory",
            peak / setting.left_bytes if peak is not None and setting.left_bytes else None,
            low=0.5,
            high=1.0,
            missing=missing,
        )
    )
