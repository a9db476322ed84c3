"""The proof of several nodes in its short form: one of each trouble. `python -m benchmarks.cluster`
is the long one."""

import pytest
import trio

from benchmarks.cluster.proof import Trouble, prove
from tests.process.conftest import S_MAX


@pytest.mark.parametrize("seed", [5])
async def test_nothing_is_lost_doubled_or_held_twice_whatever_happens_to_nodes(
    tmp_path, address, seed
):
    with trio.fail_after(5 * S_MAX):
        outcome = await prove(
            tmp_path,
            f"{address.conninfo}?schema={address.schema}",
            tasks=60,
            agents=8,
            rounds=len(Trouble),
            seed=seed,
            ttl_s=1.5,
        )
    assert outcome.claims >= outcome.tasks
    assert outcome.stream_connections > 1
    assert set(outcome.outages.found) == set(Trouble) - {Trouble.NODE}
