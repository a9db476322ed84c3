"""What a scenario is made of.

A scenario is a sequence of steps. A step is something that a user does, or that happens to them
(its deed), and what they expect to see afterwards. All of it is data, so that the same steps can
be played straight through, and with the server killed after or within any of them (`play`).

Text of paths, bodies and expectations may hold `{name}`: what an earlier step has kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, final

from attrs import field, frozen

from tests.scenarios.patterns import ANY, Pattern, filled


@final
@frozen
class Call:
    """A request, and who sends it."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    headers: Mapping[str, str]

    def filled(self, names: Mapping[str, str]) -> "Call":
        return Call(self.method, filled(self.path, names), filled(self.body, names), self.headers)


@final
@frozen
class User:
    """A person, or an agent in its session."""

    headers: Mapping[str, str] = field(factory=dict)

    def get(self, path: str) -> Call:
        return Call("GET", path, None, self.headers)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Call:
        return Call("POST", path, body or {}, self.headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Call:
        return Call("PUT", path, body, self.headers)

    def patch(self, path: str, body: Mapping[str, Any]) -> Call:
        return Call("PATCH", path, body, self.headers)

    def claims(self, key: str, **body: Any) -> Call:
        """Ask for work, with a key, so that the request can be repeated."""
        wanted = {"idempotency_key": key, "lease_seconds": 60, **body}
        return self.post("/api/agent/tasks/claim-next", wanted)

    def of_its_run(self, verb: str, run_id: str, **body: Any) -> Call:
        """`verb` is heartbeat, complete, fail or release."""
        return self.post(f"/api/agent/tasks/{run_id}/{verb}", body)


OPERATOR: Final = User()


def agent(session_id: str, name: str = "coder") -> User:
    return User({"X-AGH-Session-ID": session_id, "X-AGH-Agent": name})


@final
@frozen
class Waiting:
    """A call that is answered later; the user waits for it under this name meanwhile."""

    name: str
    call: Call


@final
@frozen
class AnswerTo:
    """The answer to a call that a user waits for."""

    name: str


@final
@frozen
class Told:
    """The stream has told of an event, so many times since the scenario began."""

    task_id: str
    type: str
    times: int = 1


@final
@frozen
class Outside:
    """Something that happens to what is around the server, which it is given."""

    do: Callable[[Any], Awaitable[None]]


Deed = Call | Waiting | AnswerTo | Told | Outside


@final
@frozen
class Look:
    """What a request for `path` shows. `view` is what is looked at in the answer."""

    path: str
    expected: Pattern
    user: User = OPERATOR
    view: Callable[[Any], Any] = lambda answer: answer


@final
@frozen
class Step:
    """
    Args:
        answers: the status of the answer to a call.
        shows: what that answer holds.
        again: the status that a repeat of the call may get if the first had its effect; unset: it
            gets the same answer as the first.
        keeps: names for what the answer holds, by where it is, with dots.
        sees: what holds from then on, until the next step.
        soon: what is to be seen takes a moment.
        restless: a clock runs, and will change what there is to see.
    """

    name: str
    does: Deed
    answers: int = 200
    shows: Pattern = field(default=ANY, kw_only=True)
    again: int | None = field(default=None, kw_only=True)
    keeps: Mapping[str, str] = field(factory=dict, kw_only=True)
    sees: tuple[Look, ...] = field(default=(), kw_only=True)
    soon: bool = field(default=False, kw_only=True)
    restless: bool = field(default=False, kw_only=True)


@final
@frozen
class Nothing:
    """There is nothing around the server; `options` are what it must know of its surroundings."""

    options: tuple[str, ...] = ()


@asynccontextmanager
async def nothing(directory: Path) -> AsyncIterator[Nothing]:
    yield Nothing()


@final
@frozen
class Scenario:
    """
    Args:
        follows: tasks whose streams are read through the whole scenario; every task of it is one
            of these, or below one.
        options: of the server.
        around: what the server deals with besides its users; it has `options`, too.
    """

    name: str
    steps: tuple[Step, ...]
    follows: tuple[str, ...]
    options: tuple[str, ...] = ()
    around: Callable[[Path], AbstractAsyncContextManager[Any]] = nothing
