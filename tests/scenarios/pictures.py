"""All that the API shows, so that it can be compared before and after a restart."""

import re
from typing import Any, Final

import httpx

from benchmarks.chaos.client import Client
from tests.scenarios.patterns import NotBefore, Pattern

Picture = dict[str, Any]  # answers by path

_ALWAYS: Final = (
    "/api/tasks?include_drafts=true",
    "/api/scheduler",
    "/api/scheduler/backlog?include_paused=true",
    "/api/workspaces",
    "/api/observe/tasks/dashboard",
    "/api/observe/tasks/inbox",
)
_OF_A_TASK: Final = (
    "",
    "/tree",
    "/timeline",
    "/runs",
    "/inspect",
    "/execution-profile",
    "/reviews",
    "/notifications/bridges",
)
_LIVING: Final = ("claimed", "starting", "running")
_MOVES_BY_ITSELF: Final = re.compile(r"as_of|observed_at|\w*age_(ms|seconds)|message")


async def take_picture(client: Client) -> Picture:
    picture = {path: await _answer(client, path) for path in _ALWAYS}
    for task in picture[_ALWAYS[0]]["tasks"]:
        for aspect in _OF_A_TASK:
            path = f"/api/tasks/{task['id']}{aspect}"
            picture[path] = await _answer(client, path)
    return picture


async def _answer(client: Client, path: str) -> Any:
    response = await client.send("GET", path)
    if response.status_code != httpx.codes.OK:
        raise AssertionError(f"{path} answers {response.status_code}: {response.text}")
    return _still(response.json())


def _still(answer: Any) -> Any:
    """Without what moves although nothing happens."""
    if isinstance(answer, list):
        return [_still(item) for item in answer]
    if isinstance(answer, dict):
        return {
            name: _still(value)
            for name, value in answer.items()
            if not _MOVES_BY_ITSELF.fullmatch(name)
        }
    return answer


def after_a_restart(answer: Any) -> Pattern:
    """What is expected after a restart, of what was seen: a lease gets lost time back."""
    if isinstance(answer, list):
        return [after_a_restart(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    pattern = {name: after_a_restart(value) for name, value in answer.items()}
    if answer.get("status") in _LIVING and answer.get("lease_until") is not None:
        pattern["lease_until"] = NotBefore(answer["lease_until"])
    return pattern
