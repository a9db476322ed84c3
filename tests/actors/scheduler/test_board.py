"""Where open runs stand, task by task."""

from chargehand.actors.frozen import replace
from chargehand.actors.scheduler.board import Board
from chargehand.actors.task.state import RunStatus
from tests.actors.system.desk import started


async def test_a_key_stays_with_its_later_claim_when_the_earlier_one_ends():
    async with started() as desk:
        await desk.queued()
        former = (await desk.claim("s1", idempotency_key="k")).task
    [run] = former.runs
    later = replace(former, id="later", runs=(replace(run, id="later"),))
    board = Board(lambda _: None)
    for state in (former, later):
        board.update(state, lambda _: 0)
    over = replace(run, status=RunStatus.COMPLETED)
    board.update(replace(former, runs=(over,)), lambda _: 0)
    assert board.keyed_claim("s1", "k") == ("later", "later")
