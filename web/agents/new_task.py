"""Tasks that a program asks for, alone or many that hang together."""

from collections.abc import Sequence
from typing import Any, Final, Literal, final

import orjson

from chargehand.actors.frozen import frozen
from chargehand.web.agents.asking import not_json
from chargehand.web.agents.errors import refused_as

Priority = Literal["low", "medium", "high", "urgent"]
ApprovalPolicy = Literal["none", "manual"]

_INVALID: Final = "invalid_request"
_STATUS: Final = 422


@final
@frozen(eq=False)
class NewTask:
    """A task that is to be made, together with others that it may name.

    Args:
        title: for people; at most 500 characters.
        parent: another one of them, or the id of a task.
        depends_on: others of them, or ids of tasks, that are to be completed first.
        enqueue: queue its first run at once, without `start_task`; it waits for what the task
            depends on, and for its approval.

    All else is as of `create_task`.
    """

    title: str
    id: str | None = None
    description: str | None = None
    metadata: object = None
    priority: Priority | None = None
    workspace: str | None = None
    parent: "NewTask | str | None" = None
    depends_on: "Sequence[NewTask | str]" = ()
    identifier: str | None = None
    channel: str | None = None
    max_attempts: int | None = None
    auto_enqueue_on_ready: bool = False
    draft: bool = False
    approval_policy: ApprovalPolicy | None = None
    enqueue: bool = False

    def __attrs_post_init__(self) -> None:
        if isinstance(self.depends_on, str | NewTask):
            raise TypeError("depends_on must be a list: put the task, or its id, in brackets")


def members_of(task: NewTask) -> dict[str, object]:
    """As the API takes it, but for what it names."""
    wanted = {
        "scope": "global" if task.workspace is None else "workspace",
        "title": task.title,
        "id": task.id,
        "description": task.description,
        "metadata": task.metadata,
        "priority": task.priority,
        "workspace": task.workspace,
        "identifier": task.identifier,
        "network_channel": task.channel,
        "max_attempts": task.max_attempts,
        "auto_enqueue_on_ready": task.auto_enqueue_on_ready or None,
        "draft": task.draft or None,
        "approval_policy": task.approval_policy,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def encoded_items(tasks: Sequence[NewTask]) -> list[orjson.Fragment]:
    """As the items of a batch.

    Raises:
        Refused: one of them names another that is not there, or has what is no JSON.
        TypeError: one of them is no new task.
    """
    items = []
    for index, item in enumerate(items_of(tasks)):
        try:
            items.append(orjson.Fragment(orjson.dumps(item)))
        except TypeError as error:
            raise not_json(error, f"item {index} ({item['title']!r}): ") from error
    return items


def items_of(tasks: Sequence[NewTask]) -> list[dict[str, Any]]:
    """As the items of a batch, each under its number. Raises: as `encoded_items`."""
    for index, task in enumerate(tasks):
        if not isinstance(task, NewTask):
            raise TypeError(f"item {index} must be a NewTask, not {task!r}")
    refs = {task: str(index) for index, task in enumerate(tasks)}

    def ref_of(named: NewTask, called: str) -> str:
        if named not in refs:
            message = (
                f"item {index} ({task.title!r}) names {named.title!r} as {called}, "
                "which is not among them"
            )
            raise refused_as(_INVALID, message, "give that one, too, or name its id", "", _STATUS)
        return refs[named]

    items: list[dict[str, Any]] = []
    for index, task in enumerate(tasks):
        item: dict[str, Any] = {**members_of(task), "ref": str(index)}
        if task.enqueue:
            item["enqueue"] = True
        if isinstance(task.parent, NewTask):
            item["parent_ref"] = ref_of(task.parent, "its parent")
        elif task.parent is not None:
            item["parent_task_id"] = task.parent
        if task.depends_on:
            item["depends_on"] = [
                {"ref": ref_of(one, "a dependency")}
                if isinstance(one, NewTask)
                else {"task_id": one}
                for one in task.depends_on
            ]
        items.append(item)
    return items
