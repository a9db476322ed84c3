"""What stands behind the guard of each listener of a node: here, or at the active node."""

import hmac
from functools import partial
from http import HTTPStatus
from typing import Final, final

import orjson
import trio

from chargehand.persistence.postgres.presence import Seen
from chargehand.persistence.replicated.far import LostError
from chargehand.web.cluster.agreement import AGREES_PATH, TOKEN_SIGN, Agreement, Differs
from chargehand.web.cluster.forwarding import CONNECT_S, SECRET, WAY, Forwarder, Outcome
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.repeating import changes_nothing, next_step
from chargehand.web.cluster.roles import (
    NOT_A_NODE,
    NOT_ACTIVE,
    RETRY_AFTER,
    UNTOUCHED,
    WAIT_S,
    WAITED,
    Roles,
    unconfirmed,
)
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.listeners import Way
from chargehand.web.operations import Operation
from chargehand.web.parsing import RequestHead
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

LOOK_S: Final = 0.02

_LIVE: Final = Operation.LIVENESS.path.encode()
_READY: Final = Operation.READINESS.path.encode()
NODES_PATH: Final = b"/api/nodes"
STEP_DOWN_PATH: Final = b"/api/nodes/step-down"
_WAYS: Final = {way.value.encode(): way for way in Way}
_JSON: Final = (b"content-type", b"application/json")

_UNTOUCHED: Final = Refusal.of(
    EdgeCode.NO_ACTIVE_NODE,
    "this node is not the active one; nothing was done",
    "ask another one",
    (*RETRY_AFTER, (NOT_ACTIVE[0], UNTOUCHED.encode())),
)
_STRANGER: Final = Refusal.of(
    EdgeCode.NOT_A_NODE,
    "this listener is for the nodes of the cluster",
    "use the address of --http",
)
_NOT_KNOWN: Final = Refusal(_STRANGER.status, _STRANGER.problem, (NOT_A_NODE,))
_OTHER_TOKEN: Final = Refusal.of(
    EdgeCode.TOKEN_REQUIRED,
    "the other node has another token",
    "give all nodes the same one",
)


@final
class NodeAnswerer:
    """An `Answerer` of one way in."""

    def __init__(
        self,
        roles: Roles,
        forwarder: Forwarder,
        agreement: Agreement,
        presence: NodePresence,
        way: Way,
    ) -> None:
        self._roles = roles
        self._forwarder = forwarder
        self._agreement = agreement
        self._presence = presence
        self._way = way

    async def __call__(self, exchange: Exchange) -> None:
        path, _, query = exchange.head.target.partition(b"?")
        if path == _LIVE:
            await _answer(exchange, HTTPStatus.OK, {"status": "ok"})
            return
        if path == _READY and (not self._roles.is_active or query == b"active"):
            await self._readiness(exchange, wants_active=query == b"active")
            return
        if path == NODES_PATH and exchange.head.method == "GET":
            await self._nodes(exchange)
            return
        local = await self._here_or_elsewhere(exchange)
        if local is not None:
            await _answer_here(exchange, self._roles, local)

    async def _here_or_elsewhere(self, exchange: Exchange) -> Answerer | None:
        """What is to answer here; None: it is answered, by another node or with a refusal."""
        roles = self._roles
        waits_since_s = trio.current_time()
        may_be_done = False
        while (local := roles.local(self._way)) is None:
            if (refusal := self._agreement.refusal()) is not None:
                await exchange.refuse(refusal)
                return None
            address, active = roles.elsewhere, roles.row.owner
            if address is not None:
                asked_s = trio.current_time()
                done = await self._forwarder.forward(exchange, self._way, address)
                if done is Outcome.ANSWERED:
                    return None
                if done is Outcome.NOT_KNOWN:
                    self._agreement.found(active, Differs.SECRET)
                    continue
                may_be_done |= done in (Outcome.LOST, Outcome.WAITED)
                if done is Outcome.LOST and trio.current_time() - asked_s > CONNECT_S:
                    waits_since_s = trio.current_time()  # a node had it until now
            if trio.current_time() - waits_since_s >= WAIT_S:
                await exchange.refuse(_nobody(roles, exchange.head, may_be_done=may_be_done))
                return None
            await trio.sleep(LOOK_S)
        return local

    async def _nodes(self, exchange: Exchange) -> None:
        try:
            found = await self._presence.nodes()
        except LostError:
            await exchange.refuse(_nobody(self._roles, exchange.head))
            return
        row = self._roles.row
        shown = [
            {
                "name": one.name,
                "address": one.address,
                "role": _role_of(one, row.owner.node, self._presence.is_gone_s),
                "seen_seconds_ago": round(one.ago_s, 1),
                "lag_records": max(0, row.head - one.followed_seq),
            }
            for one in found
        ]
        await _answer(exchange, HTTPStatus.OK, {"nodes": shown, "epoch": row.epoch})

    async def _readiness(self, exchange: Exchange, *, wants_active: bool) -> None:
        """Ready is who can have a request answered."""
        roles = self._roles
        standing = roles.standing()
        reason = self._agreement.reason or roles.trouble
        is_reached = bool(roles.elsewhere) and reason is None
        is_ready = roles.is_active or (is_reached and not wants_active)
        if not is_ready and reason is None:
            reason = "this node is not the active one" if is_reached else "no node is active"
        shown: dict[str, object] = {
            "status": "ready" if is_ready else "not ready",
            "role": standing.role,
            "active": standing.active,
            "epoch": standing.epoch,
            "lag_records": standing.lag_records,
        }
        if reason is not None:
            shown["reason"] = reason
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        await _answer(exchange, status, shown)


