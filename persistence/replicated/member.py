"""A node's thread: it follows the database while another node is active, and then appends.

It begins with the process and ends with it. From the moment the node is active the thread keeps it
so, however long the rest of the program needs to come up.
"""

import contextlib
import logging
import threading
import time
from queue import Empty, SimpleQueue
from typing import Final, Protocol, final

import trio

from chargehand.actors.boot_clock import boot_ns
from chargehand.actors.frozen import replace
from chargehand.actors.limits import NS
from chargehand.actors.ports import DamagedError, EndedError
from chargehand.persistence.framing import log_value, span
from chargehand.persistence.pipeline import Waiting
from chargehand.persistence.replicated.asking import Asking
from chargehand.persistence.replicated.far import Link, LostError
from chargehand.persistence.replicated.near import ForkedError, Near
from chargehand.persistence.replicated.node import (
    RENEWS_PER_TTL,
    Acknowledge,
    Active,
    Answered,
    Ask,
    Effect,
    Ended,
    Event,
    Hesitate,
    Node,
    Serve,
    Standby,
    StepDown,
    Tick,
    Write,
    step,
)
from chargehand.persistence.replicated.outage import Outage
from chargehand.persistence.replicated.shard import (
    Answer,
    Batch,
    Look,
    Owner,
    Request,
    Row,
    Unknown,
)

_log = logging.getLogger("chargehand")

TTL_S: Final = 5.0
LOOKS_S: Final = 0.05
"""Between two looks of a standby: what it lags behind by, at most twice that."""
AGAIN_S: Final = 0.2
"""After an answer that did not come; the database may be failing over."""


class Writing(Protocol):
    """Whoever writes, as the node calls it."""

    def acknowledged(self, batch: Batch) -> None:
        """The batch is safe. On the member's thread."""

    def ended(self, error: BaseException | None) -> None:
        """The node has; with what `Member.wait_ended` raises. On Trio's thread."""

    def end_hung(self, seconds: float) -> None:
        """End each wait of its own for the database that takes longer. On Trio's thread."""


