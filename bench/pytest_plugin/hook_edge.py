"""The edge of the plugin: an exception of Anatomy ends pytest with a sentence, and never looks like a regression."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import pytest

from anatomy.bench.errors import exit_codes
from anatomy.bench.errors.anatomy_error import AnatomyError

P = ParamSpec("P")
R = TypeVar("R")


def edge(hook: Callable[P, R]) -> Callable[P, R]:
    """Wrap a hook: what Anatomy and the operating system refuse is a usage error, a fault of Anatomy ends the session.

    Raises:
        pytest.UsageError: for an `AnatomyError` or an `OSError`, with one sentence.
        pytest.exit.Exception: exit code 4, for any other exception; the sentence names the log with the traceback.
    """

    @wraps(hook)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return hook(*args, **kwargs)
        except pytest.UsageError:
            raise
        except (AnatomyError, OSError) as error:
            raise pytest.UsageError(f"anatomy: {sentence_on(error)}") from error
        except Exception as error:  # noqa: BLE001  # the boundary: pytest's exit code 1 is for failing items
            pytest.exit(f"anatomy: {sentence_on(error)}", returncode=exit_codes.NOT_ALL_MEASURED)

    return inside


def sentence_on(error: Exception) -> str:
    """One sentence on an exception; the traceback of a fault of Anatomy is in the log that it names."""
    from anatomy.bench.errors.edge import verdict_on

    return verdict_on(error)[1]
