"""The nodes of a case, and the addresses at which their processes meet."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping

import psutil

from anatomy.bench.records.frozen import Frozen


class Rendezvous(Frozen):
    """The nodes of a case, as one of them sees it.

    Attributes:
        node: number of this node, from 0; node 0 measures.
        hosts: IP address of each node, in order.
        control_port: port on node 0 to which the other nodes' ranks connect for rank 0's orders.
        framework_port: port on node 0 where the framework's own processes meet (JAX's coordinator, torch's store).
        ports: a port on each node, for frameworks whose processes connect to one another (TensorFlow).
        secret: authenticates connections to `control_port`; never sent over the network.
    """

    node: int
    hosts: tuple[str, ...]
    control_port: int
    framework_port: int
    ports: tuple[int, ...]
    secret: str = ""

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.hosts)

    @property
    def framework_address(self) -> str:
        """Where the framework's own processes meet, as `host:port`."""
        return f"{bracketed(self.hosts[0])}:{self.framework_port}"


def network_interface(host: str, addresses: Mapping[str, list[str]] | None = None) -> str | None:
    """Name of this machine's network interface with the address `host`, which Gloo needs; `None` where none has it.

    Args:
        addresses: interface → its addresses; by default those of this machine.
    """
    if addresses is None:
        addresses = {name: [a.address for a in found] for name, found in psutil.net_if_addrs().items()}
    if ipaddress.ip_address(host).is_loopback:
        # Every address of 127.0.0.0/8 belongs to the loopback interface, which lists only one of them.
        host = "127.0.0.1" if "." in host else "::1"
    return next((name for name, own in addresses.items() if host in own), None)


def free_port(host: str) -> int:
    """A free port of this machine.

    The system hands out the same port again only after all others, so it is still free a moment later.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as unused:
        unused.bind((host, 0))
        return int(unused.getsockname()[1])


def bracketed(host: str) -> str:
    """The address as it is written before `:port`: an IPv6 address gets brackets."""
    return f"[{host}]" if ":" in host else host
