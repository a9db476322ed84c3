"""Whether a database could lose what it has acknowledged, by how it is set up."""

from typing import Final, final

import psycopg

from chargehand.actors.frozen import frozen
from chargehand.actors.ports import StorageError
from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import Database, Rows, said

SAFE_COMMITS: Final = frozenset({"on", "remote_apply"})

_READ: Final = """SELECT current_setting('fsync'), current_setting('full_page_writes'),
    current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
    (SELECT count(*) FROM pg_stat_replication)"""
# A role sees so much of its own sessions, and nodes have one in common.
_WAITING: Final = """SELECT count(*),
    coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8
    FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"""

_STALLED: Final = "no standby of the database is connected: commits wait for one; start it"


@final
@frozen
class Safety:
    """How safe a database keeps what it acknowledges, now.

    Args:
        risks: what could lose acknowledged writes, each with what to set instead.
        stalled: why nothing is acknowledged at all; None: no reason is seen.
        waiting_commits: so many have no answer until a standby has them.
        waits_s: seconds for which the longest has waited.
    """

    risks: list[str]
    stalled: str | None
    waiting_commits: int
    waits_s: float


def safety(address: JournalAddress) -> Safety:
    """Raises: StorageError: the database cannot be asked."""
    [(fsync, pages, commit, names, standbys)] = _asked(address, _READ)
    [(waiting, waits_s)] = _asked(address, _WAITING)
    risks = []
    if fsync != "on":
        risks.append(f"fsync is {fsync}: a power cut loses commits; set it to on")
    if pages != "on":
        risks.append(f"full_page_writes is {pages}: a power cut may tear pages; set it to on")
    if commit not in SAFE_COMMITS:
        risks.append(
            f"synchronous_commit is {commit}: a commit is acknowledged before a standby has it on "
            "disk; set it to on for the role"
        )
    if not names:
        risks.append(
            "synchronous_standby_names is empty: no standby has what is acknowledged; name some, "
            "as ANY 1 (one, two)"
        )
    is_stalled = bool(names) and commit in SAFE_COMMITS and not standbys
    return Safety(risks, _STALLED if is_stalled else None, waiting, waits_s)


def _asked(address: JournalAddress, text: str) -> Rows:
    database = Database(address)
    try:
        return database.rows(text)
    except psycopg.Error as error:
        raise StorageError(f"the journal at {address} cannot be read: {said(error)}") from error
    finally:
        database.drop()


def refuse_risks(address: JournalAddress) -> str | None:
    """What keeps commits waiting although nothing could be lost; None: nothing does.

    Raises:
        StorageError: acknowledged writes could be lost; the message names every reason.
    """
    found = safety(address)
    if found.risks:
        raise StorageError(told(address, found.risks))
    return found.stalled


def told(address: JournalAddress, found: list[str]) -> str:
    """What to say of risks."""
    return (
        f"the database of {address} could lose acknowledged writes: {'; '.join(found)} "
        "(or start with --journal-unreplicated, and lose them with that machine)"
    )
