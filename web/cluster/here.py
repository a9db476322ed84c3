"""Answers as the active node."""

from functools import partial
from http import HTTPStatus
from typing import Final

import orjson
import trio

from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.roles import WAITED, Roles, unconfirmed
from chargehand.web.cluster.step_down import refused_step_down
from chargehand.web.exchange import Answerer, Exchange

STEP_DOWN_PATH: Final = b"/api/nodes/step-down"
_JSON: Final = (b"content-type", b"application/json")


async def answer_here(
    exchange: Exchange, roles: Roles, presence: NodePresence, local: Answerer
) -> None:
    """As the active node: what is about that itself, and all else by `local`."""
    head = exchange.head
    exchange.answer_unless(partial(roles.stale, head))
    if head.method != "POST" or head.target.partition(b"?")[0] != STEP_DOWN_PATH:
        with trio.CancelScope() as scope, roles.answering(exchange, scope):
            await local(exchange)
        if scope.cancelled_caught and exchange.status is None:
            exchange.answer_unless(None)
            await exchange.refuse(unconfirmed(head, WAITED.encode()))
        return
    if (refusal := await refused_step_down(presence)) is not None:
        await exchange.refuse(refusal)
        return
    if exchange.is_gone:
        return  # who has waited, and left, does not expect it to happen later
    if (stale := roles.stale(head)) is not None:
        await exchange.refuse(stale)
        return
    await answer_json(exchange, HTTPStatus.ACCEPTED, {"node": presence.me.node})
    roles.leaving.set()


async def answer_json(exchange: Exchange, status: int, shown: dict[str, object]) -> None:
    body = orjson.dumps(shown)
    await exchange.answer(status, [_JSON, (b"content-length", b"%d" % len(body))], body)
