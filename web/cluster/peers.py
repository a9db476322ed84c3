"""What stands behind the listener for the other nodes."""

import hmac
from http import HTTPStatus
from typing import Final, final

from chargehand.web.cluster.agreement import AGREES_PATH, TOKEN_SIGN
from chargehand.web.cluster.forwarding import SECRET, WAY
from chargehand.web.cluster.here import answer_here, answer_json
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.roles import NOT_A_NODE, NOT_ACTIVE, RETRY_AFTER, UNTOUCHED, Roles
from chargehand.web.exchange import Exchange
from chargehand.web.listeners import Way
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

_WAYS: Final = {way.value.encode(): way for way in Way}

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
        await answer_here(exchange, self._roles, self._presence, local)

    async def _agree(self, exchange: Exchange, sign: bytes) -> None:
        if hmac.compare_digest(sign, self._sign):
            await answer_json(exchange, HTTPStatus.OK, {"agrees": True})
        else:
            await exchange.refuse(_OTHER_TOKEN)
