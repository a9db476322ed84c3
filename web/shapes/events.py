"""Events as the timeline, the stream and a task's detail show them."""

from typing import Protocol, final

import orjson
from attrs import define

from chargehand.actors.record import Record
from chargehand.actors.task import state
from chargehand.actors.task.events import RunEvent
from chargehand.actors.task.events import TaskEvent as Happened
from chargehand.actors.task.state import TaskState
from chargehand.web.payloads import payload_of
from chargehand.web.shapes.encoding import Shape, rfc3339
from chargehand.web.shapes.principals import Actor, Origin, actor_of, origin_of
from chargehand.web.shapes.references import Lookup, TaskReference, reference_of
from chargehand.web.shapes.runs import RunSummary, run_summary_of


class TimelineEntry(Protocol):
    """An event with the record that it is of, and its task and run as they are now."""

    @property
    def seq(self) -> int: ...
    @property
    def record(self) -> Record: ...
    @property
    def event(self) -> Happened: ...
    @property
    def task(self) -> TaskState: ...
    @property
    def run(self) -> state.Run | None: ...


@final
@define(eq=False)
class TaskEvent(Shape):
    id: str
    task_id: str
    event_type: str
    actor: Actor
    origin: Origin
    timestamp: str
    run_id: str | None = None
    payload: orjson.Fragment | None = None


@final
@define(eq=False)
class TimelineItem(Shape):
    sequence: int
    event_id: str
    task: TaskReference
    event_type: str
    actor: Actor
    origin: Origin
    timestamp: str
    run: RunSummary | None = None
    payload: orjson.Fragment | None = None


@final
@define(eq=False)
class TimelineResponse(Shape):
    timeline: list[TimelineItem]


@final
@define(eq=False)
class StreamEvent(Shape):
    sequence: int
    type: str
    timeline: TimelineItem


def task_event_of(entry: TimelineEntry) -> TaskEvent:
    record = entry.record
    return TaskEvent(
        record.event_id(entry.seq),
        record.address,
        entry.event.type,
        actor_of(record.caller.actor),
        origin_of(record.caller.origin),
        rfc3339(record.at_ns),
        entry.event.run_id if isinstance(entry.event, RunEvent) else None,
        _payload(entry.event),
    )


def timeline_item_of(entry: TimelineEntry, lookup: Lookup) -> TimelineItem:
    record = entry.record
    return TimelineItem(
        entry.seq,
        record.event_id(entry.seq),
        reference_of(entry.task, lookup),
        entry.event.type,
        actor_of(record.caller.actor),
        origin_of(record.caller.origin),
        rfc3339(record.at_ns),
        None if entry.run is None else run_summary_of(entry.task, entry.run, lookup),
        _payload(entry.event),
    )


def stream_event_of(entry: TimelineEntry, lookup: Lookup) -> StreamEvent:
    return StreamEvent(entry.seq, entry.event.type, timeline_item_of(entry, lookup))


def _payload(event: Happened) -> orjson.Fragment | None:
    payload = payload_of(event)
    return orjson.Fragment(orjson.dumps(payload)) if payload else None
