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
from typing import Final

import trio

from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.link import ShardLink
from chargehand.persistence.postgres.schema import find
from chargehand.persistence.postgres.tables import PostgresTables
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.near import Near
from chargehand.persistence.replicated.opening import open_near, replicated_journal
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.bridges.on_demand import bridges_of
from chargehand.web.cluster.answering import NodeAnswerer, PeerAnswerer
from chargehand.web.cluster.forwarding import Forwarder
from chargehand.web.cluster.roles import Roles
from chargehand.web.connection import Bounds
from chargehand.web.exchange import Answerer
from chargehand.web.guard import BODIES_BYTES_MAX, Bodies, Guard
from chargehand.web.listeners import Application, Listeners, Way, fronts_of, ways_in
from chargehand.web.reporting import write_report
from chargehand.web.server import Front, stop_fronts
from chargehand.web.settings import Configuration, ServerSettings
from chargehand.web.sockets import listen_tcp
from chargehand.web.version import program_version

_MIB: Final = 1024 * 1024
_log = logging.getLogger("chargehand")


@asynccontextmanager
async def member_of(settings: ServerSettings) -> AsyncIterator[tuple[Member, JournalAddress]]:
    """This node, running.

    Raises:
        StorageError: there is no such journal, or no place for a copy of it.
    """
    assert settings.journal is not None, "the journal is shared"
    assert settings.node is not None, "it was checked"
    assert settings.advertise is not None, "it was checked"
    address = JournalAddress.parse(settings.journal)
    await trio.to_thread.run_sync(find, address)
    store = open_near(settings.data_dir, map_bytes=settings.map_mib * _MIB)
    owner = Owner(uuid.uuid4().hex, settings.node, settings.advertise)
    link = ShardLink(address, unreplicated=settings.journal_unreplicated)
    near = Near(store, PostgresTables(address))
    member = Member(owner, link, near, ttl_s=settings.journal_ttl_s)
    member.start()
    try:
        yield member, address
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
    begun_s = time.monotonic()
    peers = listen_tcp(*settings.advertised, setting="--advertise {}")
    async with AsyncExitStack() as stack:
        member, address = await stack.enter_async_context(member_of(settings))
        roles = Roles(member, settings.advertise)
        opened = Forwarder.opened(roles, settings.cluster_secret)
        forwarder = await stack.enter_async_context(opened)
        ways = ways_in(settings, listeners)
        fronts = [
            *fronts_of(
                ways, settings, lambda way: _always(NodeAnswerer(roles, forwarder, way.transport))
            ),
            _peer_front(peers, PeerAnswerer(roles, settings.cluster_secret), settings),
        ]
        async with trio.open_nursery() as nursery:
            for front in fronts:
                await nursery.start(front.run)
            nursery.start_soon(roles.watch)
            stop = trio.Event()
            ended = trio.Event()
            nursery.start_soon(_be_active, configuration, roles, address, ways, fronts, stop, ended)
            _report(settings, listeners, begun_s)
            caught = await anext(signals)
            _log.info("%s: stopping", signal.Signals(caught).name)
            for front in fronts:
                await front.stop_accepting()
            stop.set()
            await ended.wait()
            await stop_fronts(fronts, settings.grace_s / 4)
            nursery.cancel_scope.cancel()
    if listeners.unix_path is not None:
        listeners.unix_path.unlink(missing_ok=True)


async def _be_active(
    configuration: Configuration,
    roles: Roles,
    address: JournalAddress,
    ways: list[Way],
    fronts: list[Front],
    stop: trio.Event,
    ended: trio.Event,
) -> None:
    """Wait for this node's turn, and answer from then on until it is to stop."""
    settings = configuration.server
    try:
        if not await _turn(roles.member, stop):
            return
        begun_s = time.monotonic()
        journal = replicated_journal(roles.member, PostgresTables(address))
        async with (
            bridges_of(configuration.bridges) as bridges,
            run_system(journal, configuration.core, bridges=bridges) as system,
            AsyncExitStack() as stack,
        ):
            answerers: dict[OriginKind, Answerer] = {}
            for way in ways:
                application = way.application(system, settings)
                await stack.enter_async_context(application.lifespan())
                answerers[way.transport] = application.answer
            roles.serve(answerers)
            _log.info(
                "active: epoch %d, %d tasks, %.0f ms after the turn came",
                system.journal.epoch,
                system.recovered_tasks,
                (time.monotonic() - begun_s) * 1000,
            )
            await stop.wait()
            system.begin_stop()
            await stop_fronts(fronts, settings.grace_s / 2)
            roles.end()
    finally:
        roles.end()
        ended.set()


async def _turn(member: Member, stop: trio.Event) -> bool:
    """Return once the node is active; False: it is to stop before."""
    is_active = False
    async with trio.open_nursery() as nursery:

        async def wait_stop() -> None:
            await stop.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(wait_stop)
        await member.wait_active()
        is_active = True
        nursery.cancel_scope.cancel()
    return is_active


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
