"""Live subscriptions, to a task and everything below it or to all tasks: each event once, in order,
no gap.

A subscriber reads the past up to the moment it subscribed, then what is published after it. One
that cannot keep up is closed, never thinned: it comes back with the last number it has seen.
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum
from types import TracebackType
from typing import Final, Self, final

import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import frozen
from chargehand.actors.record import Record
from chargehand.actors.task.events import TaskDeleted
from chargehand.actors.task.state import Scope, TaskState
from chargehand.actors.views.timeline import TimelineEvent, public_events


class CloseReason(Enum):
    DELETED = "deleted"
    OVERFLOW = "overflow"
    SHUTDOWN = "shutdown"
    SET_ASIDE = "set_aside"  # the task that is followed, see `actors.faults`


class Changed(Enum):
    """What is no task's and was committed. It has no number: who comes back reads it anew."""

    SCHEDULER = "scheduler"  # dispatch is paused, or goes on
    REGISTRY = "registry"  # a session or workspace


@final
class StreamClosed(Exception):
    """Raised by `receive` when the server has ended the stream and all before was received."""

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@final
@frozen
class StreamFilter:
    """The tasks that a stream of all of them is of: all that is set must match."""

    scope: Scope | None = None
    workspace_id: str | None = None

    def includes(self, task: TaskState) -> bool:
        return (self.scope is None or task.scope is self.scope) and (
            self.workspace_id is None or task.workspace_id == self.workspace_id
        )


EVERYTHING: Final = StreamFilter()


@final
class Subscriber:
    """One subscriber. Use as a context manager, receive from one task only."""

    def __init__(
        self,
        hub: "Streams",
        task_id: str | None,
        after_seq: int,
        backlog: Iterator[TimelineEvent | None],
        deleted: list[str],
        buffer_max: int,
        which: StreamFilter = EVERYTHING,
        *,
        hears_changes: bool = False,
    ) -> None:
        """Args:
        task_id: what is followed, with all below it; None: all tasks.
        backlog: the events up to now, see `receive`.
        deleted: takes the descendants that are deleted while the backlog is read.
        hears_changes: it receives what is no task's as well, once for however many times that
            has happened since.
        """
        self._hub = hub
        self.task_id = task_id
        self.which = which
        self.hears_changes = hears_changes
        self._changed: dict[Changed, None] = {}
        self._after_seq = after_seq
        self._backlog: Iterator[TimelineEvent | None] | None = backlog
        self._deleted = deleted
        self._buffer: deque[TimelineEvent] = deque()
        self._buffer_max = buffer_max
        self._closed: CloseReason | None = None
        self._wake = trio.Event()

    def __enter__(self) -> Self:
        self._hub.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hub.remove(self)

    async def receive(self) -> TimelineEvent | Changed:
        """The next event, or what else has changed.

        Raises:
            StreamClosed: there is none, and there will be none.
        """
        while self._backlog is not None:
            await trio.lowlevel.checkpoint()
            try:
                event = next(self._backlog)
            except StopIteration:
                self._backlog = None
            except StreamClosed as closed:
                self.close(closed.reason)
                raise
            else:
                if event is not None:
                    return event
        while not (self._buffer or self._changed):
            if self._closed is not None:
                raise StreamClosed(self._closed)
            self._wake = trio.Event()
            await self._wake.wait()
        # There are few of those, and events may always wait.
        return self._changed.popitem()[0] if self._changed else self._buffer.popleft()

    def change(self, what: Changed) -> None:
        """Something was committed that is no task's."""
        self._changed[what] = None
        self._wake.set()

    def offer(self, event: TimelineEvent) -> None:
        """Take an event that was just published."""
        if self._backlog is not None and isinstance(event.event, TaskDeleted):
            self._deleted.append(event.task.id)
        if self._closed is not None or event.seq <= self._after_seq:
            return
        if len(self._buffer) >= self._buffer_max:
            self._buffer.clear()
            self.close(CloseReason.OVERFLOW)
            return
        self._buffer.append(event)
        self._wake.set()

    def close(self, reason: CloseReason) -> None:
        """End it once what is buffered has been received."""
        if self._closed is None:
            self._closed = reason
            if reason is CloseReason.SHUTDOWN and self._backlog is not None:
                # No more of the past is read, and what came after it must not be sent without it.
                self._backlog = iter(())
                self._buffer.clear()
            self._wake.set()


def cursor_behind(after_seq: int, newest_seq: int) -> Rejected:
    """The refusal to go on with a stream of all tasks that was left too long ago."""
    return Rejected(
        Code.STREAM_CURSOR_BEHIND,
        f"too much has happened since the number {after_seq} to be sent event by event",
        f"list the tasks again, and go on behind {newest_seq}",
        evidence={"newest": newest_seq},
    )


@final
class Streams:
    """All subscribers, by the task they follow; under None those of all tasks."""

    def __init__(self) -> None:
        self._followers: dict[str | None, dict[Subscriber, None]] = {}
        self._closing = False

    def __len__(self) -> int:
        return sum(len(followers) for followers in self._followers.values())

    def add(self, subscriber: Subscriber) -> None:
        self._followers.setdefault(subscriber.task_id, {})[subscriber] = None
        if self._closing:
            subscriber.close(CloseReason.SHUTDOWN)

    def remove(self, subscriber: Subscriber) -> None:
        followers = self._followers.get(subscriber.task_id, {})
        followers.pop(subscriber, None)
        if not followers:
            self._followers.pop(subscriber.task_id, None)

    def publish(self, record: Record, state: TaskState, ancestors: Iterator[str]) -> None:
        """Hand a committed record to those who follow the task, an ancestor or all tasks."""
        if not self._followers:
            return
        following = [
            follower
            for task_id in (None, record.address, *ancestors)
            for follower in self._followers.get(task_id, ())
            if follower.which.includes(state)
        ]
        if following:
            for event in public_events(record, state):
                for follower in following:
                    follower.offer(event)
        if any(isinstance(event, TaskDeleted) for event in record.events):
            for follower in self._followers.get(record.address, ()):
                follower.close(CloseReason.DELETED)

    def changed(self, what: Changed) -> None:
        """Tell those who want to know that something was committed that is no task's."""
        for follower in self._followers.get(None, ()):
            if follower.hears_changes:
                follower.change(what)

    def set_aside(self, address: str) -> None:
        """A task is set aside: end the streams of those who follow it."""
        for follower in self._followers.get(address, ()):
            follower.close(CloseReason.SET_ASIDE)

    def close_all(self) -> None:
        """The server shuts down; new subscriptions are closed at once, too."""
        self._closing = True
        for followers in list(self._followers.values()):
            for follower in followers:
                follower.close(CloseReason.SHUTDOWN)
