"""Retention by way of HTTP: what it counts, and that its deletions are as any other."""

import pytest
import trio

from chargehand.actors.retention.actor import LOOK_S
from chargehand.actors.settings import Settings

AGE_S = 100


@pytest.fixture
def settings(request) -> Settings:
    return Settings(retain_finished_s=getattr(request, "param", AGE_S))


@pytest.mark.parametrize("settings", [0], indirect=True)
async def test_readiness_says_nothing_of_retention_while_it_is_off(client):
    assert "retention" not in (await client.get("/readyz")).json


async def test_readiness_counts_what_retention_has_deleted(autojump_clock, client):
    for number in range(3):
        await client.created(id=f"t{number}")
    for number in range(2):
        await client.post(f"/api/tasks/t{number}/cancel")
    await trio.sleep(AGE_S + 2 * LOOK_S)
    told = (await client.get("/readyz")).json["retention"]
    assert told.pop("last_round_at")
    assert told == {"deleted_tasks": 2, "refused_tasks": 0, "held_tasks": 0, "freed_ids": 0}
    assert (await client.get("/api/tasks/t0")).status == 404
    assert (await client.get("/api/tasks/t2")).status == 200
