"""Reasons for which a GPU's clock is held down (NVML's clock event reasons), and which of them spoil a figure.

https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html. Drivers before CUDA 12.2 call them
throttle reasons; the bits are the same.
"""

from __future__ import annotations

# An idle GPU, or a clock that somebody has set, does not spoil a figure.
HARMLESS = frozenset({"GpuIdle", "ApplicationsClocksSetting", "SyncBoost", "DisplayClockSetting"})
REASONS = {
    0x1: "GpuIdle",
    0x2: "ApplicationsClocksSetting",
    0x4: "SwPowerCap",
    0x8: "HwSlowdown",
    0x10: "SyncBoost",
    0x20: "SwThermalSlowdown",
    0x40: "HwThermalSlowdown",
    0x80: "HwPowerBrakeSlowdown",
    0x100: "DisplayClockSetting",
    0x200: "BoardLimit",
    0x400: "Reliability",
}


def harmful_reasons(bits: int) -> list[str]:
    """Names of the reasons in a bit mask that spoil a figure; an unknown bit counts as one."""
    set_bits = [1 << place for place in range(bits.bit_length()) if bits >> place & 1]
    names = [REASONS.get(bit, f"unknown {bit:#x}") for bit in set_bits]
    return [name for name in names if name not in HARMLESS]
