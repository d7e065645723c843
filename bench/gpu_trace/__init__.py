"""Recorded traces of GPUs, from whichever profiler: what each device did, when, and why it waited."""
