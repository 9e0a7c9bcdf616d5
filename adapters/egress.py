"""Which addresses the broker may call: an allow-list of hosts, and rules on what they may resolve to. Opens no socket.

A host is allowed by name and port; whatever it resolves to is then checked again, and that checked address is the one
connected to, so that a name cannot be made to point elsewhere between the check and the call (DNS rebinding).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from broker.vocabulary import GapCause

from .answering import Unanswered

PORTS = {"http": 80, "https": 443}

# Strict on purpose: one spelling per address. No user part, no backslash, no percent sign in a host, no fragment.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<rest>(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@%/|]*)?(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?|]*)?)",
    re.IGNORECASE | re.ASCII,
)

# Cloud metadata services outside the link-local range, refused like it whatever an operator lists.
_NEVER: tuple[IPv4Network | IPv6Network, ...] = (
    ip_network("100.100.100.200/32"),
    ip_network("168.63.129.16/32"),
    ip_network("192.0.0.0/24"),
    ip_network("fd00:ec2::/32"),
    ip_network("fd20:ce::/32"),
    ip_network("2002::/16"),  # 6to4, and Teredo below: an IPv4 address in other clothes
    ip_network("2001::/32"),
)
_NAT64 = ip_network("64:ff9b::/96")


class Egress:
    """The hosts an operator lets source systems be at: ``host`` (the scheme's own port) or ``host:port``."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.strip().lower() for host in hosts)

    def admit(self, address: str) -> URL:
        """``address`` as a URL that may be called. Raises Unanswered (not-allowed) for every other."""
        url = parse(address)
        host, port = url.host or "", url.port or 0
        if not self._listed(host, port, url.scheme):
            raise barred(f"{host}:{port} is not among the hosts sources may be at")
        if (literal := _literal(host)) is not None and not may_connect(host, literal):
            raise barred("the address is one no source may be at")
        return url

    def _listed(self, host: str, port: int, scheme: str) -> bool:
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{port}" in self._hosts or (port == PORTS[scheme] and bool({shown, host} & self._hosts))


def parse(address: str) -> URL:
    """Read an http or https address that has only one reading. Raises Unanswered (not-allowed)."""
    match = _URL.fullmatch(address) if len(address) <= 4096 else None
    if match is None:
        raise barred("the address is not a plain http or https address")
    try:
        url = URL(address, encoded=True)
        host, port = url.host, url.port
    except ValueError:
        raise barred("the address is not a plain http or https address") from None
    expected = match["host"].lower().strip("[]")
    # Two parsers must agree, or one of them could be steered past the list.
    if host != expected or port != int(match["port"] or PORTS[url.scheme]) or port > 65535:
        raise barred("the address can be read in more than one way")
    return url


def may_connect(host: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether a listed ``host`` may be at ``address``.

    Never link-local, metadata, multicast or reserved. The broker's own machine only where the host says so itself
    (``localhost`` or a loopback address). Private addresses are allowed to listed hosts: health networks use them.
    """
    address = _unwrapped(address)
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if address.is_loopback:
        literal = _literal(host)
        return host == "localhost" or (literal is not None and literal.is_loopback)
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved)


def barred(detail: str) -> Unanswered:
    return Unanswered(GapCause.NOT_ALLOWED, detail)


class BarredAddress(OSError):
    """A name resolves only to addresses no source may be at."""


class CheckedResolver(AbstractResolver):
    """Resolves a name and keeps only the addresses it may be at; the connector connects to exactly these."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        admitted = [result for result in found if may_connect(host, ip_address(result["host"].partition("%")[0]))]
        if found and not admitted:
            raise BarredAddress("every address of this name is one no source may be at")
        return admitted

    async def close(self) -> None:
        await self._inner.close()


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside a mapped or NAT64 one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@lru_cache(maxsize=1024)  # asked of the same few hosts at every view
def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
