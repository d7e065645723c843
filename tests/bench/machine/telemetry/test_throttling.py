"""Reasons by name, and which do harm."""

from __future__ import annotations

import pynvml
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.telemetry.throttling import HARMLESS, REASONS, harmful_reasons


def test_names_are_nvmls() -> None:
    for bit, name in REASONS.items():
        known = [getattr(pynvml, f"nvmlClocks{kind}Reason{name}", bit) for kind in ("Event", "Throttle")]
        assert known == [bit, bit]
        assert hasattr(pynvml, f"nvmlClocksThrottleReason{name}")


def test_harm() -> None:
    assert harmful_reasons(0x1 | 0x2) == []
    assert harmful_reasons(0x1 | 0x4 | 0x40) == ["SwPowerCap", "HwThermalSlowdown"]
    assert harmful_reasons(1 << 20) == ["unknown 0x100000"]


@given(st.integers(0, 2**64 - 1))
def test_every_bit_that_is_not_harmless_is_named(bits: int) -> None:
    harmless = sum(bit for bit, name in REASONS.items() if name in HARMLESS)
    assert len(harmful_reasons(bits)) == (bits & ~harmless).bit_count()
