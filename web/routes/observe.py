"""Everything at a glance: the dashboard of all work and its last minutes, and the inbox of whoever
calls."""

from collections.abc import Callable

from chargehand.actors import limits
from chargehand.actors.identity import Actor, OriginKind
from chargehand.actors.registry.roster import Roster
from chargehand.actors.slices import in_turns
from chargehand.actors.task.state import OwnerKind
from chargehand.actors.views.choices import Lane
from chargehand.actors.views.groups import GroupFilter
from chargehand.actors.views.inbox import InboxFilter, InboxGroup
from chargehand.actors.views.pages import bad_cursor
from chargehand.actors.views.views import Views
from chargehand.web import queries
from chargehand.web.call import Call, Routes
from chargehand.web.filters import network_channel, scope_and_workspace
from chargehand.web.identity import identify
from chargehand.web.operations import Operation
from chargehand.web.paging import cursor_of, next_link
from chargehand.web.responses import HttpResponse, shown
from chargehand.web.shapes.dashboard import DashboardResponse, dashboard_of
from chargehand.web.shapes.encoding import Encoded
from chargehand.web.shapes.history import HistoryResponse, history_of
from chargehand.web.shapes.inbox import InboxItem, InboxResponse, inbox_of, listed_item


async def dashboard(call: Call) -> HttpResponse:
    """The same for everybody: who calls does not matter."""
    query, system = call.query, call.system
    scope, workspace_id = scope_and_workspace(call, needs_scope=True)
    which = GroupFilter(
        scope=scope,
        workspace_id=workspace_id,
        owner_kind=queries.choice(query, "owner_kind", OwnerKind),
        owner_ref=queries.text(query, "owner_ref"),
        network_channel=network_channel(call),
        origin_kind=queries.choice(query, "origin_kind", OriginKind),
    )
    await system.views.wait_known()
    board = system.views.dashboard(which, system.clock.now_ns(), _lives_in(system.roster))
    tasks = (system.views.get(run.task_id) for run in board.shown)
    shown_tasks = [task for task in tasks if task is not None]
    return shown(200, DashboardResponse(dashboard_of(board, shown_tasks)))


def _lives_in(roster: Roster) -> Callable[[str], bool]:
    def lives(session_id: str) -> bool:
        session = roster.find(session_id)
        return session is not None and session.is_active

    return lives


async def history(call: Call) -> HttpResponse:
    """The same for everybody, too."""
    most, default = limits.HISTORY_MINUTES_MAX, limits.HISTORY_MINUTES_DEFAULT
    minutes = queries.within(call.query, "minutes", 1, most, default)
    past = await in_turns(call.system.history.past(minutes))
    return shown(200, HistoryResponse(history_of(past)))


async def inbox(call: Call) -> HttpResponse:
    actor, query = identify(call).actor, call.query
    scope, workspace_id = scope_and_workspace(call, needs_scope=True)
    which = InboxFilter(
        scope=scope,
        workspace_id=workspace_id,
        owner_kind=queries.choice(query, "owner_kind", OwnerKind),
        owner_ref=queries.text(query, "owner_ref"),
        query=queries.text(query, "query"),
        lane=queries.choice(query, "lane", Lane),
        unread=queries.flag(query, "unread"),
    )
    cursor = cursor_of(query)
    if cursor is not None and which.lane is None:
        raise bad_cursor()
    await call.system.views.wait_known()
    groups = call.system.views.inbox(actor, which, cursor, queries.limit(query))
    items = [_items(group, actor, call.system.views) for group in groups]
    more = None if which.lane is None else groups[0].next_cursor
    response = InboxResponse(inbox_of(groups, items))
    return shown(200, response, next_link(call.path, query, more))


def _items(group: InboxGroup, actor: Actor, views: Views) -> list[InboxItem | Encoded]:
    return [listed_item(task, group.lane, views.latest_run, actor, views) for task in group.tasks]


ROUTES: Routes = {
    Operation.GET_DASHBOARD: dashboard,
    Operation.GET_HISTORY: history,
    Operation.GET_INBOX: inbox,
}
