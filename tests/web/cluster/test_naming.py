"""Whether somebody else still has this node's name: by this machine's clock."""

from datetime import UTC, datetime, timedelta

import pytest
import trio

from chargehand.persistence.postgres.presence import Holder
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.cluster.naming import STILL_S, former_holder
from chargehand.web.exits import ExitCode, Fatal

ME = Owner("mine", "a", "10.0.0.1:2125")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Row:
    """In place of `Presence`: shows what it is given, one after the other, then the last."""

    def __init__(self, *shown: Holder | None) -> None:
        self._shown = list(shown)
        self.looks = 0

    def holder(self, name: str) -> Holder | None:
        assert name == ME.node
        self.looks += 1
        return self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]


def held(address: str, seen_s: float = 0, process: str = "another") -> Holder:
    return Holder(process, address, LONG_AGO + timedelta(seconds=seen_s))


@pytest.mark.parametrize("found", [None, held(ME.address)])
async def test_a_name_that_nobody_has_at_another_address_is_free_at_once(autojump_clock, found):
    row = Row(found)
    assert await former_holder(row, ME) == found
    assert (row.looks, trio.current_time()) == (1, 0)


async def test_of_a_node_at_another_address_that_stands_still_the_name_is_free(autojump_clock):
    there = held("10.0.0.2:2125")
    assert await former_holder(Row(there), ME) == there
    assert trio.current_time() == pytest.approx(STILL_S, abs=0.5)


@pytest.mark.parametrize("when", [2, 10])
async def test_of_a_node_that_goes_on_at_another_address_it_is_not(autojump_clock, when):
    there = [held("10.0.0.2:2125")] * when
    with pytest.raises(Fatal, match=r"a is .* 10\.0\.0\.2:2125.* name of its own") as raised:
        await former_holder(Row(*there, held("10.0.0.2:2125", 0.1)), ME)
    assert raised.value.code is ExitCode.BAD_SETTING


async def test_a_node_that_leaves_meanwhile_leaves_its_name(autojump_clock):
    there = held("10.0.0.2:2125")
    assert await former_holder(Row(there, there, None), ME) is None
    assert trio.current_time() < STILL_S
