"""Packages that a file of tests imports when a test first uses them, not while tests are collected."""

from __future__ import annotations

from typing import Any

import pytest


class WhenUsed:
    """A module, imported by the first look at an attribute of it; the test is skipped where it is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "_mock_name" or attribute.startswith("__"):
            # So pytest asks of everything in a file of tests whether it wraps a fixture.
            raise AttributeError(attribute)
        return getattr(pytest.importorskip(self._name), attribute)
