"""CPU energy from powercap files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.telemetry.rapl import RaplReader, gained_uj
from anatomy.bench.machine.telemetry.sample_series import UnmeasurableError

RANGE_UJ = 1_000_000


def zone(root: Path, name: str, kind: str, energy_uj: int) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "name").write_text(f"{kind}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    return folder


def test_packages_count_and_neither_their_parts_nor_the_platform(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    zone(tmp_path, "intel-rapl:2", "psys", 5)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 5)
    reader = RaplReader(tmp_path, clock=lambda: 1.5)
    (first / "energy_uj").write_text("100000")
    (second / "energy_uj").write_text("250000")
    reader.read()
    (reading,) = reader.readings
    assert reading.at_s == 1.5
    # The first has begun again behind its range.
    assert reading.package_j == {"package-0": pytest.approx(0.200001), "package-1": pytest.approx(0.25)}


@given(st.integers(1, 2**40), st.lists(st.integers(0, 2**40), max_size=20), st.data())
def test_whatever_a_counter_gains_is_found(range_uj: int, gains: list[int], data: st.DataObject) -> None:
    value = data.draw(st.integers(0, range_uj))
    for gain in gains:
        small = gain % (range_uj + 1)
        after = (value + small) % (range_uj + 1)
        assert gained_uj(value, after, range_uj) == small
        value = after


def test_none_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UnmeasurableError, match="no CPU package"):
        RaplReader(tmp_path)


def test_no_permission_has_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    real = Path.read_text

    def refused(path: Path, *args: str) -> str:
        # Root may read everything, so that the kernel's refusal is played.
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args)

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(UnmeasurableError, match=r"root alone; sudo chmod a\+r"):
        RaplReader(tmp_path)


def test_a_counter_that_vanishes_is_an_error(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    reader = RaplReader(tmp_path)
    (folder / "energy_uj").unlink()
    with pytest.raises(UnmeasurableError, match="cannot be read"):
        reader.read()
