"""Loaded by Schemathesis: real ids and identities in its requests, and a check of streams."""

import json
import os
import random
from itertools import count
from typing import Any, Final

import httpx
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure

from benchmarks.fuzz.receiver import BRIDGE_ID
from benchmarks.fuzz.world import URL_VARIABLE, Kind, World, kind_of

STREAMS: Final = frozenset({"/api/tasks/{id}/stream", "/api/stream"})
VERDICT: Final = "/api/task-reviews/{id}/verdict"

Json = Any  # nothing is known of an answer

_EVERY: Final = 40  # requests between two times in which work is handed in
_KNOWN: Final = 0.85  # how often an id is replaced by a known one
_LINKED: Final = 0.2  # the same where a link has given one
_IDENTIFIED: Final = 0.15  # how often an agent does what operators do
_AGENT: Final = "coder"

_world = World(random.Random(1))
_client = httpx.Client(base_url=os.environ[URL_VARIABLE], timeout=60, verify=False)
_numbers = count(1)
_calls = count()


def _ask(method: str, path: str, body: object = None, session_id: str | None = None) -> Json:
    """What a good answer holds; None for any other."""
    headers = {} if session_id is None else _identity(session_id)
    answered = _client.request(method, path, json=body, headers=headers)
    if not answered.is_success or not answered.content:
        return None
    _world.learn(answered.json())
    return answered.json()


def _identity(session_id: str) -> dict[str, str]:
    return {"X-AGH-Session-ID": session_id, "X-AGH-Agent": _AGENT}


def hand_in_work() -> None:
    """Tasks whose runs are queued, claimed, running and soon parked; a lease; and nothing held."""
    number = next(_numbers)
    _ask("POST", "/api/scheduler/resume")
    workspace = _ask("POST", "/api/workspaces/resolve", {"path": f"/srv/{number % 3}"})
    session = {"id": f"s{number}", "agent_name": _AGENT}
    _ask("POST", "/api/sessions", session)
    placed = {"agent_name": _AGENT, "workspace": workspace["workspace"]["id"]}
    _ask("POST", "/api/sessions", placed)
    _task(number, approval_policy="manual")
    blocker, blocked = _task(number), _task(number)
    _ask("POST", f"/api/tasks/{blocked}/dependencies", {"depends_on_task_id": blocker})
    _world.learn({"task_id": blocked, "depends_on_task_id": blocker})
    _ask("POST", f"/api/task-runs/{_run(blocker)}/claim", {})
    subscription = {"bridge_instance_id": BRIDGE_ID, "delivery_mode": "direct-send", "peer_id": "p"}
    _ask("POST", f"/api/tasks/{blocker}/notifications/bridges", subscription)
    running = _run(_task(number))
    for step in ("claim", "start"):
        _ask("POST", f"/api/task-runs/{running}/{step}", {})
    done = _run(_task(number))
    for step in ("claim", "start", "complete", "reviews"):
        _ask("POST", f"/api/task-runs/{done}/{step}", {})
    for lease_seconds in (600, 1):  # the shorter one runs out, which parks its run
        _run(_task(number, priority="urgent"))
        claim = {"lease_seconds": lease_seconds}
        _ask("POST", "/api/agent/tasks/claim-next", claim, session["id"])
    _run(_task(number))


def _task(number: int, **members: str) -> str:
    task = {"scope": "global", "title": f"task {number}", **members}
    made: str = _ask("POST", "/api/tasks", task)["task"]["id"]
    return made


def _run(task_id: str) -> str:
    made: str = _ask("POST", f"/api/tasks/{task_id}/runs", {})["run"]["id"]
    return made


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Let the request be about something that is there."""
    if next(_calls) % _EVERY == 0:
        hand_in_work()
    chance = _LINKED if case.meta and case.meta.phase.name.value == "stateful" else _KNOWN
    path, choice = case.operation.path, _world.random
    lease = _world.lease()
    if path.startswith("/api/agent/") and lease is not None and choice.random() < chance:
        run_id, session_id = lease
        case.headers.update(_identity(session_id))
        if "run_id" in case.path_parameters:
            case.path_parameters["run_id"] = run_id
        return
    for given in (case.path_parameters, case.query, case.body):
        if isinstance(given, dict):
            _name_known(given, path, chance)
    if choice.random() < chance:
        case.path_parameters.update(_world.path_ids(path))
        _judge_known(case)
    session = _world.any(Kind.SESSION)
    if session is not None and choice.random() < _IDENTIFIED:
        case.headers.update(_identity(session))


def _judge_known(case: Case[Any]) -> None:
    """A verdict that is of the run of its review."""
    review = _world.review()
    if review is not None and case.operation.path == VERDICT and isinstance(case.body, dict):
        case.path_parameters["id"], case.body["run_id"] = review


def _name_known(given: dict[str, Any], path: str, chance: float) -> None:
    """Put known ids where ids are asked for, and let nobody wait for long."""
    if given.get("timeout_seconds"):
        given["timeout_seconds"] = 0
    if "bridge_instance_id" in given:
        given["bridge_instance_id"] = BRIDGE_ID
    for member in given:
        kind = kind_of(member, path)
        known = None if kind is None else _world.any(kind, path)
        if known is not None and _world.random.random() < chance:
            given[member] = [known] if member in ("run_ids", "ids") else known


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Remember what was answered, and what is gone."""
    if response.status_code == 204 and case.method == "DELETE":
        *_, gone = case.path_parameters.values()
        _world.forget(gone)
    elif response.status_code < 300 and _is_json(response):
        _world.learn(json.loads(response.content))


def _is_json(response: Response) -> bool:
    return response.headers.get("content-type") == ["application/json"] and bool(response.content)


@schemathesis.hook
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """To take a request off its schema is no fault if only blanks are: they count as absent."""
    return not isinstance(failure, AcceptedNegativeData) or not _has_blanks(
        case, response.request.body
    )


def _has_blanks(case: Case[Any], sent: object) -> bool:
    """Whether something that may be left out is blank; of a repeated parameter the first counts."""
    firsts = [
        next(iter(value), "") if isinstance(value, list | dict) else value
        for value in case.query.values()
    ]
    members = case.body.values() if isinstance(case.body, dict) else ()
    is_blank = isinstance(sent, bytes) and sent.strip() in (b"", b"null")
    return is_blank or any(value in ("", [], {}, None) for value in (*firsts, *members))


@schemathesis.check
def stream_conformance(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """The data of each event is of the described schema."""
    if case.operation.path not in STREAMS or response.status_code != 200:
        return True
    components = case.operation.schema.raw_schema["components"]
    schema = {"$ref": "#/components/schemas/StreamEvent", "components": components}
    validator = Draft202012Validator(schema)
    frames = response.content.decode().split("\n\n")[:-1]  # the last one may be cut off
    for frame in frames:
        lines = [line.split(": ", 1) for line in frame.split("\n")]
        fields = {line[0]: line[1] for line in lines if len(line) == 2}
        if fields.get("event", "stream.closed") == "stream.closed":
            continue
        faults = [fault.message for fault in validator.iter_errors(json.loads(fields["data"]))]
        if faults:
            raise AssertionError(f"an event is off its schema: {faults} in {frame}")
    return None
