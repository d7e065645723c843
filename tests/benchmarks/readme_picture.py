"""README's picture: how the committed report begins, as a browser shows it.

python -m tests.benchmarks.readme_picture [REPORT [PICTURE]]
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chromium import open_chromium

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "reports" / "examples" / "quick" / "report.html"
PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1280, 760


def main(report: Path = REPORT, picture: Path = PICTURE) -> None:
    """Take the picture, in light colours."""
    with TemporaryDirectory() as profile:
        browser = open_chromium(Path(profile))
        light = [{"name": "prefers-color-scheme", "value": "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(report.resolve().as_uri())
        browser.get_screenshot_as_file(str(picture))
        browser.quit()
    print(picture)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
