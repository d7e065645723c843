"""The message for a name that does not exist."""

import difflib
from collections.abc import Iterable

# Longer lists of valid names are given only where no name is close.
MOST_LISTED = 8


def unknown_name(what: str, given: str, valid: Iterable[str]) -> str:
    """Return `unknown model 'vggg'; did you mean 'vgg'?`, with the valid names where they are few or none is close.

    Args:
        what: the kind of name, e.g. `model`.
        given: the name that does not exist.
        valid: the names that do.
    """
    names = list(valid)
    nearest = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    expected = f"; expected one of {', '.join(names)}" if not nearest or len(names) <= MOST_LISTED else ""
    return f"unknown {what} {given!r}{expected}" + (f"; did you mean {nearest[0]!r}?" if nearest else "")
