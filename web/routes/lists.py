"""Runs and reviews over all tasks."""

from chargehand.actors.slices import in_turns
from chargehand.actors.task.review import ReviewStatus
from chargehand.actors.task.state import FailureKind, RunStatus
from chargehand.actors.views.choices import RunGroup
from chargehand.actors.views.items import InTasks
from chargehand.actors.views.reviews import ReviewFilter
from chargehand.actors.views.runs import ACTIVE_RUN, RunFilter
from chargehand.web import queries
from chargehand.web.call import Call, Routes
from chargehand.web.filters import scope_and_workspace
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import cursor_of, next_link
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.references import reference_of
from chargehand.web.shapes.reviews import AllReviewsResponse, ReviewOfTask, review_of
from chargehand.web.shapes.runs import AllRunsResponse, RunOfTask, run_summary_of
from chargehand.web.times import time_ns


async def runs(call: Call) -> HttpResponse:
    identify(call)
    query, views = call.query, call.system.views
    page = await in_turns(views.runs(run_filter_of(call), cursor_of(query), queries.limit(query)))
    rows = [
        RunOfTask(run_summary_of(task, run, views), reference_of(task, views))
        for task, run in page.items
    ]
    return shown(200, AllRunsResponse(rows), next_link(call.path, query, page.next_cursor))


def run_filter_of(call: Call) -> RunFilter:
    """The runs that the query asks for. Raises: Rejected."""
    query = call.query
    agent = queries.text(query, "agent_name")
    statuses: set[RunStatus] = set()
    for chosen in queries.choices(query, "status", RunStatus, RunGroup):
        statuses |= {chosen} if isinstance(chosen, RunStatus) else ACTIVE_RUN
    return RunFilter(
        where=_where(call),
        statuses=frozenset(statuses),
        session_id=queries.text(query, "session_id"),
        holders=None if agent is None else call.system.roster.sessions_of(agent) | {agent},
        failure_kind=queries.choice(query, "failure_kind", FailureKind),
        since_ns=time_ns("?since", queries.text(query, "since")),
        until_ns=time_ns("?until", queries.text(query, "until")),
    )


async def reviews(call: Call) -> HttpResponse:
    identify(call)
    query, views = call.query, call.system.views
    statuses = queries.choices(query, "status", ReviewStatus)
    which = ReviewFilter(
        _where(call), frozenset(status for status in statuses if isinstance(status, ReviewStatus))
    )
    page = await in_turns(views.reviews(which, cursor_of(query), queries.limit(query)))
    rows = [
        ReviewOfTask(review_of(task.id, review), reference_of(task, views))
        for task, review in page.items
    ]
    return shown(200, AllReviewsResponse(rows), next_link(call.path, query, page.next_cursor))


def _where(call: Call) -> InTasks:
    scope, workspace_id = scope_and_workspace(call)
    return InTasks(queries.text(call.query, "task_id"), scope, workspace_id)


ROUTES: Routes = {Operation.LIST_ALL_RUNS: runs, Operation.LIST_ALL_REVIEWS: reviews}
