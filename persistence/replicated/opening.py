"""How the composition root gets a journal over a database that replicates."""

from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.replicated.far import FarTables
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.writer import ReplicatedWriter


def replicated_journal(member: Member, tables: FarTables) -> StoreJournal:
    """The journal of a member that is active.

    Args:
        tables: with a connection of their own, for checkpoints.

    Raises:
        DamagedError: what was copied does not say how far it is folded.
    """
    return StoreJournal(member.near.store, member.epoch, ReplicatedWriter(member, tables))
