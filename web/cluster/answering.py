"""What stands behind the guard of each listener of a node: here, or at the active node."""

import hmac
from http import HTTPStatus
from typing import Final, final

import orjson
import trio

from chargehand.persistence.replicated.far import LostError
from chargehand.web.cluster.agreement import AGREES_PATH, TOKEN_SIGN, Agreement, Differs
from chargehand.web.cluster.forwarding import CONNECT_S, SECRET, WAY, Forwarder, Outcome
from chargehand.web.cluster.listing import listing
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.roles import NOT_A_NODE, NOT_ACTIVE, UNTOUCHED, Roles
from chargehand.web.cluster.step_down import refused_step_down
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.listeners import Way
from chargehand.web.operations import Operation
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

WAIT_S: Final = 30.0
"""For an active node, while one takes over from the other. What that has, takes as long as it
takes."""
LOOK_S: Final = 0.02

_LIVE: Final = Operation.LIVENESS.path.encode()
_READY: Final = Operation.READINESS.path.encode()
NODES_PATH: Final = b"/api/nodes"
STEP_DOWN_PATH: Final = b"/api/nodes/step-down"
_WAYS: Final = {way.value.encode(): way for way in Way}
_JSON: Final = (b"content-type", b"application/json")

_NOBODY: Final = Refusal.of(
    EdgeCode.NO_ACTIVE_NODE,
    "no node is active; nothing was done",
    "try again in a second",
    ((b"retry-after", b"1"),),
)
_NOT_KNOWN_NOW: Final = Refusal.of(
    EdgeCode.NODES_NOT_KNOWN,
    "the database, which knows the nodes, does not answer",
    "try again in a second, or ask it: chargehand journal status",
    ((b"retry-after", b"1"),),
)
_UNTOUCHED: Final = Refusal.of(
    EdgeCode.NO_ACTIVE_NODE,
    "this node is not the active one; nothing was done",
    "ask another one",
    ((b"retry-after", b"1"), (NOT_ACTIVE[0], UNTOUCHED.encode())),
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
        waits_since_s = trio.current_time()
        while (local := self._roles.local(self._way)) is None:
            if (refusal := self._agreement.refusal()) is not None:
                await exchange.refuse(refusal)
                return
            address, active = self._roles.elsewhere, self._roles.row.owner
            if address is not None:
                asked_s = trio.current_time()
                done = await self._forwarder.forward(exchange, self._way, address)
                if done is Outcome.ANSWERED:
                    return
                if done is Outcome.NOT_KNOWN:
                    self._agreement.found(active, Differs.SECRET)
                    continue
                if trio.current_time() - asked_s > CONNECT_S:
                    waits_since_s = trio.current_time()  # a node had it until now
            if trio.current_time() - waits_since_s >= WAIT_S:
                await exchange.refuse(_NOBODY)
                return
            await trio.sleep(LOOK_S)
        exchange.answer_unless(self._roles.stale)
        await _answer_here(exchange, self._roles, self._presence, local)

    async def _nodes(self, exchange: Exchange) -> None:
        try:
            found = await self._presence.nodes()
        except LostError:
            await exchange.refuse(_NOT_KNOWN_NOW)
            return
        roles, presence = self._roles, self._presence
        shown = listing(found, roles.row, presence.me.node, roles.followed_seq, presence.is_gone_s)
        await _answer(exchange, HTTPStatus.OK, shown)

    async def _readiness(self, exchange: Exchange, *, wants_active: bool) -> None:
        """Ready is who can have a request answered."""
        roles = self._roles
        standing = roles.standing()
        reason = self._agreement.reason
        is_reached = bool(roles.elsewhere) and reason is None
        is_ready = roles.is_active if wants_active else roles.is_active or is_reached
        shown: dict[str, object] = {
            "status": "ready" if is_ready else "not ready",
            "role": standing.role,
            "active": standing.active,
            "epoch": roles.row.epoch,
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

    def __init__(self, roles: Roles, presence: NodePresence, secret: str, sign: bytes) -> None:
        self._roles = roles
        self._presence = presence
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
        exchange.answer_unless(self._roles.stale)
        await _answer_here(exchange, self._roles, self._presence, local)

    async def _agree(self, exchange: Exchange, sign: bytes) -> None:
        if hmac.compare_digest(sign, self._sign):
            await _answer(exchange, HTTPStatus.OK, {"agrees": True})
        else:
            await exchange.refuse(_OTHER_TOKEN)


async def _answer_here(
    exchange: Exchange, roles: Roles, presence: NodePresence, local: Answerer
) -> None:
    """As the active node: what is about that itself, and all else by `local`."""
    head = exchange.head
    if head.method != "POST" or head.target.partition(b"?")[0] != STEP_DOWN_PATH:
        await local(exchange)
        return
    if (refusal := await refused_step_down(presence)) is not None:
        await exchange.refuse(refusal)
        return
    await _answer(exchange, HTTPStatus.ACCEPTED, {"node": presence.me.node})
    roles.leaving.set()


async def _answer(exchange: Exchange, status: int, shown: dict[str, object]) -> None:
    body = orjson.dumps(shown)
    await exchange.answer(status, [_JSON, (b"content-length", b"%d" % len(body))], body)
