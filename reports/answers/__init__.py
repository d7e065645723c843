"""Answers in words: which backend is fastest for each model of a run, and how sure that is."""
