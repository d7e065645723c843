"""How one case spans several nodes: which of them this is, and where they meet."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping

import psutil
from pydantic import BaseModel, ConfigDict


class Span(BaseModel):
    """The nodes of a case, as one of them sees it.

    Attributes:
        node: this node's number, from 0; node 0 measures.
        hosts: each node's IP address, in order.
        conduct_port: on node 0, where the other nodes' processes wait for orders.
        meeting_port: on node 0, where the framework's own processes meet (JAX's coordinator, torch's store).
        ports: one on each node, for frameworks that connect each with each (TensorFlow).
        secret: what a process says when it connects to the first of these ports.
    """

    model_config = ConfigDict(frozen=True)

    node: int
    hosts: tuple[str, ...]
    conduct_port: int
    meeting_port: int
    ports: tuple[int, ...]
    secret: str

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.hosts)

    @property
    def meeting(self) -> str:
        """Where the framework's processes meet, as `host:port`."""
        return f"{bracketed(self.hosts[0])}:{self.meeting_port}"


def interface(host: str, addresses: Mapping[str, list[str]] | None = None) -> str | None:
    """The network interface of this machine that has the address `host`, which Gloo asks for; null where none has.

    Args:
        addresses: those of each interface, by default this machine's.
    """
    if addresses is None:
        addresses = {name: [a.address for a in found] for name, found in psutil.net_if_addrs().items()}
    if ipaddress.ip_address(host).is_loopback:
        # Any address of 127.0.0.0/8 is the loopback interface's, which lists one of them.
        host = "127.0.0.1" if "." in host else "::1"
    return next((name for name, own in addresses.items() if host in own), None)


def free_port(host: str) -> int:
    """A port of this machine that nobody listens on now.

    The system gives the same port again only after it went through the others, so it is still free a moment later.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def bracketed(host: str) -> str:
    """An address before a colon and a port."""
    return f"[{host}]" if ":" in host else host
