"""TCP connections between processes of different nodes. A secret authenticates both sides and is never sent.

Each side answers an HMAC challenge of the other (`multiprocessing.connection`). Messages after it are neither encrypted
nor signed: like the frameworks' own connections, they need a trusted network.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import Any

# A node that lost power or network sends nothing: it is given up after 5 + 4 · 5 s.
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
_RETRY_S = 0.2
_HANDSHAKE_S = 30.0
_LONGEST_GREETING_BYTES = 1 << 20


class NoConnectionError(OSError):
    """No process with the same secret connected or answered in time."""


class Server:
    """Listens on one address for processes with the same secret. Use as a context manager."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        self._secret = secret.encode()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def accept(self, timeout_s: float) -> tuple[Connection, dict[str, Any]]:
        """The next connection of a process with the same secret, and the process's greeting.

        Raises:
            NoConnectionError: none came within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                accepted, _ = self._socket.accept()
            except TimeoutError as error:
                raise NoConnectionError(f"nobody connected within {timeout_s:g} s") from error
            # A stranger that sends half a message must not hold the others up.
            _limit_waiting(accepted, min(_HANDSHAKE_S, max(0.1, deadline - time.monotonic())))
            connection = _connection(accepted)
            with suppress(AuthenticationError, OSError, EOFError, ValueError):
                deliver_challenge(connection, self._secret)
                answer_challenge(connection, self._secret)
                greeting = json.loads(connection.recv_bytes(_LONGEST_GREETING_BYTES))
                if isinstance(greeting, dict):
                    _limit_waiting(connection, 0)
                    return connection, greeting
            connection.close()


def connect(host: str, port: int, secret: str, greeting: dict[str, Any], timeout_s: float) -> Connection:
    """Connect to a `Server` with the same secret, which may not listen yet, and send a greeting.

    Raises:
        NoConnectionError: no server answered within `timeout_s`, or the process there has another secret.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connected = socket.create_connection((host, port), timeout=max(0.1, deadline - time.monotonic()))
            break
        except OSError as error:
            if time.monotonic() + _RETRY_S > deadline:
                raise NoConnectionError(f"no answer from {host} port {port} within {timeout_s:g} s: {error}") from error
            time.sleep(_RETRY_S)
    # The server may be busy with a stranger first.
    _limit_waiting(connected, max(2 * _HANDSHAKE_S, deadline - time.monotonic()))
    connection = _connection(connected)
    try:
        answer_challenge(connection, secret.encode())
        deliver_challenge(connection, secret.encode())
        connection.send_bytes(json.dumps(greeting).encode())
    except (AuthenticationError, OSError, EOFError) as error:
        connection.close()
        raise NoConnectionError(
            f"the process on {host} port {port} does not know this run's secret; set ANATOMY_SECRET to the same text in"
            " every process, and ANATOMY_PORT to a free port if another program listens there"
        ) from error
    _limit_waiting(connection, 0)
    return connection


def own_host(connection: Connection) -> str:
    """IP address of this side of a connection."""
    with _socket_of(connection) as own:
        return str(own.getsockname()[0])


def peer_host(connection: Connection) -> str:
    """IP address of the other side of a connection."""
    with _socket_of(connection) as own:
        return str(own.getpeername()[0])


def has_message(connection: Connection) -> bool:
    """Whether there is something to read; unlike `poll`, `False` where the other side has only hung up."""
    with _socket_of(connection) as own, suppress(OSError):
        return bool(own.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    return False


def _connection(connected: socket.socket) -> Connection:
    connected.setblocking(True)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return Connection(connected.detach())


def _limit_waiting(connection: Connection | socket.socket, seconds: float) -> None:
    """Let every read fail after so many seconds without data; 0 for no limit."""
    with _socket_of(connection) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))


def _socket_of(connection: Connection | socket.socket) -> socket.socket:
    """The connection's socket under a second descriptor, to be closed after use."""
    return socket.socket(fileno=os.dup(connection.fileno()))
