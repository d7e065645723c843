"""The folder for a machine without a network: what goes into it, and what says that something is missing."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from tests.gpu import requirements_check
from tests.gpu.make_kit import copy_program, older_platforms, our_requirements
from tests.gpu.requirements_check import missing_distributions, name_of


def test_wheels_for_an_older_glibc_are_taken_and_for_a_newer_one_are_not() -> None:
    platforms = older_platforms("manylinux_2_28_aarch64")
    assert platforms[0] == "manylinux_2_28_aarch64"
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64"} <= set(platforms)
    assert not any("2_29" in one or "x86_64" in one for one in platforms)


@pytest.mark.parametrize("platform", ["linux_x86_64", "manylinux_2_28", "manylinux2014_x86_64", "manylinux_2_x_arm"])
def test_another_platform_is_refused(platform: str) -> None:
    with pytest.raises(ValueError, match=r"expected manylinux_2_N_ARCHITECTURE"):
        older_platforms(platform)


def test_all_our_requirements_but_those_that_are_left_out_are_in_the_folder() -> None:
    names = {name_of(one) for one in our_requirements()}
    assert names.isdisjoint(requirements_check.LEFT_OUT)
    assert {"keras", "pydantic", "nvidia-ml-py"} <= names


def test_the_program_is_copied_without_its_tests(tmp_path: Path) -> None:
    copy_program(tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"tests/__init__.py", "tests/gpu/acceptance.py", "tests/data/nvml/h100.json"} <= files
    assert "tests/bench/machine/telemetry/__init__.py" in files
    assert not any(Path(file).name.startswith("test_") for file in files)


# Of an extra, and of another Python.
_NOT_HERE = ["ray>=2; extra == 'cluster'", "absent; python_version < '3'"]


class Installed:
    """Distributions by name: version and requirements."""

    def __init__(self, **distributions: tuple[str, list[str]]) -> None:
        self.known = {name.replace("_", "-"): held for name, held in distributions.items()}

    def version(self, name: str) -> str:
        if name not in self.known:
            raise metadata.PackageNotFoundError(name)
        return self.known[name][0]

    def requires(self, name: str) -> list[str]:
        return self.known[name][1]


def test_what_is_missing_or_too_old_is_named_with_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Installed(
        packaging=("26.0", []),
        keras_anatomy=(
            "0.1",
            ["keras>=3.15", "tensorflow>=2.21", "ray>=2; extra == 'cluster'", "absent; python_version < '3'"],
        ),
        keras=("3.14", ["namex"]),
        torch=("2.8+cu128", ["sympy"]),
    )
    monkeypatch.setattr(metadata, "version", installed.version)
    monkeypatch.setattr(metadata, "requires", installed.requires)
    assert missing_distributions() == [
        "jax is not installed (needed by the acceptance)",
        "keras>=3.15: 3.14 is installed (needed by keras-anatomy)",
    ]
    installed.known["keras"] = ("3.15.1", ["namex"])
    installed.known["jax"] = ("0.9", [])
    assert missing_distributions() == ["namex is not installed (needed by keras)"]
    installed.known["namex"] = ("0.1", ["keras"])
    assert missing_distributions() == []
    del installed.known["packaging"]
    assert missing_distributions() == ["packaging (needed to read what the others need)"]
