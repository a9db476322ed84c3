"""What a node does next: a standby that watches, or the one active node that writes.

`step` is pure. It is given what happened and the time by the node's own monotonic clock, and
returns the node as it is then, with what is to be done. A node has one request under way at most.

Four rules carry everything:

1. Nothing is acknowledged but by an answer of the database that says it is safe (`Done`), and that
   while the node may answer: what came late waits for the next confirmation.
2. An outcome that is not known is never guessed. The node takes its own next epoch, which nothing
   that is still on its way can pass, and then looks how far the log has got.
3. A node that has taken the shard reads the log *after* its take is safe.
4. Clocks decide only when to try a take, and when not to answer. No write rests on one.
"""

from typing import Final, final

from chargehand.actors.frozen import frozen, replace
from chargehand.actors.limits import NS
from chargehand.persistence.replicated.shard import (
    NOBODY,
    Answer,
    Append,
    Batch,
    Done,
    Found,
    Look,
    Owner,
    Raise,
    Release,
    Renew,
    Request,
    Row,
    Take,
    Unknown,
)

HESITATES_NS: Final = NS
"""Less than a node waits that has stepped down."""
RENEWS_PER_TTL: Final = 3
FRESH_PART: Final = 0.8
"""Of a ttl: how long the active node answers after its last confirmed write began. The rest is for
clocks that do not run alike."""


@final
@frozen
class Standby:
    """Args:
    owner: this process.
    seen, since_ns: the row, and when it was first seen to be like that; None: nothing is known.
    shy_until_ns: until then another node shall have its chance first.
    hesitates: others are better suited, as they can work with the rest: they have some time more.
    """

    owner: Owner
    ttl_ns: int
    asked: Request | None = None
    asked_ns: int = 0
    seen: Row | None = None
    since_ns: int = 0
    shy_until_ns: int = 0
    hesitates: bool = False


@final
@frozen
class Active:
    """Args:
    head: the last number that is acknowledged.
    batch: what is to be appended; it stays until its outcome is known.
    safe: a batch in the log whose outcome came too late to be answered: it is acknowledged with the
        next confirmation.
    asked, asked_ns: the request under way, and when it began.
    confirmed_ns: when the last request began that was done.
    doubts: something else that was written under this epoch has no answer: raise it.
    releases: hand over as soon as nothing is under way.
    """

    owner: Owner
    ttl_ns: int
    epoch: int
    head: int
    confirmed_ns: int
    batch: Batch | None = None
    safe: Batch | None = None
    asked: Request | None = None
    asked_ns: int = 0
    doubts: bool = False
    releases: bool = False

    def may_answer(self, now_ns: int) -> bool:
        """Whether no other node can have become active by now."""
        return not self.releases and self.is_confirmed(now_ns)

    def is_confirmed(self, now_ns: int) -> bool:
        """Whether the last request that was done began not long ago."""
        return now_ns - self.confirmed_ns < FRESH_PART * self.ttl_ns


@final
@frozen
class Ended:
    """The node writes nothing any more. Args: released: by itself, for another one to go on."""

    why: str
    released: bool = False


Node = Standby | Active | Ended

# --- what happens to a node ---------------------------------------------------------------------


@final
@frozen
class Tick:
    """Time has passed."""


@final
@frozen
class Write:
    """A batch is to be appended. Only an active node without one gets it."""

    batch: Batch


@final
@frozen
class Doubt:
    """Somebody who writes under the node's epoch has lost an answer."""


@final
@frozen
class StepDown:
    """Another node shall go on."""


@final
@frozen
class Hesitate:
    """Whether other standbys are better suited. Says nothing to an active node."""

    is_on: bool


@final
@frozen
class Answered:
    """The request under way is over."""

    answer: Answer


Event = Tick | Write | Doubt | StepDown | Hesitate | Answered

# --- what is to be done -------------------------------------------------------------------------


@final
@frozen
class Ask:
    """Send the request under way."""

    request: Request


@final
@frozen
class Serve:
    """The node is active: read the log up to `head`, then answer."""

    head: int


@final
@frozen
class Acknowledge:
    """The batch is safe."""

    batch: Batch


Effect = Ask | Serve | Acknowledge


def step(node: Node, event: Event, now_ns: int) -> tuple[Node, list[Effect]]:
    """The node after `event`, and what is to be done, in order."""
    match node:
        case Standby():
            return _standby(node, event, now_ns)
        case Active():
            return _active(node, event, now_ns)
        case Ended():
            return node, []


# --- standby ------------------------------------------------------------------------------------


def _standby(node: Standby, event: Event, now_ns: int) -> tuple[Node, list[Effect]]:
    match event:
        case Tick() if node.asked is None:
            return _sent(node, Look(), now_ns)
        case Hesitate(is_on):
            return replace(node, hesitates=is_on), []
        case Answered(answer):
            return _standby_answered(replace(node, asked=None), node.asked, answer, now_ns)
        case _:
            return node, []


