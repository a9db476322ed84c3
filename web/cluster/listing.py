"""The nodes as they are shown to people."""

from collections.abc import Sequence

from chargehand.persistence.postgres.presence import Seen
from chargehand.persistence.replicated.shard import Row


def still_s(found: Sequence[Seen], is_gone_s: float) -> float | None:
    """For how many seconds nobody could say that it is there, not even the node that looks: the
    database confirms nothing then. None: it does."""
    last_s = min((one.ago_s for one in found), default=0.0)
    return last_s if last_s > is_gone_s else None


def listing(
    found: Sequence[Seen], row: Row, me: str, followed_seq: int, is_gone_s: float
) -> dict[str, object]:
    """Args:
    row: what the database showed last.
    me, followed_seq: the node that looks, and how far it has got.
    is_gone_s: a node that said nothing for so long, while another one did, is gone.
    """
    stands_still_s = still_s(found, is_gone_s)
    # Who was there when it began may be so still: nobody can say it.
    gone_s = is_gone_s + (stands_still_s or 0)

    def role(one: Seen) -> str:
        if one.ago_s > gone_s and one.name != me:
            return "gone"
        return "active" if one.name == row.owner.node else "standby"

    def lag(one: Seen) -> int | None:
        if role(one) == "gone":
            return None  # it would grow with the log, whatever became of that node
        if one.name == row.owner.node:
            return 0
        return max(0, row.head - (followed_seq if one.name == me else one.followed_seq))

    nodes = [
        {
            "name": one.name,
            "address": one.address,
            "role": role(one),
            "seen_seconds_ago": round(max(0.0, one.ago_s), 1),
            "lag_records": lag(one),
        }
        for one in found
    ]
    stands = None if stands_still_s is None else round(stands_still_s, 1)
    return {"nodes": nodes, "epoch": row.epoch, "unconfirmed_seconds": stands}
