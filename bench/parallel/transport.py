"""Connections between processes of different nodes: TCP, known by a secret, with news of an end on the other side.

The secret keeps strangers and mistaken processes out of a run; it is sent as it is, so that the network must be one's
own, as the frameworks' own meeting places demand too.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import struct
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

# A node that lost its power or its network says nothing: it is given up after 5 + 4 · 5 s.
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
_RETRY_S = 0.2
_GREETING_S = 30.0

Wire: TypeAlias = "Connection[Any, Any]"


class NoConnectionError(OSError):
    """Nobody answered in time."""


class Server:
    """Listens on one address for processes that know the secret. Use as a context manager."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        self._secret = secret

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def accept(self, timeout_s: float) -> tuple[Wire, dict[str, Any]]:
        """The next process that knows the secret, and what it said of itself.

        Raises:
            NoConnectionError: none came within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                found, _ = self._socket.accept()
            except TimeoutError as error:
                raise NoConnectionError(f"nobody connected within {timeout_s:g} s") from error
            patience_s = min(_GREETING_S, max(0.1, deadline - time.monotonic()))
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(patience_s))
            wire = _wire(found)
            greeting = _greeting(wire, patience_s)
            if greeting is not None and hmac.compare_digest(str(greeting.pop("secret", "")), self._secret):
                with _socket_of(wire) as own:
                    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(0))
                return wire, greeting
            wire.close()


def connect(host: str, port: int, secret: str, greeting: dict[str, Any], timeout_s: float) -> Wire:
    """Connect to a server, which may not listen yet, and say who this is.

    Raises:
        NoConnectionError: no server within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = socket.create_connection((host, port), timeout=max(0.1, deadline - time.monotonic()))
        except OSError as error:
            if time.monotonic() + _RETRY_S > deadline:
                raise NoConnectionError(f"no answer from {host} port {port} within {timeout_s:g} s: {error}") from error
            time.sleep(_RETRY_S)
            continue
        wire = _wire(found)
        wire.send_bytes(json.dumps(greeting | {"secret": secret}).encode())
        return wire


def own_host(wire: Wire) -> str:
    """This side's address of a connection."""
    return _address(wire, "getsockname")


def other_host(wire: Wire) -> str:
    """The other side's address of a connection."""
    return _address(wire, "getpeername")


def has_message(wire: Wire) -> bool:
    """Something is there to be read: not so at an end, where `poll` is true as well."""
    with _socket_of(wire) as own, suppress(OSError):
        return bool(own.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    return False


def _wire(found: socket.socket) -> Wire:
    found.setblocking(True)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return Connection(found.detach())


def _greeting(wire: Wire, timeout_s: float) -> dict[str, Any] | None:
    """What the other side says first; null where it is no process of ours."""
    with suppress(OSError, EOFError, ValueError):
        if wire.poll(timeout_s):
            said = json.loads(wire.recv_bytes(1 << 20))
            return said if isinstance(said, dict) else None
    return None


def _address(wire: Wire, which: str) -> str:
    with _socket_of(wire) as own:
        return str(getattr(own, which)()[0])


def _socket_of(wire: Wire) -> socket.socket:
    """The connection's socket, to be closed after use; the connection stays."""
    return socket.socket(fileno=os.dup(wire.fileno()))


def _timeval(seconds: float) -> bytes:
    """`struct timeval`: a process that says half a word must not hold the others up."""
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