def _standby_answered(
    node: Standby, asked: Request | None, answer: Answer, now_ns: int
) -> tuple[Node, list[Effect]]:
    match answer:
        case Unknown():
            # Of a database that is away nobody knows whether the owner has stood still.
            return replace(node, seen=None), []
        case Done(row):
            assert isinstance(asked, Take | Raise), "nothing else is done by a standby"
            active = Active(node.owner, node.ttl_ns, row.epoch, row.head, node.asked_ns)
            return active, [Serve(row.head)]
        case Found(row):
            if row.owner == node.owner:
                # By a take whose answer was lost. Only what is answered is safe.
                return _sent(node, Raise(row.epoch, node.owner), now_ns)
            if row != node.seen:
                node = replace(node, seen=row, since_ns=now_ns)
            if now_ns >= max(node.shy_until_ns, node.since_ns + _patience_ns(node, row)):
                return _sent(node, Take(row, node.owner), now_ns)
            return node, []


def _patience_ns(node: Standby, row: Row) -> int:
    """How long the row must have stood still."""
    ttl_ns = 0 if row.owner == NOBODY else max(node.ttl_ns, row.owner.ttl_ns)
    return ttl_ns + (HESITATES_NS if node.hesitates else 0)


# --- active -------------------------------------------------------------------------------------


def _active(node: Active, event: Event, now_ns: int) -> tuple[Node, list[Effect]]:
    match event:
        case Write(batch):
            assert node.batch is None, "one batch at a time"
            return _next(replace(node, batch=batch), now_ns)
        case Doubt():
            return _next(replace(node, doubts=True), now_ns)
        case StepDown():
            return _next(replace(node, releases=True), now_ns)
        case Tick() | Hesitate():
            return _next(node, now_ns)
        case Answered(answer):
            return _active_answered(replace(node, asked=None), node.asked, answer, now_ns)


def _next(node: Active, now_ns: int) -> tuple[Node, list[Effect]]:
    """Ask for what is due, if nothing is under way."""
    if node.asked is not None:
        return node, []
    if node.doubts:
        return _sent(node, Raise(node.epoch, node.owner), now_ns)
    if node.batch is not None:
        return _sent(node, Append(node.epoch, node.owner, node.head, node.batch), now_ns)
    if node.releases:
        return _sent(node, Release(node.epoch, node.owner), now_ns)
    if now_ns - node.asked_ns >= node.ttl_ns // RENEWS_PER_TTL:
        return _sent(node, Renew(node.epoch, node.owner), now_ns)
    return node, []


def _active_answered(
    node: Active, asked: Request | None, answer: Answer, now_ns: int
) -> tuple[Node, list[Effect]]:
    match answer:
        case Unknown():
            return _sent(node, Raise(node.epoch, node.owner), now_ns)
        case Done(row):
            return _done(replace(node, confirmed_ns=node.asked_ns), asked, row, now_ns)
        case Found(row):
            if (row.epoch, row.owner) == (node.epoch, node.owner):
                return Ended(_torn(node, row)), []
            if isinstance(asked, Raise) and row.owner == node.owner:
                # An earlier one happened after all. Only what is answered is safe.
                return _sent(replace(node, epoch=row.epoch), Raise(row.epoch, node.owner), now_ns)
            return Ended(_superseded(node, row)), []


def _done(node: Active, asked: Request | None, row: Row, now_ns: int) -> tuple[Node, list[Effect]]:
    if isinstance(asked, Release):
        return Ended("it was asked to step down", released=True), []
    node = replace(node, epoch=row.epoch, doubts=node.doubts and not isinstance(asked, Raise))
    if row.head != node.head:
        if node.batch is None or row.head != node.batch.last_seq:
            return Ended(_torn(node, row)), []
        node = replace(node, head=row.head, batch=None, safe=node.batch)
    if node.safe is None:
        return _next(node, now_ns)
    if not node.is_confirmed(now_ns):
        return _sent(node, Renew(node.epoch, node.owner), now_ns)
    after, effects = _next(replace(node, safe=None), now_ns)
    return after, [Acknowledge(node.safe), *effects]


def _superseded(node: Active, row: Row) -> str:
    return (
        f"the data had epoch {node.epoch} and has epoch {row.epoch} now: "
        f"{row.owner.node or 'another process'} has taken it over, and this one must not write it"
    )


def _torn(node: Active, row: Row) -> str:
    return (
        f"the log in the database ends at number {row.head}, and this process had "
        f"{node.head} acknowledged: the database has lost what it had confirmed, or another "
        "program writes its tables"
    )


def _sent(node: Standby | Active, request: Request, now_ns: int) -> tuple[Node, list[Effect]]:
    return replace(node, asked=request, asked_ns=now_ns), [Ask(request)]
