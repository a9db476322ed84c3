"""The two ways in: TCP and the Unix socket, each with its own application and guard."""

import socket as stdlib_socket
from pathlib import Path
from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import OriginKind
from chargehand.actors.system import System
from chargehand.web.app import create_app
from chargehand.web.application import AsgiApplication
from chargehand.web.connection import Bounds
from chargehand.web.guard import Access, Bodies, Guard
from chargehand.web.hosts import Hosts
from chargehand.web.server import Front
from chargehand.web.settings import ServerSettings
from chargehand.web.sockets import connections_possible


@final
@frozen
class Listeners:
    """Sockets that listen already, before anything answers on them; those that there are."""

    tcp: stdlib_socket.socket | None
    unix: stdlib_socket.socket | None
    unix_path: Path | None

    @property
    def url(self) -> str | None:
        """How TCP clients address us."""
        if self.tcp is None:
            return None
        host, port = self.tcp.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def fronts(system: System, settings: ServerSettings, listeners: Listeners) -> list[Front]:
    """The listeners, ready to `run`. The origin of a deed tells by which it came in."""
    access = None if listeners.tcp is None else _access(settings, listeners.tcp)
    bodies = Bodies()
    bounds = Bounds(settings.keep_alive_s, settings.header_s, settings.write_s)
    connections_max = connections_possible(2 * settings.max_connections) // 2
    made = []
    for listener, transport, gate in (
        (listeners.tcp, OriginKind.HTTP, access),
        (listeners.unix, OriginKind.UDS, None),
    ):
        if listener is None:
            continue
        asks_token = gate is not None and gate.token is not None
        made_for = create_app(
            system, transport, strict=settings.strict_requests, asks_token=asks_token
        )
        app = AsgiApplication(made_for)
        guard = Guard(app, gate, bodies, settings.body_s)
        made.append(Front(listener, guard, app.lifespan, bounds, max(1, connections_max)))
    return made


def _access(settings: ServerSettings, tcp: stdlib_socket.socket) -> Access:
    host, _ = settings.address
    port: int = tcp.getsockname()[1]
    hosts = Hosts(host, port, settings.allowed_hosts, settings.allowed_origins)
    return Access(hosts, None if settings.token is None else settings.token.encode())
