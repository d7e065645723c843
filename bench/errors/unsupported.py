"""What a backend cannot do, told apart from what crashes."""

from __future__ import annotations

import re

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.models.returned_object import NotAModelError

# Keras raises a ValueError for some of what a backend lacks: "`ragged=True` is not supported with torch backend".
_LACKS = re.compile(
    r"(?:not (?:supported|available|compatible|implemented)|only (?:be used|supported|available|compatible))"
    r" (?:with|in|by|on|for) (?:the )?\w+ backend|\w+ backend does not support"
    # PyTorch, of a layer that assigns what its gradient needs, such as a stateful LSTM.
    r"|needed for gradient computation has been modified by an inplace operation",
    re.IGNORECASE,
)


def is_unsupported(error: BaseException) -> bool:
    """Whether an error says that what was asked for cannot be done: something lacks it, or what was given misfits."""
    return isinstance(error, NotImplementedError | UsageError | NotAModelError) or bool(_LACKS.search(str(error)))
