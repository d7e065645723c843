"""Reports of the history: trends in words, as data and as a page."""

from anatomy.reports.history.history_page import render_history
from anatomy.reports.history.trend_words import change_words, trend_data

__all__ = ["change_words", "render_history", "trend_data"]
