"""Anatomy's FLOPs beside those of XLA, TensorFlow's profiler and torch.

`docs/counting.md` has the table and why the counters differ.
"""

from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.counter_table import COUNTERS, CrossCheck, cross_check, cross_check_all
from anatomy.bench.cross_check.subject import Subject

__all__ = ["COUNTERS", "CrossCheck", "Row", "Subject", "cross_check", "cross_check_all"]
