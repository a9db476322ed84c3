"""The calls of a program about tasks, their runs and their events."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, Final

import orjson
import trio

from chargehand.actors.limits import LIST_MAX
from chargehand.web.agents.asking import Asking, quoted
from chargehand.web.agents.claims import Agent
from chargehand.web.agents.errors import ChargehandError, Refused, of_row
from chargehand.web.agents.new_task import (
    ApprovalPolicy,
    NewTask,
    Priority,
    encoded_items,
    members_of,
)
from chargehand.web.agents.shown import Event, Run, Task, event_shown, run_shown, task_shown
from chargehand.web.agents.task_pages import PATH, AllTasks, TaskPages, filtered
from chargehand.web.frames import FrameReader, ServerSentEvent
from chargehand.web.operations import Operation

RETRY_S: Final = 2.0  # until a stream is opened again, where the server names no time
_CLOSED: Final = "stream.closed"
_COMES_BACK: Final = frozenset({"overflow", "shutdown"})  # reasons for which one comes back


class TaskCalls(Asking):
    """Makes tasks, reads them, and follows what happens to them."""

    async def create_task(
        self,
        title: str,
        *,
        id: str | None = None,  # noqa: A002 - as the API calls it
        description: str | None = None,
        metadata: object = None,
        priority: Priority | None = None,
        workspace: str | None = None,
        parent: str | None = None,
        identifier: str | None = None,
        channel: str | None = None,
        max_attempts: int | None = None,
        auto_enqueue_on_ready: bool = False,
        draft: bool = False,
        approval_policy: ApprovalPolicy | None = None,
        key: str | None = None,
    ) -> Task:
        """Make a task; it is queued by `start_task`.

        Args:
            title: for people; at most 500 characters.
            id: 1 to 128 of A-Z, a-z, 0-9, . _ : and -; None: one is made.
            description: the work in words; at most 64 KiB.
            metadata: what agents are to have with the claim; JSON of at most 16 KiB.
            priority: medium, unless it is said.
            workspace: id, name or path of the workspace that it is of; None: a global task.
            parent: id of the task that it is a child of.
            identifier: a name that people know it by; at most 200 characters.
            channel: for agents of this channel alone.
            max_attempts: how many runs it may have, 1 to 10; None: 3.
            auto_enqueue_on_ready: queue it as soon as what it depends on is completed.
            draft: it is published later.
            approval_policy: manual where a person must approve it first.
            key: under which it is made once, however often this is called; None: one of its own.

        Raises:
            Refused: `task_already_exists`, `workspace_not_found`, `invalid_request` and others.
        """
        task = NewTask(
            title,
            id=id,
            description=description,
            metadata=metadata,
            priority=priority,
            workspace=workspace,
            identifier=identifier,
            channel=channel,
            max_attempts=max_attempts,
            auto_enqueue_on_ready=auto_enqueue_on_ready,
            draft=draft,
            approval_policy=approval_policy,
        )
        path = "/api/tasks" if parent is None else f"/api/tasks/{quoted(parent)}/children"
        answer = await self._write(path, members_of(task), key=key)
        return task_shown(answer["task"])

    async def create_tasks(self, tasks: Sequence[NewTask], *, key: str | None = None) -> list[Task]:
        """Make many tasks at once, up to 256: all of them or none, in one write to the disk.

            build = NewTask("Build")
            await client.create_tasks([build, NewTask("Deploy", depends_on=[build])])

        Args:
            tasks: in any order; they may name each other as parents and blockers.
            key: under which they are made once, however often this is called; None: one of its own.

        Returns:
            The tasks, in the order given.

        Raises:
            BatchRefused: the scheduler refuses one of them, or several; it says which.
            Refused: the request as a whole is refused: there is none or more than 256, one of them
                names a task that is not among them, has metadata that is no JSON, or the key was
                used for something else (`idempotency_key_reused`).
            TypeError: one of them is no `NewTask`.
        """
        rows = await self._create(tasks, key, atomic=True)
        return [task_shown(row["task"]) for row in rows]

    async def try_create_tasks(
        self, tasks: Sequence[NewTask], *, key: str | None = None
    ) -> list[Task | ChargehandError]:
        """As `create_tasks`, but one that is refused does not keep the others from being made.

        Returns:
            The tasks, in the order given; in place of one that was not made, the error.

        Raises:
            Refused: the request as a whole is refused, as by `create_tasks`.
            TypeError: one of them is no `NewTask`.
        """
        rows = await self._create(tasks, key, atomic=False)
        return [
            task_shown(row["task"]) if row["ok"] else of_row(row["error"], Operation.CREATE_TASK)
            for row in rows
        ]

    async def _create(
        self, tasks: Sequence[NewTask], key: str | None, *, atomic: bool
    ) -> list[dict[str, Any]]:
        members = {"items": encoded_items(tasks), "atomic": atomic}
        answer = await self._write(Operation.CREATE_BATCH.path, members, key=key)
        rows: list[dict[str, Any]] = answer["results"]
        return rows

    async def add_dependency(self, task_id: str, depends_on: str) -> None:
        """Have a task wait for another one to be completed.

        Raises:
            Refused: `task_dependency_cycle`, `task_not_found` and others.
        """
        path = f"/api/tasks/{quoted(task_id)}/dependencies"
        await self._write(path, {"depends_on_task_id": depends_on})

    async def start_task(self, task_id: str, *, key: str | None = None) -> Run:
        """Queue a run of the task; the open one, if it has one.

        Raises:
            Refused: it is a draft, blocked, not approved yet, or canceled.
        """
        answer = await self._write(f"/api/tasks/{quoted(task_id)}/start", {}, key=key)
        return run_shown(answer["run"])

    async def cancel_task(self, task_id: str, *, reason: str | None = None) -> Task:
        """Cancel a task with all below it, for good; whoever works on them loses the lease.

        Raises:
            Refused: nothing of it is open any more.
        """
        answer = await self._write(f"/api/tasks/{quoted(task_id)}/cancel", {"reason": reason})
        return task_shown(answer["task"])

    async def task(self, task_id: str) -> Task:
        """A task with its runs. Raises: Refused: `task_not_found`."""
        detail = (await self.request("GET", f"/api/tasks/{quoted(task_id)}"))["task"]
        return task_shown(detail["task"], detail.get("runs"))

    async def tasks(self, /, *, limit: int = 100, **filters: str) -> list[Task]:
        """Tasks, the one that was active last first.

        Args:
            limit: how many at most, 1 to 1,000; `all_tasks` has all of them.
            filters: query parameters of `GET /api/tasks`, such as `status="ready"`: scope,
                workspace, status, priority, include_drafts, approval_state, owner_kind, owner_ref,
                parent_task_id, network_channel, query and order.

        Raises:
            ValueError: the limit is out of its bounds.
            TypeError: there is no such filter.
        """
        if not 1 <= limit <= LIST_MAX:
            raise ValueError(f"limit must be 1 to {LIST_MAX:,}, not {limit}; see all_tasks")
        query = {"limit": str(limit), **filtered(filters)}
        answer = await self.request("GET", PATH, query=query)
        return [task_shown(task) for task in answer["tasks"]]

    def all_tasks(self, /, **filters: str) -> AsyncIterator[Task]:
        """All tasks, however many there are, asked for a page at a time as they are used.

            async for task in client.all_tasks(status="ready"):
                print(task.title)

        Each task that is there throughout is given once, the one that was active last first. Those
        that change meanwhile may be given as they were or as they are.

        Args:
            filters: as of `tasks`.

        Raises:
            TypeError: there is no such filter.
        """
        return AllTasks(TaskPages(self, filters))

    async def run(self, run_id: str) -> Run:
        """A run. Raises: Refused: `task_run_not_found`."""
        answer = await self.request("GET", f"/api/task-runs/{quoted(run_id)}")
        return run_shown(answer["run"]["run"])

    async def request_review(
        self, run_id: str, *, reason: str | None = None, agent: Agent | None = None
    ) -> str:
        """Ask a person to judge a run that has ended; a rejection may have the work go on.

        Args:
            reason: what the person should know; at most 4,096 characters.
            agent: who asks; None: the local user.

        Returns:
            The id of the review.

        Raises:
            Refused: the run has not ended, or its task was canceled.
        """
        path = f"/api/task-runs/{quoted(run_id)}/reviews"
        answer = await self._write(path, {"reason": reason}, agent=agent)
        return str(answer["review"]["review_id"])

    def events(
        self, task_id: str, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Everything that happens to a task and all below it, each event once and in order, over
        lost connections and restarts too; it ends when the task is deleted.

            async with client.events(task.id) as events:
                async for event in events:
                    print(event.type)

        Args:
            after: the number of the last event that is known; 0: from the beginning.

        Raises:
            Refused: `task_not_found`; also once the task was set aside as damaged.
        """
        return self._events_open(f"/api/tasks/{quoted(task_id)}/stream", {}, str(after))

    def all_events(
        self, *, workspace: str | None = None, after: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """The same of all tasks; it does not end.

            async with client.all_events() as events:
                async for event in events:
                    print(event.task_id, event.type)

        Args:
            workspace: id, name or path; only what happens to its tasks. None: to any.
            after: the number of the last event that is known; None: whatever there is when an event
                is first waited for.

        Raises:
            Refused: `stream_cursor_behind`, also while it is followed: too much has happened since
                the last event. List the tasks again, and open another one.
        """
        query = {} if workspace is None else {"workspace": workspace}
        last_id = None if after is None else str(after)
        return self._events_open("/api/stream", query, last_id)

    @asynccontextmanager
    async def _events_open(
        self, path: str, query: Mapping[str, str], last_id: str | None
    ) -> AsyncGenerator[AsyncIterator[Event], None]:
        async with aclosing(self._events(path, query, last_id)) as events:
            yield events

    async def _events(
        self, path: str, query: Mapping[str, str], last_id: str | None
    ) -> AsyncGenerator[Event, None]:
        retry_s = RETRY_S
        while True:
            reader = FrameReader()
            async with aclosing(self._lines(path, query, last_id)) as lines:
                async for line in lines:
                    frame = reader.take(line)
                    if frame is None:
                        continue
                    if frame.retry_ms is not None:
                        retry_s = frame.retry_ms / 1000
                        last_id = frame.id or last_id
                    elif frame.event == _CLOSED:
                        if _is_over(frame):
                            return
                    else:
                        last_id = frame.id or last_id
                        yield event_shown(orjson.loads(frame.data))
            await trio.sleep(retry_s)


def _is_over(frame: ServerSentEvent) -> bool:
    """Whether the stream's last event says that nothing more will come."""
    reason = str(orjson.loads(frame.data).get("reason"))
    if reason in _COMES_BACK:
        return False
    if reason == "deleted":
        return True
    raise Refused("stream_closed", f"the stream was closed: {reason}", "inspect the task")
