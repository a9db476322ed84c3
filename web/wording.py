"""How an action that the core suggests is asked for: as a command of our own line, as a request.

As a command is printed it can be run; the command line is tested against every action. The table
holds the words of each command, in which `{0}`, `{1}` stand for what the action is about, and its
operation, whose path takes as many of them as it has parameters.
"""

import re
import shlex
from typing import Final, NamedTuple

from chargehand.actors.actions import Action, ActionKind
from chargehand.web.operations import Operation
from chargehand.web.version import PROGRAM

_PARAMETER: Final = re.compile(r"\{\w+\}")


class _Words(NamedTuple):
    command: tuple[str, ...]
    operation: Operation


_WORDS: Final[dict[ActionKind, _Words]] = {
    ActionKind.LIST_TASKS: _Words(("task", "list"), Operation.LIST_TASKS),
    ActionKind.SHOW_TASK: _Words(("task", "show", "{0}"), Operation.GET_TASK),
    ActionKind.INSPECT_TASK: _Words(("task", "inspect", "{0}"), Operation.INSPECT_TASK),
    ActionKind.SHOW_TREE: _Words(("task", "tree", "{0}"), Operation.GET_TREE),
    ActionKind.PUBLISH_TASK: _Words(("task", "publish", "{0}"), Operation.PUBLISH_TASK),
    ActionKind.START_TASK: _Words(("task", "start", "{0}"), Operation.START_TASK),
    ActionKind.APPROVE_TASK: _Words(("task", "approve", "{0}"), Operation.APPROVE_TASK),
    ActionKind.ASK_FOR_APPROVAL: _Words(
        ("task", "update", "{0}", "--approval-policy", "manual"), Operation.UPDATE_TASK
    ),
    ActionKind.ASK_FOR_NO_APPROVAL: _Words(
        ("task", "update", "{0}", "--approval-policy", "none"), Operation.UPDATE_TASK
    ),
    ActionKind.PAUSE_TASK: _Words(
        ("task", "pause", "{0}", "--reason", "incident response"), Operation.PAUSE_TASK
    ),
    ActionKind.RESUME_TASK: _Words(("task", "resume", "{0}"), Operation.RESUME_TASK),
    ActionKind.REMOVE_DEPENDENCY: _Words(
        ("task", "remove-dependency", "{0}", "{1}"), Operation.REMOVE_DEPENDENCY
    ),
    ActionKind.RESUME_SCHEDULER: _Words(("scheduler", "resume"), Operation.RESUME_SCHEDULER),
    ActionKind.ENQUEUE_RUN: _Words(("task", "enqueue", "{0}"), Operation.ENQUEUE_RUN),
    ActionKind.LIST_RUNS: _Words(("task", "runs", "{0}"), Operation.LIST_RUNS),
    ActionKind.RAISE_ATTEMPTS: _Words(
        ("task", "update", "{0}", "--max-attempts", "{1}"), Operation.UPDATE_TASK
    ),
    ActionKind.INSPECT_RUN: _Words(("run", "inspect", "{0}"), Operation.INSPECT_RUN),
    ActionKind.CLAIM_RUN: _Words(("run", "claim", "{0}"), Operation.CLAIM_RUN),
    ActionKind.CANCEL_RUN: _Words(("run", "cancel", "{0}"), Operation.CANCEL_RUN),
    ActionKind.RETRY_RUN: _Words(("run", "retry", "{0}"), Operation.RETRY_RUN),
    ActionKind.RECOVER_RUN: _Words(("run", "recover", "{0}"), Operation.RECOVER_RUN),
    ActionKind.FORCE_RELEASE: _Words(("run", "force-release", "{0}"), Operation.FORCE_RELEASE),
    ActionKind.FORCE_FAIL: _Words(
        ("run", "force-fail", "{0}", "--reason", "operator recovery"), Operation.FORCE_FAIL
    ),
    ActionKind.REQUEST_REVIEW: _Words(
        ("review", "request", "{0}", "--attempt", "{1}"), Operation.REQUEST_REVIEW
    ),
    ActionKind.SHOW_REVIEW: _Words(("review", "show", "{0}"), Operation.GET_REVIEW),
    ActionKind.LIST_UNDELIVERED: _Words(
        ("bridge", "undelivered", "{0}"), Operation.LIST_UNDELIVERED
    ),
    ActionKind.JUDGE_REVIEW: _Words(  # as an approval; its help lists the other outcomes
        (
            *("review", "verdict", "{0}", "{1}"),
            *("approved", "--confidence", "1", "--reason", "looked at it"),
        ),
        Operation.SUBMIT_VERDICT,
    ),
    ActionKind.LIST_SUBSCRIPTIONS: _Words(("bridge", "list", "{0}"), Operation.LIST_SUBSCRIPTIONS),
    ActionKind.SET_SUBSCRIPTION_AGAIN: _Words(
        (
            *("bridge", "subscribe", "{0}", "{1}", "--id={2}", "--mode={3}"),
            *("--peer={4}", "--group={5}", "--thread={6}"),
        ),
        Operation.CREATE_SUBSCRIPTION,
    ),
    # The environment of the agent says who claims.
    ActionKind.CLAIM_NEXT: _Words(("agent", "next", "--wait"), Operation.CLAIM_NEXT),
    ActionKind.HEARTBEAT: _Words(
        ("agent", "heartbeat", "{0}", "--claim", "{1}"), Operation.AGENT_HEARTBEAT
    ),
    ActionKind.COMPLETE_CLAIMED: _Words(
        ("agent", "complete", "{0}", "--claim", "{1}"), Operation.AGENT_COMPLETE
    ),
    ActionKind.END_SESSION: _Words(("session", "end", "{0}"), Operation.END_SESSION),
    ActionKind.LIST_SESSIONS: _Words(("session", "list"), Operation.LIST_SESSIONS),
    ActionKind.REGISTER_SESSION: _Words(
        ("session", "register", "--", "{0}"), Operation.CREATE_SESSION
    ),
    ActionKind.CREATE_WORKSPACE: _Words(("workspace", "create", "{0}"), Operation.CREATE_WORKSPACE),
}


def command_of(action: Action) -> str:
    """The action as a shell takes it."""
    words = _WORDS[action.kind].command
    about = action.about
    if action.kind is ActionKind.CREATE_WORKSPACE and not about[0].startswith("/"):
        # By what it was called: a name for the present directory.
        words, about = ("workspace", "create", ".", "--name={0}"), action.about
    filled = (_filled(word, about) for word in words)
    return shlex.join((PROGRAM, *(word for word in filled if word is not None)))


def request_of(action: Action) -> str:
    """The method and path of the request, as `POST /api/tasks/ship-it/approve`."""
    operation = _WORDS[action.kind].operation
    about = iter(action.about)
    return f"{operation.method} {_PARAMETER.sub(lambda _: next(about), operation.path)}"


def next_step_of(words: str, action: Action | None) -> str:
    """What a caller can do, in words; where these end with a colon the request follows."""
    if not words.endswith(":"):
        return words
    return words.removesuffix(":") if action is None else f"{words} {request_of(action)}"


def _filled(word: str, about: tuple[str, ...]) -> str | None:
    """The word with its value in place; None: an option that has none here."""
    if "{" not in word:
        return word
    prefix, _, rest = word.partition("{")
    value = about[int(rest.partition("}")[0])]
    return prefix + value if value or not prefix else None
