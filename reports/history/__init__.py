"""Trends of the history in words, as data and as an HTML page."""

from anatomy.reports.history.history_page import render_history
from anatomy.reports.history.trend_words import trend_sentences, trend_to_dict

__all__ = ["render_history", "trend_sentences", "trend_to_dict"]
