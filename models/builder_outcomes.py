"""What a builder says through pytest or unittest (skip, fail), as exceptions of Python."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def outcomes_as_errors(model: str) -> Iterator[None]:
    """Turn the outcomes of pytest and unittest into exceptions; pytest's own are no `Exception` and end a process.

    Raises:
        NotImplementedError: the builder skipped itself.
        AssertionError: it called `pytest.fail` or `pytest.xfail`.
        RuntimeError: it called `pytest.exit`.
    """
    try:
        yield
    except BaseException as error:
        for said, outcome, kind in _outcomes():
            if isinstance(error, outcome):
                raise kind(f"{model} {said}: {error}") from error
        raise


def _outcomes() -> Iterator[tuple[str, type[BaseException], type[Exception]]]:
    """Of the modules that are imported: no other has raised one."""
    unittest, pytest = sys.modules.get("unittest"), sys.modules.get("pytest")
    if unittest is not None:
        yield "skipped itself", unittest.SkipTest, NotImplementedError
    if pytest is not None:
        yield "skipped itself", pytest.skip.Exception, NotImplementedError
        # Before `fail`, whose subclass it is.
        yield "called pytest.xfail", pytest.xfail.Exception, AssertionError
        yield "called pytest.fail", pytest.fail.Exception, AssertionError
        yield "called pytest.exit", pytest.exit.Exception, RuntimeError
