"""Which names a browser or client may address us by, and from which pages.

A page of a foreign site can make a browser send requests to a loopback address, and a foreign
name can be made to resolve to one. The first shows in `Origin`, the second in `Host`.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, final
from urllib.parse import urlsplit

_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})
"""What a listener is given that takes connections to any address of its machine."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CACHED_ORIGINS: Final = 1024


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def split_authority(authority: str) -> tuple[str, int | None]:
    """Host, in lower case and without brackets, and port of `host[:port]`.

    Raises:
        ValueError: it is something else.
    """
    parts = urlsplit(f"//{authority}")
    if parts.netloc != authority or parts.username is not None or not parts.hostname:
        raise ValueError(f"{authority!r} is not host[:port]")
    return parts.hostname, parts.port


def canonical_origin(origin: str) -> tuple[str, str, int]:
    """Scheme, host and port of an absolute origin such as `http://localhost:2123`.

    Raises:
        ValueError: it is something else.
    """
    parts = urlsplit(origin)
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    if default_port is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{origin!r} is not an origin")
    if not parts.hostname:
        raise ValueError(f"{origin!r} is not an origin")
    return parts.scheme, parts.hostname, parts.port or default_port


@final
class Hosts:
    """What a TCP listener lets through.

    Args:
        host: the configured address.
        port: the port really bound.
        allowed_hosts: further names, each `name` (any port) or `name:port`.
        allowed_origins: further origins, as `https://example.org`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
    ) -> None:
        self._port = port
        self._names = {*_LOOPBACK_NAMES, host.lower()}
        self._any_address = host == "" or host in ANY_ADDRESS
        self._allowed_hosts = {split_authority(entry) for entry in allowed_hosts}
        self._allowed_origins = {canonical_origin(entry) for entry in allowed_origins}
        # A request's usual Host is one look-up.
        self._usual = {
            f"[{name}]:{port}".encode() if ":" in name else f"{name}:{port}".encode()
            for name in self._names
        }
        self.allows_origin = lru_cache(maxsize=_CACHED_ORIGINS)(self._allows_origin)

    def allows_host(self, host: bytes, local_address: Sequence[object] | None) -> bool:
        """Whether a `Host` header names us.

        Args:
            local_address: `(address, port)` at which the connection arrived; a listener on all
                addresses is rightly called by any of them.
        """
        if host in self._usual:
            return True
        try:
            name, port = split_authority(host.decode("ascii"))
        except ValueError:
            return False
        if (name, None) in self._allowed_hosts or (name, port) in self._allowed_hosts:
            return True
        if port is not None and port != self._port:
            return False
        if name in self._names:
            return True
        return self._any_address and local_address is not None and name == local_address[0]

    def _allows_origin(self, origin: bytes, host: bytes) -> bool:
        """Whether a page of `origin` may call; `host` is the request's, already let through."""
        try:
            scheme, name, port = canonical_origin(origin.decode("ascii"))
            own_name, own_port = split_authority(host.decode("ascii"))
        except ValueError:
            return False
        if (scheme, name, port) in self._allowed_origins:
            return True
        if (name, port) == (own_name, own_port or _DEFAULT_PORTS[scheme]):
            return True
        return port == self._port and name in self._names
