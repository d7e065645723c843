"""Energy of the CPU packages through the kernel's powercap files (RAPL; Intel, and AMD from Zen on).

https://www.kernel.org/doc/html/latest/power/powercap/powercap.html. It is all of the machine's work, not a process's,
and memory modules are not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from anatomy.bench.machine.telemetry.sample_series import CpuReading

POWERCAP = Path("/sys/class/powercap")
MICRO = 1e-6


class RaplError(RuntimeError):
    """The energy cannot be read; the message says why and what to do."""


class RaplReader:
    """The series of all packages, which grows with each `read`.

    Args:
        root: the folder of the powercap files.

    Raises:
        RaplError: there is no package, or its energy may not be read.
    """

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        # Zones of a package are below it; `psys` beside it has the packages in it.
        zones = {_name(zone): zone for zone in sorted(root.glob("intel-rapl:*")) if zone.name.count(":") == 1}
        self._zones = {name: zone for name, zone in zones.items() if name.startswith("package")}
        if not self._zones:
            raise RaplError(f"{root} has no CPU package: no RAPL, or a virtual machine that does not pass it on")
        self._range_uj = {name: _microjoules(zone, "max_energy_range_uj") for name, zone in self._zones.items()}
        self._last_uj = {name: _microjoules(zone, "energy_uj") for name, zone in self._zones.items()}
        self._total_uj = dict.fromkeys(self._zones, 0)
        self.readings: list[CpuReading] = []

    def read(self) -> None:
        """One reading of every package.

        Raises:
            RaplError: a counter cannot be read any more.
        """
        at_s = self._clock()
        for name, zone in self._zones.items():
            now_uj = _microjoules(zone, "energy_uj")
            self._total_uj[name] += gained_uj(self._last_uj[name], now_uj, self._range_uj[name])
            self._last_uj[name] = now_uj
        self.readings.append(CpuReading(at_s, {name: total * MICRO for name, total in self._total_uj.items()}))


def gained_uj(before: int, after: int, range_uj: int) -> int:
    """What a counter gained that starts again from 0 behind `range_uj`; it must be read once a round at least."""
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
        raise RaplError(
            f"{zone / file} may be read by root alone; sudo chmod a+r {zone.parent}/intel-rapl:*/energy_uj until the"
            " next boot, or run as root"
        ) from error
    except (OSError, ValueError) as error:
        raise RaplError(f"{zone / file} cannot be read: {error}") from error
