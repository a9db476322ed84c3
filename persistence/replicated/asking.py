"""What a member asks of the row that fences, and what it has seen there last."""

from typing import Final, final

from chargehand.actors.boot_clock import boot_ns
from chargehand.actors.limits import NS
from chargehand.persistence.replicated.far import Link
from chargehand.persistence.replicated.outage import Outage
from chargehand.persistence.replicated.shard import Answer, Done, Look, Owner, Request, Row, Unknown

_UNCONFIRMED: Final = (
    "it confirms no write, which may wait for its standby (see `chargehand journal status`)"
)


@final
class Asking:
    """Used by the member's thread, but for `watch` and the attributes.

    Args:
        owner: this process.

    Attributes:
        row: what the database showed last: who is active, and how far the log has got.
        looked_ns: when that was.
        moved_ns: when it was another one than before.
        outage: as it has no answer.
    """

    def __init__(self, link: Link, owner: Owner) -> None:
        self.row = Row()
        self.looked_ns = self.moved_ns = 0
        self.outage: Final = Outage("the database gives no answer", "the database answers again")
        self._link = link
        self._owner = owner
        self._asked_ns: int | None = None  # when the request under way began
        self._is_over = False
        self._writes = False  # it is more than a look
        self._unwritten: Row | None = None  # as it was when a write had no answer

    def ask(self, request: Request) -> Answer:
        """What the database answers, which takes as long as it takes."""
        self._asked_ns = boot_ns()
        self._writes = not isinstance(request, Look)
        try:
            answer = self._link.ask(request)
        finally:
            self._asked_ns = None
        self.looked_ns = boot_ns()
        if isinstance(answer, Unknown):
            if not self._is_over:
                self._fails(answer.why)
            return answer
        if isinstance(answer, Done) or self._is_written(answer.row):
            self._unwritten = None
            self.outage.is_over()
        if answer.row != self.row:
            self.moved_ns = self.looked_ns
        self.row = answer.row
        return answer

    def _fails(self, why: str, since_ns: int | None = None) -> None:
        if self._writes:
            self._unwritten = self.row
        self.outage.goes_on(why, since_ns)

    def _is_written(self, row: Row) -> bool:
        """Whether writes are answered, as far as a look shows that: somebody else's."""
        return self._unwritten is None or (row != self._unwritten and row.owner != self._owner)

    def watch(self, slow_s: float, hung_s: float) -> None:
        """Report a request that takes longer than `slow_s`, and end one that takes longer than
        `hung_s`. On Trio's thread."""
        asked_ns = self._asked_ns
        if asked_ns is not None and boot_ns() - asked_ns > slow_s * NS:
            self._fails(_UNCONFIRMED if self._writes else "it answers no question", asked_ns)
        self._link.end_hung(hung_s)

    def interrupt(self) -> None:
        """From another thread: end the wait for an answer, as nobody wants one any more."""
        self._is_over = True
        self._link.interrupt()

    def drop(self) -> None:
        """Let go of the connection."""
        self._link.drop()
