"""TensorBoard's pages in a real browser: skipped, saying so, where there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.bench.tensorboard.conftest import Board
from tests.chromium import open_chromium

pytestmark = [pytest.mark.backends, pytest.mark.extended]

LIMIT_S = 60
# A folder to look at what the tests saw.
SCREENSHOTS = os.environ.get("ANATOMY_SCREENSHOTS")
# Everything a page shows in writing, within shadow roots and frames too.
TEXT = """
const parts = [];
const walk = (node) => {
  if (node.nodeType === Node.TEXT_NODE && !['STYLE', 'SCRIPT', 'TEMPLATE'].includes(node.parentNode?.nodeName))
    parts.push(node.textContent.trim());
  if (node.shadowRoot) walk(node.shadowRoot);
  if (node.tagName === 'IFRAME' && node.contentDocument) walk(node.contentDocument);
  node.childNodes.forEach(walk);
};
walk(document.body);
return parts.filter(Boolean).join('\\n');
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = open_chromium(tmp_path_factory.mktemp("profile"))
    opened.set_window_size(1500, 1000)
    yield opened
    opened.quit()


def visit(page: Any, address: str, shown: Callable[[list[str]], bool], name: str) -> list[str]:
    """Lines of the page, once they have what is expected."""
    from selenium.webdriver.support.ui import WebDriverWait

    page.get("about:blank")
    page.get(address)
    try:
        WebDriverWait(page, LIMIT_S).until(lambda p: shown(p.execute_script(TEXT).split("\n")))
    finally:
        if SCREENSHOTS:
            page.save_screenshot(str(Path(SCREENSHOTS, f"{name}.png")))
    return list(page.execute_script(TEXT).split("\n"))


def test_the_profile_tab_has_the_case_by_its_name(board: Board, page: Any) -> None:
    lines = visit(page, f"{board.url}/#profile", lambda lines: "Performance Summary" in lines, "profile")
    assert "Sessions (3)" in lines
    assert {f"{name}/trace" for name in board.names.values()} & set(lines)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_trace_viewer_draws_the_trace(board: Board, page: Any, backend: str) -> None:
    run = f"{board.names[backend]}/trace"
    query = urlencode({"run": run, "tag": "trace_viewer@", "host": "vm"})
    threads = {"jax": "tf_XLAPjRtCpuClient", "torch": "thread 1"}

    def drawn(lines: list[str]) -> bool:
        return any(line.startswith(threads[backend]) for line in lines)

    lines = visit(page, f"{board.url}/?{query}#profile", drawn, f"trace-viewer-{backend}")
    assert {run, "Trace Viewer"} <= set(lines)
    assert any("/host:CPU" in line for line in lines)


def test_the_hparams_tab_has_a_row_for_each_case(board: Board, page: Any) -> None:
    names = set(board.names.values())
    lines = visit(page, f"{board.url}/#hparams", lambda lines: names <= set(lines), "hparams")
    assert {"TABLE VIEW", "PARALLEL COORDINATES VIEW"} <= {line.upper() for line in lines}
    assert {"backend", "batch size", "dtype", "mode", "model", "step time (s)"} <= set(lines)
