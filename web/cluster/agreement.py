"""Whether this node and the active one are set alike, as they must be to work together.

A node asks each active one anew, by the listener for nodes. What it finds holds for as long as that
process is active: neither of them takes other settings without starting again.
"""

import hmac
import logging
from enum import Enum
from hashlib import sha256
from typing import Final, final

import httpx
import trio

from chargehand.persistence.replicated.member import LOOKS_S
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.cluster.forwarding import Forwarder, is_stranger
from chargehand.web.cluster.roles import Roles
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

AGREES_PATH: Final = b"/api/nodes/agrees"
"""At the listener for nodes alone."""
TOKEN_SIGN: Final = b"chargehand-token-sign"
AGAIN_S: Final = 0.5
"""After a question that was not answered."""

_PURPOSE: Final = b"chargehand token"
_NEXT: Final = "give all nodes the same one, and start this one again"
_RETRY_AFTER: Final = (b"retry-after", b"60")  # it takes an operator

_log = logging.getLogger("chargehand")


class Differs(Enum):
    """What another node has set otherwise: as an operator sets it."""

    SECRET = "--cluster-secret (CHARGEHAND_CLUSTER_SECRET)"
    TOKEN = "--token (CHARGEHAND_TOKEN)"


def token_sign(secret: str, token: str | None) -> bytes:
    """What shows another node, which knows the secret, whether it has the same token."""
    shown = b"" if token is None else b" " + token.encode()
    return hmac.digest(secret.encode(), _PURPOSE + shown, sha256).hex().encode()


@final
class Agreement:
    """Args: name: of this node. sign: of its token."""

    def __init__(self, roles: Roles, forwarder: Forwarder, name: str, sign: bytes) -> None:
        self._roles = roles
        self._forwarder = forwarder
        self._name = name
        self._sign = sign
        self._asked: Owner | None = None  # the active process that has answered
        self._differs: Differs | None = None

    async def watch(self) -> None:
        """Ask each process that becomes active, all the time."""
        while True:
            active = self._roles.row.owner
            if (member := self._roles.member) is not None:
                member.hesitate(is_on=self._differs is not None)
            if self._roles.elsewhere is None or active == self._asked:
                await trio.sleep(LOOKS_S)
            elif not await self._ask(active):
                await trio.sleep(AGAIN_S)

    async def _ask(self, active: Owner) -> bool:
        """Whether it has answered."""
        try:
            answered = await self._forwarder.ask(
                active.address, AGREES_PATH, ((TOKEN_SIGN, self._sign),)
            )
        except httpx.HTTPError as error:
            _log.debug("the active node %s does not answer: %s", active.node, error)
            return False
        if is_stranger(answered):
            self.found(active, Differs.SECRET)
        elif answered.status_code == EdgeCode.TOKEN_REQUIRED.status:
            self.found(active, Differs.TOKEN)
        else:
            self.found(active, None)
        return True

    def found(self, active: Owner, differs: Differs | None) -> None:
        """The process that is active has something set otherwise; or None."""
        if (active, differs) == (self._asked, self._differs):
            return
        self._asked, self._differs = active, differs
        if differs is not None:
            _log.error("%s: %s", self._what(active, differs), _NEXT)

    @property
    def reason(self) -> str | None:
        """Why nothing that this node is asked can be answered, and what to do; None: it can."""
        differs = self._differs_now
        if differs is None:
            return None
        return f"{self._what(self._roles.row.owner, differs)}: {_NEXT}"

    def refusal(self) -> Refusal | None:
        """The same to who asks for something."""
        differs = self._differs_now
        if differs is None:
            return None
        return Refusal.of(
            EdgeCode.NODE_SET_OTHERWISE,
            f"{self._what(self._roles.row.owner, differs)}; nothing was done",
            f"ask another node; its operator: {_NEXT}",
            (_RETRY_AFTER,),
        )

    @property
    def _differs_now(self) -> Differs | None:
        """Of the node that is active now."""
        roles = self._roles
        is_known = roles.elsewhere is not None and roles.row.owner == self._asked
        return self._differs if is_known else None

    def _what(self, active: Owner, differs: Differs) -> str:
        return (
            f"this node, {self._name}, has another {differs.value} than {active.node} at "
            f"{active.address}, which is active"
        )