@final
class PeerAnswerer:
    """An `Answerer` of the listener for the other nodes, without a guard in front: it answers only
    to who knows the secret, and only while this node is active.

    Args:
        sign: of the token.
    """

    def __init__(self, roles: Roles, secret: str, sign: bytes) -> None:
        self._roles = roles
        self._secret = secret.encode()
        self._sign = sign

    async def __call__(self, exchange: Exchange) -> None:
        headers = dict(exchange.head.headers)
        if not hmac.compare_digest(headers.get(SECRET, b""), self._secret):
            await exchange.refuse(_NOT_KNOWN)
            return
        way = _WAYS.get(headers.get(WAY, b""))
        if way is None:
            await exchange.refuse(_STRANGER)
            return
        if exchange.head.target == AGREES_PATH:
            await self._agree(exchange, headers.get(TOKEN_SIGN, b""))
            return
        local = self._roles.local(way)
        if local is None:
            await exchange.refuse(_UNTOUCHED)
            return
        await _answer_here(exchange, self._roles, local)

    async def _agree(self, exchange: Exchange, sign: bytes) -> None:
        if hmac.compare_digest(sign, self._sign):
            await _answer(exchange, HTTPStatus.OK, {"agrees": True})
        else:
            await exchange.refuse(_OTHER_TOKEN)


async def _answer_here(exchange: Exchange, roles: Roles, local: Answerer) -> None:
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
    await _answer(exchange, HTTPStatus.ACCEPTED, {"node": roles.name_of_active})
    roles.leaving.set()


def _nobody(roles: Roles, head: RequestHead, *, may_be_done: bool = False) -> Refusal:
    why = "" if roles.trouble is None else f" ({roles.trouble})"
    if changes_nothing(head):
        done = ""
    else:
        done = "; it may have been done" if may_be_done else "; nothing was done"
    return Refusal.of(
        EdgeCode.NO_ACTIVE_NODE,
        f"no node can confirm that it is active{why}{done}",
        next_step(head) if may_be_done else "try again in a second",
        RETRY_AFTER,
    )


def _role_of(node: Seen, active: str, is_gone_s: float) -> str:
    if node.ago_s > is_gone_s:
        return "gone"
    return "active" if node.name == active else "standby"


async def _answer(exchange: Exchange, status: int, shown: dict[str, object]) -> None:
    body = orjson.dumps(shown)
    await exchange.answer(status, [_JSON, (b"content-length", b"%d" % len(body))], body)
