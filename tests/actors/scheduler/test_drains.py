"""The drains that are under way, and which of them ends last."""

from chargehand.actors.mailbox import Reply
from chargehand.actors.scheduler.drains import Drain, Drains
from tests.actors.system.desk import OPERATOR


def drain(until_ns: int) -> Drain:
    return Drain(
        OPERATOR,
        Reply(),
        started_at_ns=0,
        until_ns=until_ns,
        ends_at_ns=until_ns,
        claims_at_start=1,
    )


async def test_the_last_one_is_known_whatever_has_ended():
    drains = Drains()
    assert drains.last is None
    short, long, middle = map(drain, (10, 30, 20))
    for one in (short, long, middle):
        drains.open(one)
    assert drains.last is long
    drains.take([long])
    assert drains.last is middle
    drains.take_late(10)
    assert drains.last is middle
    drains.take_all()
    assert drains.last is None
