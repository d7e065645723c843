"""Connections between nodes, on the loopback interface."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from anatomy.bench.parallel.ranks import wait_for_hangup
from anatomy.bench.parallel.rendezvous import Span, free_port, interface
from anatomy.bench.parallel.transport import NoConnectionError, Server, connect, has_message, other_host, own_host

HOST = "127.0.0.1"


def test_both_sides_know_each_other() -> None:
    port = free_port(HOST)
    with Server(HOST, port, "word") as server:
        near = connect(HOST, port, "word", {"rank": 3}, 5)
        far, greeting = server.accept(5)
        assert greeting == {"rank": 3}
        assert own_host(near) == other_host(near) == other_host(far) == HOST
        near.send_bytes(b"step")
        assert far.recv_bytes() == b"step"
        near.close()
        assert wait_for_hangup([far], lambda: False) == 0
        far.close()


def test_a_server_that_comes_later_is_found() -> None:
    port = free_port(HOST)
    found = []
    thread = threading.Thread(target=lambda: found.append(connect(HOST, port, "word", {}, 10)))
    thread.start()
    time.sleep(0.5)
    with Server(HOST, port, "word") as server:
        far, _ = server.accept(10)
        thread.join()
        far.close()
        found[0].close()


def test_strangers_do_not_get_in_and_hold_nobody_up() -> None:
    port = free_port(HOST)
    with Server(HOST, port, "word") as server:
        with socket.create_connection((HOST, port)) as half, connect(HOST, port, "other", {}, 5):
            # The beginning of a message, and no end.
            half.send(b"\0\0")
            with pytest.raises(NoConnectionError, match=r"nobody connected within 1 s"):
                server.accept(1)
        friend = connect(HOST, port, "word", {"rank": 1}, 5)
        wire, greeting = server.accept(5)
        assert greeting == {"rank": 1}
        wire.close()
        friend.close()


def test_nobody_there_is_said_in_time() -> None:
    start = time.monotonic()
    port = free_port(HOST)
    with pytest.raises(NoConnectionError, match=f"no answer from 127.0.0.1 port {port} within 0.5 s"):
        connect(HOST, port, "word", {}, 0.5)
    assert time.monotonic() - start < 5


def test_an_end_is_no_message() -> None:
    with Server(HOST, port := free_port(HOST), "word") as server, connect(HOST, port, "word", {}, 5) as near:
        far, _ = server.accept(5)
        assert not has_message(near)
        far.send_bytes(b"last words")
        far.close()
        assert near.poll(5)
        assert has_message(near)
        assert near.recv_bytes() == b"last words"
        assert near.poll(5)
        assert not has_message(near)


def test_waiting_for_an_end_can_be_stopped() -> None:
    with Server(HOST, port := free_port(HOST), "word") as server, connect(HOST, port, "word", {}, 5) as near:
        far, _ = server.accept(5)
        assert wait_for_hangup([near], lambda: True) is None
        far.close()


def test_the_interface_of_an_address() -> None:
    addresses = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.168.3.4", "fe80::1"]}
    assert interface("127.0.1.1", addresses) == "lo"
    assert interface("::1", addresses) == "lo"
    assert interface("192.168.3.4", addresses) == "eth0"
    assert interface("192.168.3.5", addresses) is None
    assert interface("127.0.0.1") is not None


def test_where_a_span_meets() -> None:
    span = Span(node=1, hosts=("::1", "::2"), conduct_port=1, meeting_port=2, ports=(3, 4), secret="")
    assert span.meeting == "[::1]:2"
    assert span.nodes == 2
