"""Anatomy's FLOPs beside those of XLA, TensorFlow's profiler and torch, and why they differ.

`docs/counting.md` has the table and what each line means.
"""

from anatomy.bench.cross_check.counter_rows import Row, Term
from anatomy.bench.cross_check.counter_table import COUNTERS, CrossCheck, cross_check, cross_check_all
from anatomy.bench.cross_check.subject import Subject

__all__ = ["COUNTERS", "CrossCheck", "Row", "Subject", "Term", "cross_check", "cross_check_all"]
