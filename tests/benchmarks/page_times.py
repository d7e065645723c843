"""How large pages are, and how soon a browser shows them.

python -m tests.benchmarks.page_times [PAGE…]     by default the committed examples
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.chromium import open_chromium

ROOT = Path(__file__).parents[2]
OPENINGS = 3
# The paint is reported a little after the page has loaded.
_TIMES = """
const done = arguments[0];
const look = () => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  if (!paint) { setTimeout(look, 20); return; }
  const [navigation] = performance.getEntriesByType("navigation");
  done([paint.startTime, navigation.loadEventEnd, document.documentElement.scrollHeight]);
};
look();
"""


class Opening(NamedTuple):
    """Milliseconds until a fresh browser has painted something and loaded all, and the height of the page in px."""

    first_paint: float
    load: float
    height: float


def open_page(page: Path) -> Opening:
    """Open a page in a browser without a cache."""
    with TemporaryDirectory() as profile:
        browser = open_chromium(Path(profile))
        browser.get(page.resolve().as_uri())
        found = Opening(*browser.execute_async_script(_TIMES))
        browser.quit()
    return found


def main(pages: list[Path]) -> None:
    print("page                                      kB   first paint [ms]   load [ms]   height [px]")
    for page in pages:
        openings = [open_page(page) for _ in range(OPENINGS)]
        paint, load, height = (median(values) for values in zip(*openings, strict=True))
        name = page.resolve().relative_to(ROOT) if page.resolve().is_relative_to(ROOT) else page
        print(f"{name!s:<38} {page.stat().st_size / 1e3:>6,.0f}   {paint:>16,.0f} {load:>11,.0f} {height:>13,.0f}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted(ROOT.glob("reports/examples/*/report.html")))
