"""`chargehand task`."""

from typing import TYPE_CHECKING, Final

from chargehand.actors.task.choices import (
    TERMINAL_TASK,
    ApprovalPolicy,
    Priority,
    RunStatus,
    Scope,
)
from chargehand.actors.views.choices import ListOrder
from chargehand.web.cli.bulk_verbs import TASK_VERBS
from chargehand.web.cli.events import Timeline
from chargehand.web.cli.filters import (
    REVIEW_FILTERS,
    SCOPE_FILTERS,
    TASK_FILTERS,
    scoped_by_workspace,
)
from chargehand.web.cli.inspection import INSPECTION
from chargehand.web.cli.layouts import (
    REVIEWS,
    RUN,
    RUN_COLUMNS,
    TASK,
    TASK_AND_RUN,
    TASK_COLUMNS,
    TASK_DETAIL,
)
from chargehand.web.cli.members import (
    AGE,
    CHANNEL,
    CURSOR,
    DUE_REASON,
    ID,
    JSON_LIST,
    KEY,
    LIMIT,
    METADATA,
    OWNER,
    REASON,
    WORKSPACE,
    Field,
    Form,
    Members,
    one_of,
)
from chargehand.web.cli.results import Refusals, all_done
from chargehand.web.cli.shown import Branches, Column, Listing, Worth, at, several
from chargehand.web.cli.verbs import Many, Verb, Watch, path_of
from chargehand.web.operations import Operation as Op

if TYPE_CHECKING:
    from chargehand.web.cli.client import Client

_PRIORITY: Final = Field("priority", "how urgent", one_of(Priority))
_APPROVAL: Final = Field(
    "approval_policy", "whether a person must approve it first", one_of(ApprovalPolicy)
)
_ATTEMPTS: Final = Field("max_attempts", "runs that the task may have", int)
_DESCRIPTION: Final = Field("description", "what is to be done")
_DETAILS: Final = (  # one for each of `actors.task.details`
    CHANNEL,
    Field("owner", "KIND:REF, as pool:builders", OWNER),
)
_QUEUEING: Final = (KEY, CHANNEL, METADATA)
_AUTO_ENQUEUE: Final = "queue a run of it when it becomes ready"
_NEW: Final = (
    Field("title", form=Form.ARGUMENT),
    Field("id", "its id; one is made otherwise", ID),
    Field("scope", "[workspace if one is named, else global]", one_of(Scope)),
    WORKSPACE,
    Field("identifier", "what it is called elsewhere"),
    _DESCRIPTION,
    _PRIORITY,
    _ATTEMPTS,
    Field("auto_enqueue_on_ready", _AUTO_ENQUEUE, form=Form.FLAG, flag="auto-enqueue"),
    Field("draft", "to be published later", form=Form.FLAG),
    _APPROVAL,
    *_DETAILS,
    METADATA,
)
_CHANGES: Final = (
    Field("title", "what it is called"),
    _DESCRIPTION,
    _PRIORITY,
    _ATTEMPTS,
    Field("auto_enqueue_on_ready", _AUTO_ENQUEUE, form=Form.SWITCH, flag="auto-enqueue"),
    _APPROVAL,
    *_DETAILS,
    Field("clear_owner", "remove the owner", form=Form.FLAG),
    METADATA,
)
_LATEST: Final = Field(
    "latest", "the last ones [unless --after or --cursor says where to begin]", form=Form.SWITCH
)
_AFTER: Final = Field("after_sequence", "only events after this number", int, flag="after")


def _in_its_scope(members: Members) -> None:
    """A scope is always sent; what names a workspace is in one."""
    members.setdefault("scope", (Scope.WORKSPACE if "workspace" in members else Scope.GLOBAL).value)


def _each_in_its_scope(members: Members) -> None:
    """The list may have been given as the whole body, with what else stands there."""
    items = members["items"]
    if len(items) == 1 and isinstance(items[0], dict) and isinstance(items[0].get("items"), list):
        given = {name: value for name, value in members.items() if name != "items"}
        members.update({**items[0], **given})
    for item in members["items"]:
        if isinstance(item, dict):
            _in_its_scope(item)


