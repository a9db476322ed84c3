"""Asking an actor that is no task's: a request becomes one of its messages, with one answer."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.mailbox import Reply
from chargehand.actors.record import Settlement

R = TypeVar("R")
Turn = Callable[[], None]

_log = logging.getLogger("chargehand.actors")


def at_once(settlement: Settlement) -> None:
    """Deliver an answer that rests on nothing that still has to be written."""
    settlement.deliver()


async def ask(
    send: Callable[[Turn], None],
    begin: Callable[[Reply[R]], None],
    gate: Callable[[Settlement], None] = at_once,
) -> R:
    """Have an actor run `begin` between two of its messages, and wait for the answer.

    `begin` settles the reply, then or later. Once sent, it is carried out and goes on whether or
    not the caller is still there: who asks and hangs up has asked.

    Args:
        send: puts a turn into the actor's mailbox; may refuse it.
        gate: through which a refusal goes, so that it waits for what it rests on.

    Raises:
        Rejected: what `send` or `begin` raises; ACTOR_CRASHED for a bug in `begin`.
    """
    reply: Reply[R] = Reply()

    def turn() -> None:
        try:
            begin(reply)
        except Rejected as refusal:
            gate(Settlement(partial(reply.fail, refusal), reply.fail))
        except Exception:
            _log.exception("a request to an actor crashed")
            reply.fail(request_crashed())

    send(turn)
    return await reply.wait()


async def ask_or_pause(send: Callable[[Turn], None], begin: Callable[[Reply[None]], None]) -> None:
    """`ask` for what is due, for those who watch the time: they go on whatever comes of it, after
    a refusal or a crash a little later."""
    try:
        await ask(send, begin)
    except Rejected:
        await trio.sleep(limits.WATCH_PAUSE_S)


def request_crashed() -> Rejected:
    """What is said to whoever met a bug in an actor that is no task's."""
    return Rejected(
        Code.ACTOR_CRASHED,
        "handling the request failed",
        "report the server's log; other requests go on",
    )
