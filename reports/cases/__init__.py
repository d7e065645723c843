"""A page for each case: its raw series, both clocks, every figure and setting, and where else it was measured."""

from anatomy.reports.cases.case_page import case_pages

__all__ = ["case_pages"]
