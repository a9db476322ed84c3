"""Mailboxes keep order and a bound; replies are delivered once, or known to be abandoned."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.mailbox import Mailbox, Reply


async def test_messages_come_in_order_and_in_batches():
    mailbox: Mailbox[int] = Mailbox(10)
    for number in range(5):
        mailbox.send_nowait(number)
    assert await mailbox.receive(3) == [0, 1, 2]
    assert await mailbox.receive(3) == [3, 4]
    assert len(mailbox) == 0


async def test_callers_meet_the_bound_and_the_system_does_not():
    mailbox: Mailbox[int] = Mailbox(2)
    mailbox.send_nowait(1)
    mailbox.send_nowait(2)
    with pytest.raises(Rejected) as caught:
        mailbox.send_nowait(3)
    assert caught.value.code is Code.OVERLOADED
    mailbox.push(4)
    assert await mailbox.receive(10) == [1, 2, 4]
    mailbox.send_nowait(5)
    assert mailbox.take_all() == [5]


async def test_who_waits_is_woken_by_the_first_message_and_gets_all_that_came_till_then():
    mailbox: Mailbox[int] = Mailbox(10)
    got = []

    async def receive():
        got.append(await mailbox.receive(10))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        mailbox.push(1)
        mailbox.push(2)
    assert got == [[1, 2]]


async def test_a_canceled_receiver_loses_no_message():
    mailbox: Mailbox[int] = Mailbox(10)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.receive, 10)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    mailbox.push(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await mailbox.receive(10)
    assert scope.cancelled_caught
    assert await mailbox.receive(10) == [1]


async def test_receiving_lets_others_run_even_when_messages_are_there():
    mailbox: Mailbox[int] = Mailbox(10)
    turns = []

    async def other():
        turns.append("other")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        for number in range(2):  # the first turn may be either's
            mailbox.push(number)
            await mailbox.receive(1)
        assert turns == ["other"]


async def test_a_reply_may_come_before_or_after_someone_waits():
    before: Reply[int] = Reply()
    before.settle(1)
    assert await before.wait() == 1
    after: Reply[int] = Reply()
    got = []

    async def wait():
        got.append(await after.wait())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert not after.is_settled
        after.settle(2)
        assert after.is_settled
    assert got == [2]


async def test_only_the_first_answer_counts():
    reply: Reply[int] = Reply()
    reply.settle(1)
    reply.settle(2)
    reply.fail(ValueError("late"))
    assert await reply.wait() == 1


async def test_an_error_is_raised_where_the_answer_is_awaited():
    reply: Reply[int] = Reply()
    reply.fail(Rejected(Code.OVERLOADED, "no"))
    with pytest.raises(Rejected):
        await reply.wait()


async def test_a_canceled_wait_abandons_the_answer():
    reply: Reply[int] = Reply()
    with trio.move_on_after(0):
        await reply.wait()
    assert reply.abandoned
    reply.settle(1)


async def test_an_answer_that_is_there_is_not_abandoned_by_a_cancellation_in_the_same_moment():
    """Settled first, canceled second: the answer wins, so nobody gives back what was taken."""
    reply: Reply[int] = Reply()
    got = []

    async def wait():
        got.append(await reply.wait())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        reply.settle(1)
        nursery.cancel_scope.cancel()
    assert got == [1]
    assert not reply.abandoned
