"""Which addresses of the Internet we connect to when a user names the URL, and a transport that holds to it.

`check_url` refuses what can be refused without asking anybody; `resolve` turns a host into addresses once and refuses them all
if one is not public; `PinnedTransport` connects to exactly those addresses, on every request, so on every redirect too.
A name that leads elsewhere the second time it is asked (DNS rebinding) therefore gains nothing.

Sources: IANA's IPv4 and IPv6 special-purpose address registries; WHATWG URL, "ends in a number".
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
import idna

from agents_backend.domain.errors import AddressRefused, UpstreamFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

WEB_PORTS: Final = frozenset({80, 443, 8000, 8080, 8443})
MAX_URL: Final = 4_096
CONNECT_SECONDS: Final = 5.0
_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # Azure's host service: a public number that only its own machines reach
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
# Everything else of IPv6 (loopback, v4-mapped, NAT64, unique local, link-local, multicast) lies outside of it.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True)
class Policy:
    """What may be connected to.

    Attributes:
        ports: the ports of public addresses, or None for any.
        allow_loopback: for tests and one's own machine; any port of it.
    """

    ports: frozenset[int] | None = WEB_PORTS
    allow_loopback: bool = False

    def allows(self, address: Address, port: int) -> bool:
        if address.is_loopback and self.allow_loopback:
            return True
        return is_public(address) and (self.ports is None or port in self.ports)


@dataclass(frozen=True)
class Target:
    """Where a URL leads, before its name is resolved."""

    scheme: str
    host: str
    port: int


def is_public(address: Address) -> bool:
    if address.version == 6 and address not in _GLOBAL_UNICAST:  # noqa: PLR2004  # the protocol's version
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


def check_url(url: str, policy: Policy) -> Target:
    """Take a user's URL apart.

    Raises:
        AddressRefused: it is not an absolute http(s) URL of a host that we may connect to; nobody was asked.
    """
    if len(url) > MAX_URL or _NOT_IN_A_URL.search(url):
        raise AddressRefused("The address is not a valid URL.")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise AddressRefused("The address is not a valid URL.") from None
    if parts.scheme not in _PORTS:
        raise AddressRefused("Only http and https addresses are allowed.")
    if "@" in parts.netloc:
        raise AddressRefused("An address must not contain a user name or password.")
    host = _host(parts.hostname or "")
    if (literal := as_address(host)) is not None and not policy.allows(literal, port):
        raise AddressRefused("Only public addresses are allowed.")
    if policy.ports is not None and port not in policy.ports and not policy.allow_loopback:
        raise AddressRefused(f"The port {port} is not allowed.")
    return Target(parts.scheme, host, port)


def _host(host: str) -> str:
    """The host as DNS knows it; an address in any but its usual form is refused."""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host)) if "%" not in host else _refuse()
        except ValueError:
            return _refuse()
    try:
        name = idna.encode(host, uts46=True).decode() if not host.isascii() else host.lower()
    except idna.IDNAError:
        return _refuse()
    if not _HOST.fullmatch(name):
        return _refuse()
    if _NUMBER.fullmatch(name.rstrip(".").rsplit(".", 1)[-1]) and as_address(name) is None:
        return _refuse()
    return name


def _refuse() -> str:
    raise AddressRefused("The address has no valid host.")


def as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def certificates() -> ssl.SSLContext:
    """What every client here trusts; made once, for it reads each root certificate there is."""
    return await asyncio.to_thread(httpx.create_ssl_context)


async def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, by the machine's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


async def resolve(target: Target, policy: Policy, ask: Resolve = system_resolve) -> list[Address]:
    """The addresses to connect to, in the resolver's order.

    Raises:
        AddressRefused: one of them is not allowed. UpstreamFailed: there are none.
    """
    literal = as_address(target.host)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            texts = [str(literal)] if literal else await ask(target.host, target.port)
    except (OSError, UnicodeError, TimeoutError):
        raise UpstreamFailed("The host of the address was not found.") from None
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
    if not found:
        raise UpstreamFailed("The host of the address was not found.")
    if not all(policy.allows(address, target.port) for address in found):
        raise AddressRefused("Only public addresses are allowed.")
    return found


class PinnedTransport(httpx.AsyncBaseTransport):
    """A transport for any `httpx.AsyncClient` that is given users' URLs; make that client with `trust_env=False`.

    Each request resolves its host once and connects to what was checked; the Host header and the certificate's name stay
    the URL's. Connections are not kept: one that was opened for a name must not serve another name of the same address.

    Raises:
        AddressRefused: before connecting. UpstreamFailed: the host has no address.
    """

    def __init__(self, policy: Policy, *, ask: Resolve = system_resolve, trust: ssl.SSLContext | None = None) -> None:
        self._policy, self._ask = policy, ask
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=trust or True, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = check_url(str(request.url), self._policy)
        addresses = await resolve(target, self._policy, self._ask)
        for address in addresses[:-1]:
            try:
                return await self._send(request, target, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent: the next address may do
                continue
        return await self._send(request, target, addresses[-1])

    async def _send(self, request: httpx.Request, target: Target, address: Address) -> httpx.Response:
        extensions = dict(request.extensions)
        if as_address(target.host) is None:
            extensions["sni_hostname"] = target.host
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,  # Host among them, as the URL has it
            stream=request.stream,
            extensions=extensions,
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        await self._inner.aclose()
