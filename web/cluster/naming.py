"""Whether a node's name is its own: no two that live have the same."""

import logging
from typing import Final

import trio

from chargehand.persistence.postgres.presence import Holder, Presence
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.exits import ExitCode, Fatal

STILL_S: Final = 5.0
"""Who lives says so every second, and each time waits for the database's copies."""
LOOK_S: Final = 0.2

_log = logging.getLogger("chargehand")


async def former_holder(presence: Presence, me: Owner) -> Holder | None:
    """Who had the name of `me` before, and is gone by all that can be seen; None: nobody had it.

    Who was reached at the same address is gone, as this process listens there now. Of one at
    another address it is seen by this machine's clock whether it still says that it is there.

    Raises:
        Fatal: it does.
        LostError: the database gives no answer.
    """
    found = await trio.to_thread.run_sync(presence.holder, me.node)
    if found is None or found.address == me.address:
        return found
    _log.info(
        "a node %s was at %s: looking for %g s whether it still is", me.node, found.address, STILL_S
    )
    until_s = trio.current_time() + STILL_S
    while trio.current_time() < until_s:
        await trio.sleep(LOOK_S)
        now = await trio.to_thread.run_sync(presence.holder, me.node)
        if now is None:
            return None
        if now != found:
            raise taken(me, now)
    return found


def taken(me: Owner, holder: Holder) -> Fatal:
    """The name is another node's."""
    where = f"at {holder.address}" + (" as well" if holder.address == me.address else "")
    return Fatal(
        ExitCode.BAD_SETTING,
        f"--node: {me.node} is the name of another node, which lives {where}: give this one "
        "a name of its own, or stop that one first",
    )
