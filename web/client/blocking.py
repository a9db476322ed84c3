"""The client for programs without Trio: plain calls, from any thread."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import partial, update_wrapper
from os import PathLike
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, final

import trio

from chargehand.web.agents.errors import Unavailable, closed
from chargehand.web.agents.shown import Event, Task
from chargehand.web.agents.task_pages import TaskPages
from chargehand.web.client.client import PATIENCE_S, Client

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _blocking(
    call: Callable[Concatenate[Client, _P], Awaitable[_R]],
) -> Callable[Concatenate["BlockingClient", _P], _R]:
    """The same call, which returns when its answer is here."""

    def blocking(self: "BlockingClient", /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return self._call(partial(call, self._client, *args, **kwargs))

    update_wrapper(blocking, call)
    return blocking


@final
class BlockingClient:
    """`Client` for plain threads; any number of them may share one.

        with BlockingClient("http://127.0.0.1:2123") as client:
            task = client.create_task("Ship it")

    Args as of `Client`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        socket: str | PathLike[str] | None = None,
        token: str | None = None,
        patience_seconds: float = PATIENCE_S,
    ) -> None:
        self._client = Client(url, socket=socket, token=token, patience_seconds=patience_seconds)
        self._is_open = threading.Event()
        self._thread = threading.Thread(
            target=trio.run, args=(self._serve,), name="chargehand-client", daemon=True
        )
        self._thread.start()
        self._is_open.wait()

    create_task = _blocking(Client.create_task)
    create_tasks = _blocking(Client.create_tasks)
    try_create_tasks = _blocking(Client.try_create_tasks)
    add_dependency = _blocking(Client.add_dependency)
    start_task = _blocking(Client.start_task)
    cancel_task = _blocking(Client.cancel_task)
    task = _blocking(Client.task)
    tasks = _blocking(Client.tasks)
    run = _blocking(Client.run)
    request_review = _blocking(Client.request_review)
    register_session = _blocking(Client.register_session)
    end_session = _blocking(Client.end_session)
    claim = _blocking(Client.claim)
    claim_batch = _blocking(Client.claim_batch)
    heartbeat = _blocking(Client.heartbeat)
    complete = _blocking(Client.complete)
    fail = _blocking(Client.fail)
    release = _blocking(Client.release)
    heartbeat_batch = _blocking(Client.heartbeat_batch)
    complete_batch = _blocking(Client.complete_batch)
    fail_batch = _blocking(Client.fail_batch)
    release_batch = _blocking(Client.release_batch)
    request = _blocking(Client.request)

    def all_tasks(self, **filters: str) -> Iterator[Task]:
        """`Client.all_tasks`, as a plain iterator.

        for task in client.all_tasks(status="ready"):
            print(task.title)
        """
        pages = TaskPages(self._client, filters)

        def each() -> Iterator[Task]:
            while (page := self._call(pages.next_page)) is not None:
                yield from page

        return each()

    def events(self, task_id: str, *, after: int = 0) -> AbstractContextManager[Iterator[Event]]:
        """`Client.events`, as a plain iterator that waits for each event.

        with client.events(task.id) as events:
            for event in events:
                print(event.type)
        """
        return self._events(self._client.events(task_id, after=after))

    def all_events(
        self, *, workspace: str | None = None, after: int | None = None
    ) -> AbstractContextManager[Iterator[Event]]:
        """`Client.all_events`, as a plain iterator that waits for each event.

        with client.all_events() as events:
            for event in events:
                print(event.task_id, event.type)
        """
        return self._events(self._client.all_events(workspace=workspace, after=after))

    @contextmanager
    def _events(
        self, opened: AbstractAsyncContextManager[AsyncIterator[Event]]
    ) -> Iterator[Iterator[Event]]:
        events = self._call(opened.__aenter__)

        def each() -> Iterator[Event]:
            while True:
                try:
                    event = self._call(events.__anext__)
                except StopAsyncIteration:
                    return
                yield event

        try:
            yield each()
        finally:
            self._call(partial(opened.__aexit__, None, None, None))

    def close(self) -> None:
        """Close all connections. Calls under way in other threads raise `Unavailable`, later ones
        `ChargehandError` with the code `client_closed`."""
        if self._thread.is_alive():
            self._token.run_sync_soon(self._closing.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, call: Callable[[], Awaitable[_R]]) -> _R:
        try:
            return trio.from_thread.run(_awaited, call, trio_token=self._token)
        except trio.RunFinishedError:
            raise closed() from None
        except trio.Cancelled:
            raise Unavailable("client_closed", "the client was closed", "make another") from None

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._closing = trio.Event()
        self._is_open.set()
        async with self._client:
            await self._closing.wait()


async def _awaited(call: Callable[[], Awaitable[_R]]) -> _R:
    return await call()
