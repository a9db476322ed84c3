"""The process of a node: it answers from its start on, by the active node or as that.

A node that another one has superseded ends what it does, and begins anew as a standby: in the same
process, with nothing of what it held in memory.
"""

import logging
import os
import signal
import socket as stdlib_socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, final

import trio

from chargehand.actors.frozen import frozen
from chargehand.actors.lifecycle import run_system
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.presence import Presence
from chargehand.persistence.postgres.safety import refuse_risks
from chargehand.persistence.postgres.schema import find
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.opening import open_near, replicated_journal
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.bridges.on_demand import bridges_of
from chargehand.web.cluster.agreement import Agreement, token_sign
from chargehand.web.cluster.answering import NodeAnswerer
from chargehand.web.cluster.ended import superseded_by
from chargehand.web.cluster.forwarding import Forwarder
from chargehand.web.cluster.naming import former_holder
from chargehand.web.cluster.peers import PeerAnswerer
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.roles import Roles
from chargehand.web.connection import Bounds
from chargehand.web.ending import end_at_once_on_a_second_signal, end_by_force_after
from chargehand.web.exchange import Answerer
from chargehand.web.exits import ExitCode
from chargehand.web.guard import BODIES_BYTES_MAX, Bodies, Guard
from chargehand.web.listeners import Application, Listeners, Way, answering, fronts_of, ways_in
from chargehand.web.reporting import write_report
from chargehand.web.server import Front, stop_fronts
from chargehand.web.settings import Configuration, ServerSettings
from chargehand.web.sockets import listen_tcp
from chargehand.web.version import program_version

SHY_S: Final = 2.0
"""In which another node takes over from one that stepped down, if there is one."""

SAID_S: Final = 2.0
"""A start waits no longer for the database to confirm that the node is there."""

_MIB: Final = 1024 * 1024
_log = logging.getLogger("chargehand")


@final
@frozen
class _Place:
    """What this node's members have in common, one after the other."""

    address: JournalAddress
    settings: ServerSettings

    @classmethod
    async def checked(cls, settings: ServerSettings) -> "_Place":
        """Raises: StorageError: there is no such journal, or it could lose something."""
        assert settings.journal is not None, "the journal is shared"
        assert settings.node is not None, "it was checked"
        address = JournalAddress.parse(settings.journal).of_node(settings.node)
        await trio.to_thread.run_sync(find, address)
        if not settings.journal_unreplicated:
            stalled = await trio.to_thread.run_sync(refuse_risks, address)
            if stalled is not None:
                _log.warning("%s", stalled)
        return cls(address, settings)

    @asynccontextmanager
    async def member(self, *, shy_s: float = 0) -> AsyncIterator[Member]:
        """The next one, running. Raises: StorageError: there is no place for its copy."""
        settings = self.settings
        assert settings.node is not None, "it was checked"
        assert settings.advertise is not None, "it was checked"
        owner = Owner(uuid.uuid4().hex, settings.node, settings.advertise)
        link = ShardLink(self.address, unreplicated=settings.journal_unreplicated)
        store = open_near(settings.data_dir, map_bytes=settings.map_mib * _MIB)
        near = Near(store, PostgresTables(self.address))
        member = Member(owner, link, near, ttl_s=settings.journal_ttl_s, shy_s=shy_s)
        member.start()
        try:
            yield member
        finally:
            await member.stop()
            near.rest()
            store.close()


async def serve_node(
    configuration: Configuration, listeners: Listeners, signals: AsyncIterator[int]
) -> None:
    """Serve until a signal comes.

    Raises:
        EndedError: (in a group) another node has taken over.
        StorageError: it could not be started; or (in a group) what it has is damaged.
    """
    settings = configuration.server
    assert settings.advertised is not None, "it was checked"
    assert settings.cluster_secret is not None, "it was checked"
    assert settings.advertise is not None, "it was checked"
    assert settings.node is not None, "it was checked"
    begun_s = time.monotonic()
    peers = listen_tcp(*settings.advertised, setting="--advertise")
    async with AsyncExitStack() as stack:
        place = await _Place.checked(settings)
        roles = Roles(settings.advertise)
        opened = Forwarder.opened(roles, settings.cluster_secret)
        forwarder = await stack.enter_async_context(opened)
        me = Owner(uuid.uuid4().hex, settings.node, settings.advertise)
        saying, reading = Presence(place.address), Presence(place.address)
        former = await former_holder(saying, me)
        presence = NodePresence(roles, me, saying, reading, former, ttl_s=settings.journal_ttl_s)
        sign = token_sign(settings.cluster_secret, settings.token)
        agreement = Agreement(roles, forwarder, settings.node, sign)
        ways = ways_in(settings, listeners)

        def behind(way: Way) -> Application:
            return _always(NodeAnswerer(roles, forwarder, agreement, presence, way))

        fronts = [
            *fronts_of(ways, settings, behind),
            _peer_front(
                peers, PeerAnswerer(roles, presence, settings.cluster_secret, sign), settings
            ),
        ]
        async with trio.open_nursery() as nursery:
            for front in fronts:
                await nursery.start(front.run)
            nursery.start_soon(roles.watch)
            nursery.start_soon(agreement.watch)
            nursery.start_soon(presence.run)
            with trio.move_on_after(SAID_S):  # the others shall know of it, if nothing is wrong
                await presence.said.wait()
            turns = _Turns(configuration, roles, place)
            nursery.start_soon(turns.run)
            _report(settings, listeners, begun_s)
            caught = await anext(signals)
            _log.info("%s: stopping", signal.Signals(caught).name)
            end_at_once_on_a_second_signal()
            end_by_force_after(settings.grace_s, lambda: ExitCode.STORAGE_FAILED)
            for front in fronts:
                await front.stop_accepting()
            await turns.end(fronts)
            await presence.leave()
            await stop_fronts(fronts, settings.grace_s / 4)
            nursery.cancel_scope.cancel()
    if listeners.unix_path is not None:
        listeners.unix_path.unlink(missing_ok=True)


