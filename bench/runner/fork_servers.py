"""The fork servers of a run: started when first needed, replaced when they have ended, closed together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from anatomy.bench.runner.fork_client import ForkServerClient

_Name = TypeVar("_Name")


class ForkServers(Generic[_Name]):
    """Fork servers by name (a backend, or a side and a backend). Use as a context manager.

    Args:
        start: starts the fork server of a name; may raise `SetupError`.
    """

    def __init__(self, start: Callable[[_Name], ForkServerClient]) -> None:
        self._start = start
        self._running: dict[_Name, ForkServerClient] = {}

    def __enter__(self) -> ForkServers[_Name]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, name: _Name) -> ForkServerClient:
        """The running fork server of this name.

        Raises:
            SetupError: it could not be started.
        """
        running = self._running.get(name)
        if running is not None and not running.alive:
            self._running.pop(name).close()
            running = None
        if running is None:
            running = self._running[name] = self._start(name)
        return running

    def versions(self) -> dict[_Name, dict[str, str]]:
        """Name → the versions of its packages, for all that were started."""
        return {name: server.versions for name, server in self._running.items()}

    def close(self) -> None:
        """End all of them."""
        for server in self._running.values():
            server.close()
        self._running.clear()
