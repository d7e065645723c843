"""What a backend cannot do, told apart from what crashes."""

from __future__ import annotations

import re

from anatomy.bench.errors.printable import message_of

# Keras raises a ValueError for some of what a backend lacks: "`ragged=True` is not supported with torch backend".
_LACKS = re.compile(
    r"(?:not (?:supported|available|compatible|implemented)|only (?:be used|supported|available|compatible))"
    r" (?:with|in|by|on|for) (?:the )?\w+ backend|\b\w+ backend does not support"
    # PyTorch, of a layer that assigns what its gradient needs, such as a stateful LSTM.
    r"|needed for gradient computation has been modified by an inplace operation",
    re.IGNORECASE,
)


def is_unsupported(error: BaseException) -> bool:
    """Whether an error says that the backend or Anatomy lacks what was asked for."""
    return isinstance(error, NotImplementedError) or bool(_LACKS.search(message_of(error)))
