"""Streams of events: of a task and all below it, and of all tasks."""

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.views.streams import StreamFilter
from chargehand.actors.views.views import Views
from chargehand.web import queries, sse
from chargehand.web.addresses import known_task
from chargehand.web.call import Call, Routes
from chargehand.web.filters import scope_and_workspace
from chargehand.web.headers import LAST_EVENT_HEADER
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.responses import EventStreamResponse


async def of_task(call: Call) -> EventStreamResponse:
    identify(call)
    pointer, given = _after(call)
    after_seq = given or 0
    task_id, views = known_task(call).id, call.system.views
    check_not_ahead(views, pointer, after_seq)
    return _response(call, lambda: views.subscribe(task_id, after_seq))


async def of_all(call: Call) -> EventStreamResponse:
    identify(call)
    scope, workspace_id = scope_and_workspace(call)
    which, views = StreamFilter(scope, workspace_id), call.system.views
    pointer, given = _after(call)
    after_seq = views.newest_seq if given is None else given
    check_not_ahead(views, pointer, after_seq, "list the tasks again")
    views.changed_since(after_seq)  # or it is refused
    return _response(call, lambda: views.subscribe_all(which, after_seq), after_seq)


def _response(
    call: Call, subscribe: sse.Subscribe, begins_behind: int | None = None
) -> EventStreamResponse:
    if call.is_head:
        return EventStreamResponse(sse.no_events)
    views = call.system.views
    return EventStreamResponse(lambda: sse.event_stream(views, subscribe, begins_behind))


def _after(call: Call) -> tuple[str, int | None]:
    """Where the number stands that the stream goes on behind, and the number; None without one. The
    header counts before the parameter."""
    pointer, after_seq = "?after_sequence", None
    if queries.text(call.query, "after_sequence") is not None:
        after_seq = queries.natural(call.query, "after_sequence")
    last_seen = (call.headers.get(LAST_EVENT_HEADER) or "").strip()
    if last_seen:
        pointer = LAST_EVENT_HEADER
        after_seq = queries.natural_of(last_seen, pointer, f"the header {pointer}")
    return pointer, after_seq


def check_not_ahead(
    views: Views, pointer: str, after_seq: int, begin: str = "read the task again"
) -> None:
    """Refuse a number that was never given: all events up to it would be skipped as known.

    A client has such a number where the server's data were put back to an earlier state.

    Args:
        begin: what to do first.
    """
    newest = views.newest_seq
    if after_seq > newest:
        raise Rejected(
            Code.STREAM_CURSOR_AHEAD,
            f"{pointer.removeprefix('?')} is {after_seq}, but the newest event has the number"
            f" {newest}: these data are older than what the cursor was taken from",
            f"{begin}, and go on behind the newest number or without one",
            pointer=pointer,
            evidence={"newest": newest},
        )


ROUTES: Routes = {Operation.STREAM_TASK: of_task, Operation.STREAM: of_all}
