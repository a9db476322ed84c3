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
    after_seq = _after(call) or 0
    task_id, views = known_task(call).id, call.system.views
    _check(call, views, after_seq)
    return _response(call, lambda: views.subscribe(task_id, after_seq))


async def of_all(call: Call) -> EventStreamResponse:
    identify(call)
    scope, workspace_id = scope_and_workspace(call)
    which, views, after_seq = StreamFilter(scope, workspace_id), call.system.views, _after(call)
    if after_seq is None:
        after_seq = views.newest_seq
    _check(call, views, after_seq)
    views.changed_since(after_seq)  # or it is refused
    return _response(call, lambda: views.subscribe_all(which, after_seq))


def _response(call: Call, subscribe: sse.Subscribe) -> EventStreamResponse:
    if call.is_head:
        return EventStreamResponse(sse.no_events)
    views = call.system.views
    return EventStreamResponse(lambda: sse.event_stream(views, subscribe))


def _pointer(call: Call) -> str:
    """Where the number stands that the stream goes on behind: the header counts before the
    parameter."""
    last_seen = (call.headers.get(LAST_EVENT_HEADER) or "").strip()
    return LAST_EVENT_HEADER if last_seen else "?after_sequence"


def _after(call: Call) -> int | None:
    """The number that is given; None without one."""
    if _pointer(call) == LAST_EVENT_HEADER:
        last_seen = (call.headers.get(LAST_EVENT_HEADER) or "").strip()
        return queries.natural_of(last_seen, LAST_EVENT_HEADER, f"the header {LAST_EVENT_HEADER}")
    if queries.text(call.query, "after_sequence") is None:
        return None
    return queries.natural(call.query, "after_sequence")


def _check(call: Call, views: Views, after_seq: int) -> None:
    check_not_ahead(views, _pointer(call), after_seq)


def check_not_ahead(views: Views, pointer: str, after_seq: int) -> None:
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


ROUTES: Routes = {Operation.STREAM_TASK: of_task, Operation.STREAM: of_all}
