"""What a task must be to go."""

import pytest

from chargehand.actors.frozen import replace
from chargehand.actors.identity import LOCAL_USER
from chargehand.actors.retention.rule import is_at_rest
from chargehand.actors.task.state import TaskStatus
from chargehand.actors.task.subscription import (
    Cursor,
    DeliveryMode,
    Subscription,
    Target,
    UndeliveredMessage,
)
from tests.persistence.whole_task import WHOLE

ENDED = replace(
    WHOLE, status=TaskStatus.COMPLETED, canceled=False, runs=(), reviews=(), subscriptions=()
)
TOLD = Subscription("sub", "ops", Target(next(iter(DeliveryMode))), LOCAL_USER, 1, 1, Cursor(3), ())


def test_a_finished_task_of_which_everybody_was_told_may_go():
    assert is_at_rest(ENDED)
    assert is_at_rest(replace(ENDED, subscriptions=(TOLD,)))


@pytest.mark.parametrize(
    "message", [{"due": (5,)}, {"undelivered": (UndeliveredMessage(5, "answered 503", 1),)}]
)
def test_a_message_that_is_not_delivered_keeps_a_task_given_up_or_not(message):
    assert not is_at_rest(replace(ENDED, subscriptions=(replace(TOLD, **message),)))