@final
class _Turns:
    """This node's turns to be active: each from when it comes until it is to end."""

    def __init__(self, configuration: Configuration, roles: Roles, place: _Place) -> None:
        self._configuration = configuration
        self._roles = roles
        self._place = place
        self._fronts: list[Front] = []
        self._left_epoch: int | None = None  # in which it has stepped down
        self._stop, self._ended = trio.Event(), trio.Event()

    async def end(self, fronts: list[Front]) -> None:
        """Return once another node may go on, and what is under way at `fronts` is answered."""
        self._fronts = fronts
        self._stop.set()
        self._roles.leaving.set()
        await self._ended.wait()

    async def run(self) -> None:
        """Raises: EndedError: (in a group) another node has taken over. Not once it is to end."""
        try:
            await self._take_turns()
        except Exception as error:
            superseded = superseded_by(error)
            if superseded is None or not self._stop.is_set():
                raise
            _log.info("%s", superseded)
        finally:
            self._ended.set()

    async def _take_turns(self) -> None:
        shy_s = 0.0
        while not self._stop.is_set():
            async with self._place.member(shy_s=shy_s) as member:
                self._roles.begin(member)
                _log.info("standby: following the journal at %s", self._place.address)
                try:
                    if await self._has_come(member):
                        await self._serve(member)
                finally:
                    self._roles.end()
            self._left_epoch = member.row.epoch
            shy_s = SHY_S

    async def _serve(self, member: Member) -> None:
        begun_s = time.monotonic()
        settings = self._configuration.server
        journal = replicated_journal(member, PostgresTables(self._place.address))
        async with (
            bridges_of(self._configuration.bridges) as bridges,
            run_system(journal, self._configuration.core, bridges=bridges) as system,
            answering(system, settings, self._roles.standing) as answerers,
        ):
            self._roles.serve(answerers)
            _log.info(
                "active: epoch %d, %d tasks, %.0f ms after the turn came",
                system.journal.epoch,
                system.recovered_tasks,
                (time.monotonic() - begun_s) * 1000,
            )
            if self._left_epoch is not None and member.row.epoch == self._left_epoch + 1:
                _log.warning(
                    "no other node took over within %g s, so this one is active again", SHY_S
                )
            await self._roles.leaving.wait()
            if not self._stop.is_set():
                _log.info("stepping down, as it was asked to")
            self._roles.end()  # what comes from now on is another node's
            system.begin_stop()
            await stop_fronts(self._fronts, settings.grace_s / 2)

    async def _has_come(self, member: Member) -> bool:
        """Return once the node is active; False: it is to stop before."""
        has_come = False
        async with trio.open_nursery() as nursery:

            async def wait_stop() -> None:
                await self._stop.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait_stop)
            await member.wait_active()
            has_come = True
            nursery.cancel_scope.cancel()
        return has_come


def _always(answer: Answerer) -> Application:
    return Application(answer, _no_lifespan)


@asynccontextmanager
async def _no_lifespan() -> AsyncIterator[None]:
    yield


def _peer_front(
    listener: stdlib_socket.socket, answer: Answerer, settings: ServerSettings
) -> Front:
    bounds = Bounds(settings.keep_alive_s, settings.header_s, settings.write_s)
    guard = Guard(answer, None, Bodies(BODIES_BYTES_MAX), settings.body_s)
    return Front(listener, guard, _no_lifespan, bounds, settings.max_connections)


def _report(settings: ServerSettings, listeners: Listeners, begun_s: float) -> None:
    """One line for people, one file for programs; whichever node is active."""
    ready_ms = round((time.monotonic() - begun_s) * 1000)
    if settings.ready_file is not None:
        report = {
            "version": program_version(),
            "pid": os.getpid(),
            "http": listeners.url,
            "socket": str(listeners.unix_path),
            "node": settings.node,
            "advertise": settings.advertise,
            "ready_ms": ready_ms,
        }
        if listeners.lane_url is not None:
            report["lane"] = listeners.lane_url
        write_report(settings.ready_file, report)
    print(
        f"chargehand {program_version()}, node {settings.node}, serves {listeners.url} and "
        f"{listeners.unix_path}; it is reached by the others at {settings.advertise}; "
        f"ready in {ready_ms} ms",
        flush=True,
    )
