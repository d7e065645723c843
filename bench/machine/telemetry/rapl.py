"""Energy of the CPU packages through the kernel's powercap files (RAPL; Intel, and AMD from Zen on).

https://www.kernel.org/doc/html/latest/power/powercap/powercap.html. The counters cover everything that runs on the
machine, not one process, and exclude memory modules.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from anatomy.bench.machine.telemetry.sample_series import CpuReading, UnmeasurableError

POWERCAP = Path("/sys/class/powercap")
MICRO = 1e-6


class RaplReader:
    """Read the energy counters of all CPU packages; `readings` grows with each `read`.

    Args:
        root: the folder of the powercap files.

    Raises:
        UnmeasurableError: there is no package, or its energy may not be read.
    """

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        # A package's parts are nested zones; `psys` is beside the packages and includes them.
        zones = {_name(zone): zone for zone in sorted(root.glob("intel-rapl:*")) if zone.name.count(":") == 1}
        self._zones = {name: zone for name, zone in zones.items() if name.startswith("package")}
        if not self._zones:
            raise UnmeasurableError(f"{root} has no CPU package: no RAPL, or a virtual machine that hides it")
        self._range_uj = {name: _microjoules(zone, "max_energy_range_uj") for name, zone in self._zones.items()}
        self._last_uj = {name: _microjoules(zone, "energy_uj") for name, zone in self._zones.items()}
        self._total_uj = dict.fromkeys(self._zones, 0)
        self.readings: list[CpuReading] = []

    def read(self) -> None:
        """Append one reading of every package.

        Raises:
            UnmeasurableError: a counter can no longer be read.
        """
        at_s = self._clock()
        for name, zone in self._zones.items():
            now_uj = _microjoules(zone, "energy_uj")
            self._total_uj[name] += gained_uj(self._last_uj[name], now_uj, self._range_uj[name])
            self._last_uj[name] = now_uj
        self.readings.append(CpuReading(at_s, {name: total * MICRO for name, total in self._total_uj.items()}))


def gained_uj(before: int, after: int, range_uj: int) -> int:
    """Gain of a counter that wraps to 0 after `range_uj`; right if it wrapped at most once between the readings."""
    return after - before if after >= before else after - before + range_uj + 1


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text().strip()
    except OSError:
        return ""


def _microjoules(zone: Path, file: str) -> int:
    try:
        return int((zone / file).read_text())
    except PermissionError as error:
        raise UnmeasurableError(
            f"{zone / file} may be read by root alone; sudo chmod a+r {zone.parent}/intel-rapl:*/energy_uj until the"
            " next boot, or run as root"
        ) from error
    except (OSError, ValueError) as error:
        raise UnmeasurableError(f"{zone / file} cannot be read: {error}") from error
