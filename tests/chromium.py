"""A headless browser for the tests that look at a page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def open_chromium(profile: Path) -> Any:
    """A browser whose profile lies in that folder; the test is skipped, saying so, where there is none."""
    selenium = pytest.importorskip("selenium.webdriver", reason="the browser checks need `pip install selenium`")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("the browser checks need chromium and chromedriver (apt-get install chromium chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    browser = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    # axe looks at tens of thousands of elements: longer than the driver's 30 s where the machine is busy.
    browser.set_script_timeout(180)
    browser.command_executor.client_config.timeout = 240
    return browser
