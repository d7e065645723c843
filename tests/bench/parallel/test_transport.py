"""Connections between nodes, on the loopback interface."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import pytest

from anatomy.bench.parallel.ranks import wait_for_hangup
from anatomy.bench.parallel.rendezvous import Rendezvous, free_port, network_interface
from anatomy.bench.parallel.transport import NoConnectionError, Server, connect, has_message, own_host, peer_host

HOST = "127.0.0.1"
SECRET = "word"

Connect = Callable[..., "Future[Connection]"]


@pytest.fixture
def port() -> int:
    return free_port(HOST)


@pytest.fixture
def connecting(port: int) -> Iterator[Connect]:
    """Connects in a thread, since either side of the handshake waits for the other."""
    with ThreadPoolExecutor() as threads:

        def begin(secret: str = SECRET, **greeting: Any) -> Future[Connection]:
            return threads.submit(connect, HOST, port, secret, greeting, 10)

        yield begin


def test_both_sides_know_each_other(port: int, connecting: Connect) -> None:
    with Server(HOST, port, SECRET) as server:
        pending = connecting(rank=3)
        far, greeting = server.accept(5)
        near = pending.result(5)
        assert greeting == {"rank": 3}
        assert own_host(near) == peer_host(near) == peer_host(far) == HOST
        near.send_bytes(b"step")
        assert far.recv_bytes() == b"step"
        near.close()
        assert wait_for_hangup([far], lambda: False) == 0
        far.close()


@pytest.mark.long
def test_a_server_that_comes_later_is_found(port: int, connecting: Connect) -> None:
    pending = connecting()
    time.sleep(0.5)
    with Server(HOST, port, SECRET) as server:
        far, _ = server.accept(10)
        pending.result(5).close()
        far.close()


@pytest.mark.long
def test_strangers_do_not_get_in_and_hold_nobody_up(port: int, connecting: Connect) -> None:
    with Server(HOST, port, SECRET) as server:
        with socket.create_connection((HOST, port)) as half:
            # The beginning of a message, and no end.
            half.send(b"\0\0")
            stranger = connecting("other")
            with pytest.raises(NoConnectionError, match=r"nobody connected within 1 s"):
                server.accept(1)
        pending = connecting(rank=1)
        connection, greeting = server.accept(5)
        assert greeting == {"rank": 1}
        with pytest.raises(NoConnectionError, match="ANATOMY_SECRET"):
            stranger.result(5)
        pending.result(5).close()
        connection.close()


@pytest.mark.long
@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\4null", b"\xff" * 4096])
def test_other_programs_do_not_get_in(port: int, said: bytes) -> None:
    with Server(HOST, port, SECRET) as server, socket.create_connection((HOST, port)) as other:
        other.sendall(said)
        with pytest.raises(NoConnectionError, match="nobody connected within"):
            server.accept(0.5)


def test_the_secret_never_crosses_the_network(port: int) -> None:
    """Everything that passes between the two sides of a handshake is read on its way."""
    secret = "a-secret-that-is-easy-to-find"
    relay_port = free_port(HOST)
    seen = bytearray()

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                seen.extend(data)
                target.sendall(data)

    with (
        Server(HOST, port, secret) as server,
        socket.create_server((HOST, relay_port)) as relay,
        ThreadPoolExecutor() as threads,
    ):
        pending = threads.submit(connect, HOST, relay_port, secret, {"rank": 7}, 10)
        inner, _ = relay.accept()
        outer = socket.create_connection((HOST, port))
        with inner, outer:
            copying = [threading.Thread(target=copy, args=pair) for pair in ((inner, outer), (outer, inner))]
            for thread in copying:
                thread.start()
            far, greeting = server.accept(10)
            assert greeting == {"rank": 7}
            pending.result(5).close()
            far.close()
            for thread in copying:
                thread.join(10)
    assert json.dumps({"rank": 7}).encode() in seen
    assert secret.encode() not in seen


@pytest.mark.long
def test_nobody_there_is_said_in_time(port: int) -> None:
    start = time.monotonic()
    with pytest.raises(NoConnectionError, match=f"no answer from 127.0.0.1 port {port} within 0.5 s"):
        connect(HOST, port, SECRET, {}, 0.5)
    assert time.monotonic() - start < 5


def test_an_end_is_no_message(port: int, connecting: Connect) -> None:
    with Server(HOST, port, SECRET) as server:
        pending = connecting()
        far, _ = server.accept(5)
        with pending.result(5) as near:
            assert not has_message(near)
            far.send_bytes(b"last words")
            far.close()
            assert near.poll(5)
            assert has_message(near)
            assert near.recv_bytes() == b"last words"
            assert near.poll(5)
            assert not has_message(near)


def test_waiting_for_an_end_can_be_stopped(port: int, connecting: Connect) -> None:
    with Server(HOST, port, SECRET) as server:
        pending = connecting()
        far, _ = server.accept(5)
        with pending.result(5) as near:
            assert wait_for_hangup([near], lambda: True) is None
        far.close()


def test_the_interface_of_an_address() -> None:
    addresses = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.168.3.4", "fe80::1"]}
    assert network_interface("127.0.1.1", addresses) == "lo"
    assert network_interface("::1", addresses) == "lo"
    assert network_interface("192.168.3.4", addresses) == "eth0"
    assert network_interface("192.168.3.5", addresses) is None
    assert network_interface("127.0.0.1") is not None


def test_where_nodes_meet() -> None:
    nodes = Rendezvous(node=1, hosts=("::1", "::2"), control_port=1, framework_port=2, ports=(3, 4))
    assert nodes.framework_address == "[::1]:2"
    assert nodes.nodes == 2
