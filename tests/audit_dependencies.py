"""Known vulnerabilities of Anatomy's dependencies, by pip-audit: `python tests/audit_dependencies.py`.

Exit status 0: none; 1: some; 3: not known, since no advisories could be had for any package.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print what was found, and end with its status."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text("\n".join(dependencies()) + "\n")
        # `--strict` would end at the first package that the service does not know, without its name in the result.
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(wanted), "--format", "json"]
        done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    status, lines = verdict(done.stdout, done.stderr)
    print("\n".join(lines))
    sys.exit(status)


def dependencies() -> list[str]:
    """What pyproject.toml asks for, without tests and tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = [one for name, ones in extras.items() if name not in ("all", "test", "dev") for one in ones]
    return sorted({*project["dependencies"], *named})


def verdict(output: str, errors: str) -> tuple[int, list[str]]:
    """Exit status and lines of what pip-audit printed."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = errors.strip().splitlines()[-1:] or ["it printed nothing"]
        return 3, [f"not audited: no advisories could be had ({last[0]})"]
    unknown = [one for one in packages if "skip_reason" in one]
    audited = [one for one in packages if "skip_reason" not in one]
    if not audited:
        why = unknown[0]["skip_reason"] if unknown else "no packages"
        return 3, [f"not audited: no advisories could be had for any of {len(packages)} packages ({why})"]
    lines = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no release'}"
        for one in audited
        for flaw in one.get("vulns", [])
    ]
    told = f"{len(lines)} vulnerabilities in {len(audited)} packages"
    missing = f"; {len(unknown)} packages have no advisories to look at" if unknown else ""
    return int(bool(lines)), [*lines, told + missing]


if __name__ == "__main__":
    main()
