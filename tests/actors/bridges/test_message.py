"""A message tells what happened then, whatever the task is now."""

import pytest

from actors.bridges.message import message_of
from actors.record import Record
from actors.task import commands as c
from actors.task.events import MessageDue
from actors.task.state import TaskStatus
from actors.task.subscription import DeliveryMode, Target
from tests.actors.task.kit import OPERATOR, Bench, agent


def told(command_of, caller=OPERATOR):
    """The message about what a command does to a task with a claimed run, its last attempt."""
    bench = Bench.with_run(max_attempts=1)
    bench.do(c.Subscribe("ops", Target(DeliveryMode.REPLY, peer_id="p"), "sub"))
    bench.lease()
    seq = bench.next_seq
    events = bench.do(command_of(bench.latest.id), caller).events
    record = Record(seq, "00", bench.now_ns, bench.task_id, caller, events)
    [due] = [event.seq for event in events if isinstance(event, MessageDue)]
    return message_of(bench.task, bench.task.subscription("sub"), record, due), bench


@pytest.mark.parametrize(
    ("command_of", "caller", "type_", "status", "error"),
    [
        (c.CompleteLease, agent("s1"), "task.run_completed", TaskStatus.COMPLETED, None),
        (
            lambda run_id: c.FailLease(run_id, "red"),
            agent("s1"),
            "task.run_failed",
            TaskStatus.FAILED,
            "red",
        ),
        (
            lambda run_id: c.ForceFail(run_id, "hopeless"),
            OPERATOR,
            "task.run_operator_forced_fail",
            TaskStatus.FAILED,
            "hopeless",
        ),
        (c.CancelRun, OPERATOR, "task.run_canceled", TaskStatus.CANCELED, None),
    ],
)
def test_the_end_of_a_run(command_of, caller, type_, status, error):
    message, bench = told(command_of, caller)
    assert (message.event.type, message.status) == (type_, status)
    assert (message.run_id, message.error) == (bench.latest.id, error)
    assert message.delivery_id == f"notif:sub:{message.seq}"
    assert (message.task_id, message.workspace_id) == ("t", None)


def test_the_end_of_a_task_names_no_run():
    message, _ = told(lambda _: c.CancelTask("enough"))
    assert (message.event.type, message.run_id) == ("task.canceled", None)
    assert message.status is TaskStatus.CANCELED
