"""What belongs to a task: its dependencies, tree, timeline and stream."""

import orjson
import trio

from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.task import commands as c
from chargehand.actors.views.pages import sequence_of
from chargehand.actors.views.views import Views
from chargehand.web import queries, sse
from chargehand.web.addresses import known_task, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.headers import LAST_EVENT_HEADER
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import CURSOR, cursor_of, next_link
from chargehand.web.preconditions import etag
from chargehand.web.requests.tasks import ADD_DEPENDENCY
from chargehand.web.responses import EventStreamResponse, HttpResponse, shown
from chargehand.web.routes.tasks import detail
from chargehand.web.shapes.encoding import encode
from chargehand.web.shapes.events import TimelineResponse, timeline_item_of
from chargehand.web.shapes.tasks import (
    EncodedTree,
    EncodedTreeResponse,
    TaskDetailResponse,
    node_of,
)


async def _change(call: Call, command: c.AddDependency | c.RemoveDependency) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), command, identify(call))
    return shown(200, TaskDetailResponse(detail(call, answer.task)), etag(answer.task))


async def add(call: Call) -> HttpResponse:
    return await _change(call, call.decode(ADD_DEPENDENCY))


async def remove(call: Call) -> HttpResponse:
    return await _change(call, c.RemoveDependency(task_id_of(call, "depends_on_id")))


async def tree(call: Call) -> HttpResponse:
    identify(call)
    views = call.system.views
    nodes: list[orjson.Fragment] = []
    for entries in views.tree(task_id_of(call)):
        for entry in entries:
            node = node_of(entry.task, entry.depth, entry.child_count, views)
            nodes.append(orjson.Fragment(encode(node)))
        await trio.lowlevel.checkpoint()
    return shown(200, EncodedTreeResponse(EncodedTree(nodes[0], nodes[1:])))


async def timeline(call: Call) -> HttpResponse:
    identify(call)
    query = call.query
    after_seq, limit = queries.natural(query, "after_sequence"), queries.limit(query)
    task_id = known_task(call).id
    cursor_seq = sequence_of(cursor_of(query)) or 0
    views = call.system.views
    _check_not_ahead(views, "?after_sequence", after_seq)
    _check_not_ahead(views, f"?{CURSOR}", cursor_seq)
    after_seq = max(after_seq, cursor_seq)
    if queries.flag(query, "latest"):
        if cursor_seq:
            raise invalid(
                f"?{CURSOR}",
                "the latest events have no further pages",
                "leave out the cursor or the parameter latest",
            )
        latest = [one for one in views.timelines.latest(task_id, limit) if one.seq > after_seq]
        return shown(200, TimelineResponse([timeline_item_of(one, views) for one in latest]))
    found = views.timelines.after(task_id, after_seq, limit + 1)
    shown_events = found[:limit]
    more = str(shown_events[-1].seq) if len(found) > limit else None
    items = [timeline_item_of(event, views) for event in shown_events]
    return shown(200, TimelineResponse(items), next_link(call.path, query, more))


async def stream(call: Call) -> EventStreamResponse:
    identify(call)
    pointer, after_seq = "?after_sequence", queries.natural(call.query, "after_sequence")
    last_seen = (call.headers.get(LAST_EVENT_HEADER) or "").strip()
    if last_seen:
        pointer = LAST_EVENT_HEADER
        after_seq = queries.natural_of(last_seen, pointer, f"the header {pointer}")
    task_id, views = known_task(call).id, call.system.views
    _check_not_ahead(views, pointer, after_seq)
    if call.is_head:
        return EventStreamResponse(sse.no_events)
    return EventStreamResponse(lambda: sse.event_stream(views, task_id, after_seq))


def _check_not_ahead(views: Views, pointer: str, after_seq: int) -> None:
    """Refuse a number that was never given: all events up to it would be skipped as known.

    A client has such a number where the server's data were put back to an earlier state.
    """
    newest = views.newest_seq
    if after_seq > newest:
        raise Rejected(
            Code.STREAM_CURSOR_AHEAD,
            f"{pointer.removeprefix('?')} is {after_seq}, but the newest event has the number"
            f" {newest}: these data are older than what the cursor was taken from",
            "read the task again, and go on behind the newest number or without one",
            pointer=pointer,
            evidence={"newest": newest},
        )


ROUTES: Routes = {
    Operation.ADD_DEPENDENCY: add,
    Operation.REMOVE_DEPENDENCY: remove,
    Operation.GET_TREE: tree,
    Operation.GET_TIMELINE: timeline,
    Operation.STREAM_TASK: stream,
}
