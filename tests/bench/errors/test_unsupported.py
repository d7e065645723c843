"""What a backend lacks is told apart from what crashes."""

import pytest

from anatomy.bench.errors.unsupported import is_unsupported


@pytest.mark.parametrize(
    ("error", "unsupported"),
    [
        (NotImplementedError(), True),
        (ValueError("`ragged=True` is not supported with torch backend"), True),
        (ValueError("`sparse=True` can only be used with the TensorFlow backend."), True),
        (ValueError("`fit` is not supported with openvino backend"), True),
        (TypeError("OpenVINO backend does not support boolean indexing"), True),
        (ValueError("NASNetMobile is not available with the torch backend at this time due to a bug"), True),
        (ValueError("shapes (3,) and (4,) not supported"), False),
        (RuntimeError("no backend"), False),
    ],
)
def test_it_is_told_by_class_and_by_kerass_words(error: Exception, unsupported: bool) -> None:
    assert is_unsupported(error) is unsupported


@pytest.mark.parametrize("text", ["x" * 10**6, "word " * 10**5, "x backend " * 10**5, "not supported with " * 10**5])
def test_a_long_message_is_searched_once(text: str) -> None:
    """Not once from each of its characters: that would take hours."""
    assert not is_unsupported(RuntimeError(text))
