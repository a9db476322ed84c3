"""The original's own command line works here: a working day of it, call by call."""

import json
import os
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from chargehand.web.operations import Operation as Op
from tests.contract import day
from tests.contract.likeness import Difference, Kind, Likeness, renamed
from tests.process.conftest import Server

SOCKET: Final = "daemon.sock"  # in the original's home directory, where its command line looks
SENT: Final = {"User-Agent": "agh-cli", "Content-Type": "application/json"}
TIMEOUT_S: Final = 30  # the command line's own

_OWN_WORDS: Final = "errors are told in words of our own, and all of them have a diagnostic"
_NO_PAGES: Final = "no page of a manual and no command is named that there is not"
_STATUS_CHANGES: Final = "a status that moves is told by an event of its own"
_NO_PROCESS: Final = "to start a run is no reason to make a session: it stays with its claimer"
_SURROUNDINGS: Final = "a session here is whoever calls: no process, sandbox or ancestry is known"
_OWN_HASH: Final = "each claim has a hash of its own"
_OWN_EVENTS: Final = "the original tells no events of tasks here, though it means to"
_NO_ROUTER: Final = "nobody is sent to a review, so it waits until anybody judges it"
_THE_WORK: Final = "a claim carries the task, so that nobody need ask for it again"
_NEVER_PAUSED: Final = "what is optional and unset is left out: no pause was there to be told of"

# Calls that are rightly answered with another status, by number.
STATUSES: Final = {
    27: (403, "a heartbeat to the run of another session is forbidden, whatever the caller holds"),
}
# What of the answers is rightly not like the recorded ones, and why.
EXCEPTIONS: Final[dict[tuple[Op, Kind, str], str]] = {
    **{
        (operation, kind, path): _OWN_WORDS
        for operation in (
            *(Op.AGENT_HEARTBEAT, Op.APPROVE_TASK, Op.CLAIM_RUN, Op.COMPLETE_RUN, Op.DELETE_TASK),
            *(Op.GET_TASK, Op.PUBLISH_TASK, Op.REJECT_TASK, Op.RETRY_RUN, Op.START_TASK),
        )
        for kind, path in ((Kind.CHANGED, "error"), (Kind.ADDED, "diagnostic"))
    },
    **{
        (operation, kind, path + member): reason
        for operation, path in ((Op.BULK_RELEASE, "results[].error."), (Op.RECOVER_RUN, ""))
        for kind, member, reason in (
            (Kind.CHANGED, "error", _OWN_WORDS),
            (Kind.CHANGED, "diagnostic.title", _OWN_WORDS),
            (Kind.CHANGED, "diagnostic.message", _OWN_WORDS),
            (Kind.LEFT_OUT, "diagnostic.doc_url", _NO_PAGES),
            (Kind.CHANGED, "diagnostic.suggested_command", _OWN_WORDS),
        )
    },
    (Op.ADD_DEPENDENCY, Kind.ADDED, "task.events[task.status_changed]"): _STATUS_CHANGES,
    (Op.GET_TASK, Kind.ADDED, "task.events[task.status_changed]"): _STATUS_CHANGES,
    (Op.CLAIM_RUN, Kind.ADDED, "task"): _THE_WORK,
    (Op.START_RUN, Kind.LEFT_OUT, "run.session_id"): _NO_PROCESS,
    (Op.COMPLETE_RUN, Kind.LEFT_OUT, "run.session_id"): _NO_PROCESS,
    (Op.FAIL_RUN, Kind.LEFT_OUT, "run.session_id"): _NO_PROCESS,
    (Op.LIST_RUNS, Kind.LEFT_OUT, "runs[].session_id"): _NO_PROCESS,
    (Op.LIST_SESSIONS, Kind.CHANGED, "sessions"): _NO_PROCESS,
    **{
        (operation, kind, f"{path}.{member}"): _SURROUNDINGS
        for operation, path in (
            (Op.LIST_SESSIONS, "sessions[]"),
            (Op.GET_WORKSPACE_SESSION, "session"),
        )
        for kind, member in (
            (Kind.CHANGED, "provider"),
            *((Kind.LEFT_OUT, name) for name in ("badge", "attachable", "acp_session_id")),
            *((Kind.LEFT_OUT, name) for name in ("acp_caps", "sandbox", "lineage")),
        )
    },
    **{
        (operation, Kind.LEFT_OUT, f"review.reviewer_{member}"): _NO_ROUTER
        for operation, members in (
            (Op.GET_REVIEW, ("session_id", "agent_name", "peer_id", "channel_id")),
            (Op.SUBMIT_VERDICT, ("agent_name", "peer_id", "channel_id")),
        )
        for member in members
    },
    (Op.GET_REVIEW, Kind.CHANGED, "review.status"): _NO_ROUTER,
    **{
        (operation, kind, f"inspect.{path}"): reason
        for operation in (Op.INSPECT_TASK, Op.INSPECT_RUN)
        for kind, path, reason in (
            (Kind.ADDED, "recent_events", _OWN_EVENTS),
            (Kind.CHANGED, "bound_session.provider_name", _SURROUNDINGS),
            (Kind.CHANGED, "current_run.claim_token_hash_truncated", _OWN_HASH),
            (Kind.CHANGED, "recent_runs[].claim_token_hash_truncated", _OWN_HASH),
            (Kind.LEFT_OUT, "scheduler.updated_at", _NEVER_PAUSED),
        )
    },
}


