"""What belongs to a task: its dependencies, tree and timeline."""

import orjson
import trio

from chargehand.actors.errors import invalid
from chargehand.actors.slices import in_turns
from chargehand.actors.task import commands as c
from chargehand.actors.views.pages import sequence_of
from chargehand.web import queries
from chargehand.web.addresses import known_task, task_id_of
from chargehand.web.call import Call, Routes
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import CURSOR, cursor_of, next_link
from chargehand.web.preconditions import etag
from chargehand.web.requests.tasks import ADD_DEPENDENCY
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.routes.streams import check_not_ahead
from chargehand.web.routes.tasks import detail
from chargehand.web.shapes.encoding import encode
from chargehand.web.shapes.events import TimelineResponse, timeline_item_of
from chargehand.web.shapes.tasks import (
    EncodedTree,
    EncodedTreeResponse,
    TaskDetailResponse,
    TasksResponse,
    listed,
    node_of,
)


async def _change(call: Call, command: c.AddDependency | c.RemoveDependency) -> HttpResponse:
    answer = await call.system.ask(task_id_of(call), command, identify(call))
    return shown(200, TaskDetailResponse(detail(call, answer.task)), etag(answer.task))


async def add(call: Call) -> HttpResponse:
    return await _change(call, call.decode(ADD_DEPENDENCY))


async def remove(call: Call) -> HttpResponse:
    return await _change(call, c.RemoveDependency(task_id_of(call, "depends_on_id")))


async def dependents(call: Call) -> HttpResponse:
    identify(call)
    query, views = call.query, call.system.views
    found = views.dependents(task_id_of(call), cursor_of(query), queries.limit(query))
    page = await in_turns(found)
    tasks = [listed(task, views) for task in page.items]
    return shown(200, TasksResponse(tasks), next_link(call.path, query, page.next_cursor))


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
    check_not_ahead(views, "?after_sequence", after_seq)
    check_not_ahead(views, f"?{CURSOR}", cursor_seq)
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


ROUTES: Routes = {
    Operation.ADD_DEPENDENCY: add,
    Operation.REMOVE_DEPENDENCY: remove,
    Operation.LIST_DEPENDENTS: dependents,
    Operation.GET_TREE: tree,
    Operation.GET_TIMELINE: timeline,
}
