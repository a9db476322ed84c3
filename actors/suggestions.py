"""The commands of our own line that a refusal or a diagnostic suggests; no others are.

Each function gives one, whole: as it is printed it can be run. The command line is tested against
every function of this module.
"""

import shlex
from typing import Final, final

from attrs import frozen

PROGRAM: Final = "chargehand"


@final
@frozen
class Suggestion:
    """Its words, without the program's name; as a text it is what a shell takes."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join((PROGRAM, *self.words))


def list_tasks() -> Suggestion:
    return Suggestion(("task", "list"))


def show_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "show", task_id))


def inspect_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "inspect", task_id))


def show_tree(task_id: str) -> Suggestion:
    return Suggestion(("task", "tree", task_id))


def publish_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "publish", task_id))


def start_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "start", task_id))


def approve_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "approve", task_id))


def ask_for_approval(task_id: str) -> Suggestion:
    return Suggestion(("task", "update", task_id, "--approval-policy", "manual"))


def ask_for_no_approval(task_id: str) -> Suggestion:
    return Suggestion(("task", "update", task_id, "--approval-policy", "none"))


def pause_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "pause", task_id, "--reason", "incident response"))


def resume_task(task_id: str) -> Suggestion:
    return Suggestion(("task", "resume", task_id))


def remove_dependency(task_id: str, depends_on_task_id: str) -> Suggestion:
    return Suggestion(("task", "remove-dependency", task_id, depends_on_task_id))


def resume_scheduler() -> Suggestion:
    return Suggestion(("scheduler", "resume"))


def enqueue_run(task_id: str) -> Suggestion:
    return Suggestion(("task", "enqueue", task_id))


def list_runs(task_id: str) -> Suggestion:
    return Suggestion(("task", "runs", task_id))


def raise_attempts(task_id: str, max_attempts: int) -> Suggestion:
    return Suggestion(("task", "update", task_id, "--max-attempts", str(max_attempts)))


def inspect_run(run_id: str) -> Suggestion:
    return Suggestion(("run", "inspect", run_id))


def claim_run(run_id: str) -> Suggestion:
    return Suggestion(("run", "claim", run_id))


def cancel_run(run_id: str) -> Suggestion:
    return Suggestion(("run", "cancel", run_id))


def retry_run(run_id: str) -> Suggestion:
    return Suggestion(("run", "retry", run_id))


def recover_run(run_id: str) -> Suggestion:
    return Suggestion(("run", "recover", run_id))


def force_release(run_id: str) -> Suggestion:
    return Suggestion(("run", "force-release", run_id))


def force_fail(run_id: str) -> Suggestion:
    return Suggestion(("run", "force-fail", run_id, "--reason", "operator recovery"))


def request_review(run_id: str, attempt: int) -> Suggestion:
    return Suggestion(("review", "request", run_id, "--attempt", str(attempt)))


def show_review(review_id: str) -> Suggestion:
    return Suggestion(("review", "show", review_id))


def list_undelivered(task_id: str) -> Suggestion:
    return Suggestion(("bridge", "undelivered", task_id))


def judge_review(review_id: str, run_id: str) -> Suggestion:
    """As an approval; other outcomes are told by the help of the command."""
    verdict = ("approved", "--confidence", "1", "--reason", "looked at it")
    return Suggestion(("review", "verdict", review_id, run_id, *verdict))


def list_subscriptions(task_id: str) -> Suggestion:
    return Suggestion(("bridge", "list", task_id))


def claim_next() -> Suggestion:
    """Who claims is told by the environment of the agent."""
    return Suggestion(("agent", "next", "--wait"))


def heartbeat(run_id: str, claim_token_hash: str) -> Suggestion:
    return Suggestion(("agent", "heartbeat", run_id, "--claim", claim_token_hash))


def complete_claimed(run_id: str, claim_token_hash: str) -> Suggestion:
    return Suggestion(("agent", "complete", run_id, "--claim", claim_token_hash))


def end_session(session_id: str) -> Suggestion:
    """Its runs are back in the queue at once."""
    return Suggestion(("session", "end", session_id))


def list_sessions() -> Suggestion:
    return Suggestion(("session", "list"))


def register_session(agent_name: str) -> Suggestion:
    return Suggestion(("session", "register", "--", agent_name))


def create_workspace(ref: str) -> Suggestion:
    """A workspace by what it was called: its directory, or a name for the present one."""
    if ref.startswith("/"):
        return Suggestion(("workspace", "create", ref))
    return Suggestion(("workspace", "create", ".", f"--name={ref}"))