@pytest.fixture
def names() -> dict[str, str]:
    """Which id of ours stands for which recorded one."""
    return {}


@pytest.fixture
def command_line(server: Server, names: dict[str, str]) -> Iterator[httpx.Client]:
    """A client at the socket of a home directory, on the morning of the day."""
    home = server.directory / "home"
    home.mkdir()
    server.start(f"--socket={home / SOCKET}").close()
    assert os.path.samefile(str(server.report["socket"]), home / SOCKET)
    transport = httpx.HTTPTransport(uds=str(home / SOCKET))
    with httpx.Client(
        base_url="http://unix", transport=transport, headers=SENT, timeout=TIMEOUT_S
    ) as client:
        workspace = _posted(client, "/api/workspaces/resolve", path="/home/dev/checkout/ws")
        workspace_id = names[day.WORKSPACE_ID] = workspace["workspace"]["id"]
        for session_id, name, agent_name in day.SESSIONS:
            session = _posted(
                client,
                "/api/sessions",
                agent_name=agent_name,
                name=name,
                workspace=workspace_id,
                channel="default",
            )
            names[session_id] = session["session"]["id"]
        yield client


def _posted(client: httpx.Client, target: str, **body: str) -> Any:
    answered = client.post(target, json=body)
    assert answered.is_success, answered.text
    return answered.json()


def test_a_working_day_of_the_command_line_goes_as_it_was_recorded(command_line, names):
    likeness = Likeness(names)
    found: dict[Difference, dict[Op, str]] = {}
    statuses: dict[int, int] = {}
    for call in day.calls():
        operation = call.operation
        answered = command_line.request(
            call.method,
            renamed(call.target, names),
            headers={name: renamed(value, names) for name, value in call.headers.items()},
            content=None if call.body is None else renamed(json.dumps(call.body), names),
        )
        if answered.status_code != call.status:
            statuses[call.number] = answered.status_code
        if call.answer is None:
            assert answered.content == b"", call
            continue
        for difference in likeness.differences(call.answer, answered.json()):
            found.setdefault(difference, {})[operation] = f"{call}: {answered.text}"
    assert statuses == {number: status for number, (status, _) in STATUSES.items()}
    told = {
        (operation, difference.kind, difference.path): where
        for difference, places in found.items()
        for operation, where in places.items()
    }
    assert {key: told[key] for key in told.keys() - EXCEPTIONS.keys()} == {}
    assert EXCEPTIONS.keys() - told.keys() == set(), "these are not needed any more"


def test_all_of_the_day_is_replayed():
    assert all(call.operation in Op for call in day.calls())
    assert len(day.calls()) == 91
