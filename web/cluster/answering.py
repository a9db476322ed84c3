"""What stands behind the guard of each listener of a node: it answers here, or has the active node
answer."""

from http import HTTPStatus
from typing import Final, final

import trio

from chargehand.persistence.replicated.far import LostError
from chargehand.web.cluster.agreement import Agreement, Differs
from chargehand.web.cluster.forwarding import CONNECT_S, Forwarder, Outcome
from chargehand.web.cluster.here import answer_here, answer_json
from chargehand.web.cluster.listing import listing
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.cluster.readiness import readiness
from chargehand.web.cluster.repeating import changes_nothing, next_step
from chargehand.web.cluster.roles import RETRY_AFTER, WAIT_S, Roles
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

_NOT_KNOWN_NOW: Final = Refusal.of(
    EdgeCode.NODES_NOT_KNOWN,
    "the database, which knows the nodes, does not answer",
    "try again in a second, or ask it: chargehand journal status",
    RETRY_AFTER,
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
            await answer_json(exchange, HTTPStatus.OK, {"status": "ok"})
            return
        if path == _READY and (not self._roles.is_active or query == b"active"):
            status, shown = readiness(self._roles, self._agreement, wants_active=query == b"active")
            await answer_json(exchange, status, shown)
            return
        if path == NODES_PATH and exchange.head.method == "GET":
            await self._nodes(exchange)
            return
        local = await self._here_or_elsewhere(exchange)
        if local is not None:
            await answer_here(exchange, self._roles, self._presence, local)

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
            await exchange.refuse(_NOT_KNOWN_NOW)
            return
        roles, presence = self._roles, self._presence
        shown = listing(found, roles.row, presence.me.node, roles.followed_seq, presence.is_gone_s)
        await answer_json(exchange, HTTPStatus.OK, shown)


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