def _newest(members: Members) -> None:
    """Who names no beginning is shown the end."""
    members.setdefault("latest", not members.keys() & {"after_sequence", "cursor"})


def _below(client: "Client", task_id: str) -> str | None:
    """How many tasks are canceled, where it is more than the one that is named."""
    answer = client.ask("GET", path_of(Op.GET_TREE, [task_id]))
    ended = {status.value for status in TERMINAL_TASK}
    nodes = several(at(answer.body, "tree.descendants"))
    count = sum(at(node, "task.status") not in ended for node in nodes)
    if not count:
        return None
    below = "1 task" if count == 1 else f"{count} tasks"
    return f"this cancels {task_id} and {below} below it"


def _delete_matching(client: "Client", as_json: bool, members: Members, yes: bool) -> None:
    from chargehand.web.cli.deletion import delete_matching  # rarely needed

    delete_matching(client, as_json, members, yes)


VERBS: Final = (
    Verb(
        name="list",
        operation=Op.LIST_TASKS,
        help="Tasks that match a filter",
        example="--status ready --priority high",
        fields=(
            *TASK_FILTERS,
            Field(
                "order",
                "sort, newest first, by activity (the default) or creation",
                one_of(ListOrder),
            ),
            LIMIT,
            CURSOR,
        ),
        shows=(Listing("tasks", TASK_COLUMNS, none="no tasks"),),
        watch=Watch.ANSWER,
    ),
    Verb(
        name="show",
        operation=Op.GET_TASK,
        help="A task with its children, dependencies and runs",
        shows=TASK_DETAIL,
    ),
    Verb(
        name="create",
        operation=Op.CREATE_TASK,
        help="Hand in a task",
        example='"Ship it" --id ship-it --priority high',
        fields=_NEW,
        shows=TASK,
        finish=_in_its_scope,
    ),
    Verb(
        name="create-batch",
        operation=Op.CREATE_BATCH,
        help="Hand in many tasks, all of them or none",
        note="TASKS is a JSON list, or a line of JSON for each task: the text itself, @FILE, or - "
        "for stdin. Each task has the members of POST /api/tasks, and may have a ref. Others name "
        'it by that as their parent ("parent_ref": "b"), or as what they wait for ("depends_on": '
        '[{"ref": "b"}]); a task that is there already by its id ([{"task_id": "docs"}]).',
        example="""'[{"title": "Build", "ref": "b"}, """
        """{"title": "Test", "depends_on": [{"ref": "b"}]}]'""",
        fields=(
            Field("items", kind=JSON_LIST, form=Form.ARGUMENT, flag="tasks"),
            Field("atomic", "or each that can be made [all or none]", form=Form.SWITCH),
        ),
        shows=(
            Listing(
                "results",
                (
                    Column("REF", "ref"),
                    Column("ID", "task.id", Worth.KEPT),
                    Column("STATUS", "task.status", Worth.KEPT, "error.diagnostic.code"),
                    Column("TITLE", "task.title", Worth.CUT, "error.diagnostic.title"),
                ),
                numbered="ITEM",
            ),
            Refusals("ref"),
        ),
        finish=_each_in_its_scope,
        ends_with=all_done,
    ),
    Verb(
        name="add-child",
        operation=Op.CREATE_CHILD,
        help="Hand in a task below another",
        example='"Write the notes" --id notes',
        fields=_NEW,
        shows=TASK,
        finish=_in_its_scope,
    ),
    Verb(
        name="update",
        operation=Op.UPDATE_TASK,
        help="Change a task",
        example="--priority urgent",
        fields=_CHANGES,
        shows=TASK,
    ),
    Verb(
        name="delete",
        operation=Op.DELETE_TASK,
        help="Delete a task, or all that match a filter",
        note="By filter it shows how many match, and the first ten, before it asks; where nobody "
        "can be asked, nothing is deleted without --yes. What somebody changes meanwhile stays.",
        many=Many(
            (
                *TASK_FILTERS,
                Field("older_than", "nothing has happened for so long, as 12h or 30d", AGE),
            ),
            _delete_matching,
        ),
    ),
    Verb(
        name="publish",
        operation=Op.PUBLISH_TASK,
        help="Publish a draft, and queue a run of it",
        fields=_QUEUEING,
        shows=TASK_AND_RUN,
    ),
    Verb(
        name="start",
        operation=Op.START_TASK,
        help="Queue a run of a task, if none is open",
        fields=_QUEUEING,
        shows=TASK_AND_RUN,
    ),
    Verb(
        name="approve",
        operation=Op.APPROVE_TASK,
        help="Approve a task, and queue a run of it",
        fields=_QUEUEING,
        shows=TASK_AND_RUN,
    ),
    Verb(
        name="reject",
        operation=Op.REJECT_TASK,
        help="Refuse the approval of a task",
        shows=TASK,
    ),
    Verb(
        name="cancel",
        operation=Op.CANCEL_TASK,
        help="Cancel a task and all below it",
        example='--reason "not this year"',
        fields=(REASON, METADATA),
        shows=TASK,
        asks=_below,
    ),
    Verb(
        name="pause",
        operation=Op.PAUSE_TASK,
        help="Hold a task and all below it",
        example='--reason "incident response"',
        fields=(DUE_REASON, METADATA),
        shows=TASK,
    ),
    Verb(
        name="resume",
        operation=Op.RESUME_TASK,
        help="Let a paused task go on",
        fields=(METADATA,),
        shows=TASK,
    ),
    Verb(
        name="add-dependency",
        operation=Op.ADD_DEPENDENCY,
        help="Make a task wait for another",
        example="docs",
        fields=(Field("depends_on_task_id", kind=ID, form=Form.ARGUMENT, flag="blocker"),),
        shows=TASK_DETAIL,
    ),
    Verb(
        name="remove-dependency",
        operation=Op.REMOVE_DEPENDENCY,
        help="Remove a dependency",
        shows=TASK_DETAIL,
    ),
    Verb(
        name="dependents",
        operation=Op.LIST_DEPENDENTS,
        help="The tasks that wait for a task",
        fields=(LIMIT, CURSOR),
        shows=(Listing("tasks", TASK_COLUMNS, none="no task depends on it"),),
    ),
    Verb(
        name="runs",
        operation=Op.LIST_RUNS,
        help="The runs of a task, latest first",
        example="--status failed",
        fields=(
            Field("status", "status", one_of(RunStatus)),
            Field("session_id", "only those of this session", flag="of-session"),
            LIMIT,
            CURSOR,
        ),
        shows=(Listing("runs", RUN_COLUMNS, none="no runs"),),
    ),
    Verb(
        name="enqueue",
        operation=Op.ENQUEUE_RUN,
        help="Queue a run of a task",
        example="--key once",
        fields=_QUEUEING,
        shows=RUN,
    ),
    Verb(
        name="timeline",
        operation=Op.GET_TIMELINE,
        help="The latest events of a task",
        note="With --watch those of all below it, too.",
        example="--watch",
        fields=(_AFTER, _LATEST, LIMIT, CURSOR),
        shows=(Timeline(),),
        finish=_newest,
        in_walk={"latest": False},
        watch=Watch.STREAM,
    ),
    Verb(
        name="watch",
        operation=Op.STREAM,
        help="Each event of all tasks as it happens, until Ctrl-C",
        note="Without --after from now on. It goes on over restarts of the server; for one task and"
        " all below it there is `task timeline --watch`.",
        example="--workspace site",
        fields=(*SCOPE_FILTERS, _AFTER),
        finish=scoped_by_workspace,
        watch=Watch.ALWAYS,
    ),
    Verb(
        name="reviews",
        operation=Op.LIST_TASK_REVIEWS,
        help="The reviews of a task's runs",
        example="--status requested",
        fields=REVIEW_FILTERS,
        shows=REVIEWS,
    ),
    Verb(name="tree", operation=Op.GET_TREE, help="A task and all below it", shows=(Branches(),)),
    Verb(
        name="inspect",
        operation=Op.INSPECT_TASK,
        help="The state of a task and its current run, and what to do next",
        shows=INSPECTION,
    ),
    *TASK_VERBS,
)