@final
class Member:
    """Made and stopped on Trio's thread.

    Args:
        owner: this process.
        link: of this thread alone.
        near: the same; until the node is active.
        ttl_s: seconds without a sign of the active node after which another one takes over.
        shy_s: seconds in which another node shall have its chance first.
    """

    def __init__(
        self, owner: Owner, link: Link, near: Near, *, ttl_s: float = TTL_S, shy_s: float = 0
    ) -> None:
        owner = replace(owner, ttl_ns=int(ttl_s * NS))
        self.owner: Final = owner
        self.ttl_s: Final = ttl_s
        self.waiting: Final = Waiting()
        self.near: Final = near
        self._asking = Asking(link, owner)
        self._following = Outage(
            "the log in the database cannot be read", "the log in the database is read again"
        )
        shy_until_ns = boot_ns() + int(shy_s * NS)
        self._node: Node = Standby(owner, owner.ttl_ns, shy_until_ns=shy_until_ns)
        self._events: SimpleQueue[Event | None] = SimpleQueue()  # None: look what there is to do
        self._idle = False
        self._stopping = False
        self._finishing = False
        self._hesitates = False
        self._changed = threading.Condition()  # the node's epoch, or that it has ended
        self._writer: Writing | None = None  # until somebody writes
        self._token = trio.lowlevel.current_trio_token()
        self._active, self._ended = trio.Event(), trio.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="journal-node", daemon=True)

    def start(self) -> None:
        self._thread.start()

    # --- what others see of it, on any thread ---------------------------------------------------

    @property
    def node(self) -> Node:
        """As of now."""
        return self._node

    @property
    def row(self) -> Row:
        """What the database showed last: who is active, and how far the log has got."""
        return self._asking.row

    @property
    def trouble(self) -> str | None:
        """Why the database gives no answer; None: it does."""
        return self._asking.outage.said or self._following.said

    @property
    def still_s(self) -> float:
        """Seconds for which the row has been as it is, as far as this node has seen it."""
        return (boot_ns() - self._asking.moved_ns) / NS

    @property
    def epoch(self) -> int:
        """That it writes with; it may be raised at any time."""
        node = self._node
        return node.epoch if isinstance(node, Active) else 0

    @property
    def followed_seq(self) -> int:
        """The last number that this node has."""
        node = self._node
        return node.head if isinstance(node, Active) else self.near.last_seq

    def may_answer(self) -> bool:
        """Whether it is active, and no other node can have become so by now."""
        node = self._node
        return isinstance(node, Active) and node.may_answer(boot_ns())

    # --- on Trio's thread -----------------------------------------------------------------------

    async def wait_active(self) -> None:
        """Return once the node is active, and its copy whole. Raises: EndedError, StorageError."""
        await self._active.wait()
        if self._error is not None:
            raise self._error

    async def wait_ended(self) -> None:
        """Return once the node has released what it had. Raises: EndedError, StorageError."""
        await self._ended.wait()
        if self._error is not None:
            raise self._error

    def begin_writing(self, writer: Writing) -> None:
        """From now on what waits in `waiting` is written. Each frame there needs a `wake`."""
        self._writer = writer
        if self._ended.is_set():
            writer.ended(self._error)
        self.wake()

    def wake(self) -> None:
        """Something waits."""
        # The thread sets `_idle` before it looks for work a last time, so one of us sees the
        # other. A token too many is one more look.
        if self._idle:
            self._idle = False
            self._events.put(None)

    def finish(self) -> None:
        """Write what waits, then let another node go on. On any thread."""
        self._finishing = True
        self._events.put(None)

    def hesitate(self, *, is_on: bool) -> None:
        """Let other standbys go first, which can work with the rest; or no longer."""
        if is_on != self._hesitates:
            self._hesitates = is_on
            self._events.put(Hesitate(is_on))

    def end_hung(self, seconds: float) -> None:
        """End each wait for an answer that takes longer; what became of it is found out then, maybe
        from another server of the database. To be called all the time: it says, too, what takes
        longer than a ttl."""
        self._asking.watch(self.ttl_s, seconds)
        self.near.end_hung(seconds)
        if self._writer is not None:
            self._writer.end_hung(seconds)

    async def stop(self) -> None:
        """End the thread, whatever waits. Harmless if repeated."""
        self._stopping = True
        self._events.put(None)
        self._asking.interrupt()
        self.near.interrupt()
        if self._thread.is_alive():
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._thread.join)

    # --- for the thread that folds --------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Have the node take the event in when it comes to it."""
        self._events.put(event)

    def wait_raised(self, epoch: int) -> None:
        """Return once the epoch is above `epoch`. Raises: EndedError."""
        with self._changed:
            while self.epoch <= epoch:
                if isinstance(self._node, Ended) or self._stopping:
                    raise EndedError("the node ended")
                self._changed.wait(AGAIN_S)

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while not self._stopping and not isinstance(self._node, Ended):
                if isinstance(self._node, Standby):
                    self._stand_by()
                else:
                    self._step(self._next_event())
        except BaseException as caught:
            error = caught
        finally:
            self._asking.drop()
        if isinstance(self._node, Ended) and not self._node.released and error is None:
            error = EndedError(self._node.why)
        with self._changed:
            self._changed.notify_all()
        self._token.run_sync_soon(self._end, error)

    def _end(self, error: BaseException | None) -> None:
        self._error = error
        self._active.set()
        self._ended.set()
        if self._writer is not None:
            self._writer.ended(error)

    def _stand_by(self) -> None:
        # Whoever takes has a copy by then: nothing renews while everything is copied. Others want
        # to know who is active all the while.
        try:
            self.near.catch_up(self._look_meanwhile)
        except (LostError, ForkedError) as error:
            self._following.goes_on(str(error))
            self._asking.drop()  # it may be to the same server, and wait as long for that
            self._step(Answered(Unknown(str(error))))
        else:
            self._following.is_over()
            self._step(Tick())
        if isinstance(self._node, Standby):
            self._wait(0 if self.near.heads.read_some() else LOOKS_S)

    def _look_meanwhile(self) -> None:
        """Raises: EndedError: the thread is to end."""
        if self._stopping:
            raise EndedError("the node ended while it copied")
        if boot_ns() - self._asking.looked_ns >= LOOKS_S * 1e9:
            self._asked(Look())

    def _wait(self, seconds: float) -> None:
        if not self._stopping:
            try:
                event = self._events.get(timeout=seconds)
            except Empty:
                return
            if event is not None:
                self._step(event)

    def _next_event(self) -> Event:
        """A batch, if one waits, else what somebody wants, or that time has passed."""
        event = self._wanted()
        if event is not None:
            return event
        if self._has_batch:
            frames = self.waiting.take()
            return Write(Batch(span(frames[-1])[1], log_value(frames), len(frames)))
        return StepDown() if self._finishing else Tick()

    def _wanted(self) -> Event | None:
        """What somebody wants; waits for it if nothing else is to be done."""
        try:
            if not self._events.empty():
                return self._events.get_nowait()
            self._idle = True
            if self._has_batch or self._finishing or self._stopping:
                return None
            return self._events.get(timeout=self.ttl_s / RENEWS_PER_TTL)
        except Empty:
            return None
        finally:
            self._idle = False

    @property
    def _has_batch(self) -> bool:
        return bool(self.waiting) and self._writer is not None

    def _step(self, event: Event) -> None:
        events = [event]
        while events:
            former = self._node
            self._node, effects = step(former, events.pop(), boot_ns())
            if self._node is not former and isinstance(self._node, Active | Ended):
                with self._changed:
                    self._changed.notify_all()
            for effect in effects:
                events += self._do(effect)

    def _do(self, effect: Effect) -> list[Event]:
        match effect:
            case Ask(request):
                return [Answered(self._asked(request))]
            case Acknowledge(batch):
                assert self._writer is not None, "nothing is written before"
                self._writer.acknowledged(batch)
            case Serve(head):
                self._have_all(head)
                self._token.run_sync_soon(self._active.set)
        return []

    def _asked(self, request: Request) -> Answer:
        answer = self._asking.ask(request)
        if isinstance(answer, Unknown):
            if self._stopping:
                raise EndedError("the node ended while the database was away")
            time.sleep(AGAIN_S)
        return answer

    def _have_all(self, head: int) -> None:
        is_anew = False
        while True:
            try:
                self.near.catch_up(self._look_meanwhile)
                self.near.check_log(head)
            except ForkedError as error:
                if is_anew:  # nobody else writes by now
                    raise DamagedError(f"the log in the database is damaged: {error}") from error
                _log.warning("%s: copying everything anew", error)
                is_anew = self._copy()
            except LostError as error:
                if self._stopping:
                    raise
                self._following.goes_on(str(error))
                time.sleep(AGAIN_S)
            else:
                self._following.is_over()
                self.near.rest()
                return

    def _copy(self) -> bool:
        """Whether all of it was copied."""
        with contextlib.suppress(LostError, ForkedError):
            self.near.copy(self._look_meanwhile)
            return True
        return False
