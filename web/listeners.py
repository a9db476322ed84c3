"""The ways in, each with its own application and guard: TCP, the Unix socket with the agent lane,
and, if that is set, another port with it."""

import socket as stdlib_socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import final

from chargehand.actors.choice import Choice
from chargehand.actors.frozen import frozen
from chargehand.actors.identity import OriginKind
from chargehand.actors.system import System
from chargehand.web.app import create_app
from chargehand.web.application import AsgiApplication
from chargehand.web.connection import Bounds
from chargehand.web.exchange import Answerer
from chargehand.web.guard import BODIES_BYTES_MAX, Access, Bodies, Guard
from chargehand.web.h11_parser import H11Parser
from chargehand.web.hosts import Hosts
from chargehand.web.lane.lane import Lane
from chargehand.web.lane.parser import LaneParser
from chargehand.web.page.session import BrowserSessions
from chargehand.web.server import Front
from chargehand.web.settings import ServerSettings
from chargehand.web.shapes.health import Standing
from chargehand.web.sockets import connections_possible


@final
@frozen
class Listeners:
    """Sockets that listen already, before anything answers on them; those that there are."""

    tcp: stdlib_socket.socket | None
    unix: stdlib_socket.socket | None
    unix_path: Path | None
    lane: stdlib_socket.socket | None = None

    @property
    def url(self) -> str | None:
        """How TCP clients address us."""
        return None if self.tcp is None else _url_of(self.tcp)

    @property
    def lane_url(self) -> str | None:
        """The same of the lane's port."""
        return None if self.lane is None else _url_of(self.lane)


class Way(Choice):
    """A way in. The values are what nodes call it among each other."""

    TCP = "tcp"
    UNIX = "unix"
    LANE = "lane"

    @property
    def transport(self) -> OriginKind:
        """What the origin of a deed says that came by it."""
        return OriginKind.UDS if self is Way.UNIX else OriginKind.HTTP

    @property
    def has_lane(self) -> bool:
        return self is not Way.TCP

    def application(
        self,
        system: System,
        settings: ServerSettings,
        standing: Callable[[], Standing] | None = None,
    ) -> "Application":
        """What answers what came by it, with this system.

        Args:
            standing: of the node, if it is one of several.
        """
        strict = settings.strict_requests
        sessions = None if self is Way.UNIX else _sessions(settings)
        made = create_app(
            system, self.transport, strict=strict, sessions=sessions, standing=standing
        )
        app = AsgiApplication(made)
        answer = Lane(system, self.transport, app, strict=strict) if self.has_lane else app
        return Application(answer, app.lifespan)


@final
@frozen
class WayIn:
    """A way with what listens there.

    Args:
        access: None where the file's mode decides who may call.
    """

    way: Way
    listener: stdlib_socket.socket
    access: Access | None


@final
@frozen
class Application:
    """Args: lifespan: to be entered before it is asked, and left behind the last answer."""

    answer: Answerer
    lifespan: Callable[[], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def answering(
    system: System, settings: ServerSettings, standing: Callable[[], Standing]
) -> AsyncIterator[Mapping[Way, Answerer]]:
    """What answers each way at a node that stands so, whichever there are here: another one may
    have more of them."""
    answerers: dict[Way, Answerer] = {}
    async with AsyncExitStack() as stack:
        for way in Way:
            application = way.application(system, settings, standing)
            await stack.enter_async_context(application.lifespan())
            answerers[way] = application.answer
        yield answerers


def fronts(system: System, settings: ServerSettings, listeners: Listeners) -> list[Front]:
    """The listeners, ready to `run`, with this system behind them."""
    return fronts_of(
        ways_in(settings, listeners), settings, lambda way: way.application(system, settings)
    )


def ways_in(settings: ServerSettings, listeners: Listeners) -> list[WayIn]:
    """Those that there are."""
    ways = []
    if listeners.tcp is not None:
        access = _access(settings, settings.address[0], listeners.tcp)
        ways.append(WayIn(Way.TCP, listeners.tcp, access))
    if listeners.unix is not None:
        ways.append(WayIn(Way.UNIX, listeners.unix, None))
    if listeners.lane is not None and settings.lane_address is not None:
        access = _access(settings, settings.lane_address[0], listeners.lane)
        ways.append(WayIn(Way.LANE, listeners.lane, access))
    return ways


def fronts_of(
    ways: Sequence[WayIn], settings: ServerSettings, make: Callable[[Way], Application]
) -> list[Front]:
    """Their fronts, each with what `make` puts behind its guard."""
    bounds = Bounds(settings.keep_alive_s, settings.header_s, settings.write_s)
    # What is bounded is shared out: who uses up the part of one listener holds up no other.
    share = max(2, len(ways))
    possible = max(1, connections_possible(share * settings.max_connections) // share)
    bodies_bytes_max = BODIES_BYTES_MAX // share
    return [
        _front(one, make(one.way), Bodies(bodies_bytes_max), settings, bounds, possible)
        for one in ways
    ]


def _front(
    way_in: WayIn,
    behind: Application,
    bodies: Bodies,
    settings: ServerSettings,
    bounds: Bounds,
    connections_max: int,
) -> Front:
    return Front(
        way_in.listener,
        Guard(behind.answer, way_in.access, bodies, settings.body_s),
        behind.lifespan,
        bounds,
        connections_max,
        LaneParser if way_in.way.has_lane else H11Parser,
    )


def _access(settings: ServerSettings, host: str, listener: stdlib_socket.socket) -> Access:
    port: int = listener.getsockname()[1]
    hosts = Hosts(host, port, settings.allowed_hosts, settings.allowed_origins)
    token = None if settings.token is None else settings.token.encode()
    return Access(hosts, token, _sessions(settings))


def _sessions(settings: ServerSettings) -> BrowserSessions | None:
    """Those of browsers that have given the token, if one is asked for."""
    return None if settings.token is None else BrowserSessions(settings.token.encode())


def _url_of(listener: stdlib_socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
