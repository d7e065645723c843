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
WIDTH, HEIGHT = 1280, 690
# The answer that is shown; the page begins with the run's first.
CHOSEN = "unet"
_CHOOSE = (
    "const choice = document.getElementById('answer-choice');"
    "choice.selectedIndex = [...choice.options].findIndex((option) => option.text.startsWith(arguments[0]));"
    "choice.dispatchEvent(new Event('change'));"
)


def main(report: Path = REPORT, picture: Path = PICTURE) -> None:
    """Take the picture, in light colours."""
    with TemporaryDirectory() as profile:
        browser = open_chromium(Path(profile))
        light = [{"name": "prefers-color-scheme", "value": "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        browser.get(report.resolve().as_uri())
        browser.execute_script(_CHOOSE, CHOSEN)
        browser.get_screenshot_as_file(str(picture))
        browser.quit()
    print(picture)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
