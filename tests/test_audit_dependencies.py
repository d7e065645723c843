"""What is said of pip-audit's findings, and of their absence."""

from __future__ import annotations

import json

import pytest

from tests.audit_dependencies import dependencies, verdict

CLEAN = {"name": "numpy", "version": "2.0", "vulns": []}
FLAWED = {"name": "jinja2", "version": "3.1.4", "vulns": [{"id": "CVE-2024-56326", "fix_versions": ["3.1.5"]}]}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI"}


def found(*packages: object) -> str:
    return json.dumps({"dependencies": list(packages)})


def test_nothing_found() -> None:
    assert verdict(found(CLEAN), "") == (0, ["0 vulnerabilities in 1 packages"])


def test_a_vulnerability_is_named() -> None:
    status, lines = verdict(found(CLEAN, FLAWED, UNKNOWN), "")
    assert status == 1
    assert lines[0] == "jinja2 3.1.4: CVE-2024-56326, mended in 3.1.5"
    assert lines[1] == "1 vulnerabilities in 2 packages; 1 packages have no advisories to look at"


@pytest.mark.parametrize("output", ["", "[]", "null", "{", found(), found(UNKNOWN)])
def test_without_advisories_nothing_is_promised(output: str) -> None:
    status, lines = verdict(output, "ConnectionError: pypi.org\n")
    assert status == 3
    assert lines[0].startswith("not audited: no advisories could be had")


def test_what_users_install_is_audited() -> None:
    names = dependencies()
    assert any(name.startswith("tensorflow") for name in names)
    assert any(name.startswith("torch") for name in names)
    assert not any(name.startswith(("ruff", "selenium")) for name in names)
