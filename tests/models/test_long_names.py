"""Names that no file system takes are unknown models, in a sentence."""

from __future__ import annotations

import pytest

from anatomy.models import parse_model, require_model

LONG = "a" * 300


@pytest.mark.parametrize(
    "text",
    [LONG, f"{LONG}:f", f"./{LONG}.keras", f"./{LONG}.py:f", f"{LONG}.{LONG}", f"x/{LONG}/", f"{LONG}.h5", "a/" * 3000],
)
def test_a_name_that_is_too_long_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="a"):
        require_model(parse_model(text).model)
