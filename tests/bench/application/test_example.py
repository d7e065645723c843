"""The example of docs/application.md runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.application import word_vectors
from tests.bench.conftest import TESTS


def test_the_documented_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(word_vectors, "user_cache_path", lambda name: tmp_path / name)
    text = (TESTS.parent / "docs" / "application.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["x"].shape == (200, 1000)
    assert names["matrix"].shape == (len(names["vocabulary"].words) + 1, 50)
    assert 0 < names["known"] <= len(names["vocabulary"].words)
