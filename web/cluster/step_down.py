"""Whether there is another node to hand over to."""

from typing import Final

import trio

from chargehand.persistence.replicated.far import LostError
from chargehand.web.cluster.presence import NodePresence
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

OTHERS_S: Final = 2.0
"""For another node that has just started to say that it is there."""
_LOOK_S: Final = 0.1


async def refused_step_down(presence: NodePresence) -> Refusal | None:
    """Why this node, which is active, does not hand over; None: it does."""
    until_s = trio.current_time() + OTHERS_S
    while not await _is_another_there(presence):
        if trio.current_time() >= until_s:
            return Refusal.of(
                EdgeCode.NO_OTHER_NODE,
                f"no other node was heard of for {presence.is_gone_s:g} s, so "
                f"{presence.me.node} stays the active one",
                "look at the nodes (chargehand node list), start another one, and ask again",
            )
        await trio.sleep(_LOOK_S)
    return None


async def _is_another_there(presence: NodePresence) -> bool:
    try:
        found = await presence.nodes()
    except LostError:
        return False
    return any(one.name != presence.me.node and one.ago_s <= presence.is_gone_s for one in found)
