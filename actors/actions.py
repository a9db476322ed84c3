"""What a caller can do about a refusal or a diagnostic; nothing else is ever suggested.

The core says which action helps, and what it is about. How it is asked for, as a request or as a
command, is worded where requests and commands are known (`web.wording`).
"""

from enum import Enum, auto
from typing import final

from chargehand.actors.frozen import frozen


class ActionKind(Enum):
    LIST_TASKS = auto()
    SHOW_TASK = auto()
    INSPECT_TASK = auto()
    SHOW_TREE = auto()
    PUBLISH_TASK = auto()
    START_TASK = auto()
    APPROVE_TASK = auto()
    ASK_FOR_APPROVAL = auto()
    ASK_FOR_NO_APPROVAL = auto()
    PAUSE_TASK = auto()
    RESUME_TASK = auto()
    REMOVE_DEPENDENCY = auto()
    RESUME_SCHEDULER = auto()
    ENQUEUE_RUN = auto()
    LIST_RUNS = auto()
    RAISE_ATTEMPTS = auto()
    INSPECT_RUN = auto()
    CLAIM_RUN = auto()
    CANCEL_RUN = auto()
    RETRY_RUN = auto()
    RECOVER_RUN = auto()
    FORCE_RELEASE = auto()
    FORCE_FAIL = auto()
    REQUEST_REVIEW = auto()
    SHOW_REVIEW = auto()
    LIST_UNDELIVERED = auto()
    JUDGE_REVIEW = auto()
    LIST_SUBSCRIPTIONS = auto()
    SET_SUBSCRIPTION_AGAIN = auto()
    CLAIM_NEXT = auto()
    HEARTBEAT = auto()
    COMPLETE_CLAIMED = auto()
    END_SESSION = auto()
    LIST_SESSIONS = auto()
    REGISTER_SESSION = auto()
    CREATE_WORKSPACE = auto()


@final
@frozen
class Action:
    """`about` are the ids and values that it needs, in the order of the function that made it."""

    kind: ActionKind
    about: tuple[str, ...] = ()


def list_tasks() -> Action:
    return Action(ActionKind.LIST_TASKS)


def show_task(task_id: str) -> Action:
    return Action(ActionKind.SHOW_TASK, (task_id,))


def inspect_task(task_id: str) -> Action:
    return Action(ActionKind.INSPECT_TASK, (task_id,))


def show_tree(task_id: str) -> Action:
    return Action(ActionKind.SHOW_TREE, (task_id,))


def publish_task(task_id: str) -> Action:
    return Action(ActionKind.PUBLISH_TASK, (task_id,))


def start_task(task_id: str) -> Action:
    return Action(ActionKind.START_TASK, (task_id,))


def approve_task(task_id: str) -> Action:
    return Action(ActionKind.APPROVE_TASK, (task_id,))


def ask_for_approval(task_id: str) -> Action:
    return Action(ActionKind.ASK_FOR_APPROVAL, (task_id,))


def ask_for_no_approval(task_id: str) -> Action:
    return Action(ActionKind.ASK_FOR_NO_APPROVAL, (task_id,))


def pause_task(task_id: str) -> Action:
    return Action(ActionKind.PAUSE_TASK, (task_id,))


def resume_task(task_id: str) -> Action:
    return Action(ActionKind.RESUME_TASK, (task_id,))


def remove_dependency(task_id: str, depends_on_task_id: str) -> Action:
    return Action(ActionKind.REMOVE_DEPENDENCY, (task_id, depends_on_task_id))


def resume_scheduler() -> Action:
    return Action(ActionKind.RESUME_SCHEDULER)


def enqueue_run(task_id: str) -> Action:
    return Action(ActionKind.ENQUEUE_RUN, (task_id,))


def list_runs(task_id: str) -> Action:
    return Action(ActionKind.LIST_RUNS, (task_id,))


def raise_attempts(task_id: str, max_attempts: int) -> Action:
    return Action(ActionKind.RAISE_ATTEMPTS, (task_id, str(max_attempts)))


def inspect_run(run_id: str) -> Action:
    return Action(ActionKind.INSPECT_RUN, (run_id,))


def claim_run(run_id: str) -> Action:
    return Action(ActionKind.CLAIM_RUN, (run_id,))


def cancel_run(run_id: str) -> Action:
    return Action(ActionKind.CANCEL_RUN, (run_id,))


def retry_run(run_id: str) -> Action:
    return Action(ActionKind.RETRY_RUN, (run_id,))


def recover_run(run_id: str) -> Action:
    return Action(ActionKind.RECOVER_RUN, (run_id,))


def force_release(run_id: str) -> Action:
    return Action(ActionKind.FORCE_RELEASE, (run_id,))


def force_fail(run_id: str) -> Action:
    return Action(ActionKind.FORCE_FAIL, (run_id,))


def request_review(run_id: str, attempt: int) -> Action:
    return Action(ActionKind.REQUEST_REVIEW, (run_id, str(attempt)))


def show_review(review_id: str) -> Action:
    return Action(ActionKind.SHOW_REVIEW, (review_id,))


def list_undelivered(task_id: str) -> Action:
    return Action(ActionKind.LIST_UNDELIVERED, (task_id,))


def judge_review(review_id: str, run_id: str) -> Action:
    """As an approval; the help of the command lists the other outcomes."""
    return Action(ActionKind.JUDGE_REVIEW, (review_id, run_id))


def list_subscriptions(task_id: str) -> Action:
    return Action(ActionKind.LIST_SUBSCRIPTIONS, (task_id,))


def set_subscription_again(
    task_id: str,
    bridge_id: str,
    subscription_id: str,
    mode: str,
    peer_id: str | None,
    group_id: str | None,
    thread_id: str | None,
) -> Action:
    receiver = (peer_id or "", group_id or "", thread_id or "")
    return Action(
        ActionKind.SET_SUBSCRIPTION_AGAIN,
        (task_id, bridge_id, subscription_id, mode, *receiver),
    )


def claim_next() -> Action:
    """The environment of the agent says who claims."""
    return Action(ActionKind.CLAIM_NEXT)


def heartbeat(run_id: str, claim_token_hash: str) -> Action:
    return Action(ActionKind.HEARTBEAT, (run_id, claim_token_hash))


def complete_claimed(run_id: str, claim_token_hash: str) -> Action:
    return Action(ActionKind.COMPLETE_CLAIMED, (run_id, claim_token_hash))


def end_session(session_id: str) -> Action:
    """Its runs are back in the queue at once."""
    return Action(ActionKind.END_SESSION, (session_id,))


def list_sessions() -> Action:
    return Action(ActionKind.LIST_SESSIONS)


def register_session(agent_name: str) -> Action:
    return Action(ActionKind.REGISTER_SESSION, (agent_name,))


def create_workspace(ref: str) -> Action:
    """A workspace by what it was called: its directory, or a name for the present one."""
    return Action(ActionKind.CREATE_WORKSPACE, (ref,))
