"""What the demo leaves to a person is there, and goes on as the person decides; in virtual time."""

from typing import Any, Final

import orjson
import pytest
import trio

from chargehand import Event, LocalSystem
from chargehand.actors.limits import METADATA_BYTES_MAX, RESULT_BYTES_MAX
from chargehand.web.demo.aftermath import ROOT, Conduct, aftermath
from chargehand.web.demo.crew import AGENTS
from chargehand.web.demo.holding import ROUNDS, SILENT_LEASE_S, Aftermath
from chargehand.web.demo.timings import timings

SOON_S: Final = 30
PLAN: Final = {errand.key: errand for errand in aftermath()}
FAILED: Final = {errand.title for errand in PLAN.values() if errand.errors}


def test_the_plan_hangs_together():
    plan = aftermath()
    assert len(PLAN) == len(plan)
    assert plan[0].key == ROOT
    for place, errand in enumerate(plan):
        assert {one.key for one in plan[:place]} >= set(errand.after)
        assert len(orjson.dumps(errand.metadata)) <= METADATA_BYTES_MAX
        assert len(orjson.dumps(errand.result)) <= RESULT_BYTES_MAX
    held = [errand for errand in plan if errand.conduct in (Conduct.HOLD, Conduct.FALL_SILENT)]
    assert len(held) < len(AGENTS), "somebody is left to do what a person decides"
    assert len(FAILED) >= 3
    assert max(len(set(errand.errors)) for errand in plan) >= 3


@pytest.mark.parametrize("size", [256, 257, 4096, RESULT_BYTES_MAX])
def test_timings_are_as_large_as_they_are_asked_for(size):
    assert len(orjson.dumps(timings(size))) == size


@pytest.fixture
def api(system) -> LocalSystem:
    return system


@pytest.fixture
async def aftermath_under_way(api, nursery) -> Aftermath:
    held = Aftermath(api, aftermath(), 1, lambda _: None)
    nursery.start_soon(held.run)
    await held.is_ready.wait()
    return held


async def get(api: LocalSystem, path: str, **query: str) -> Any:
    return await api.request("GET", path, query=query)


async def task_called(api: LocalSystem, title: str) -> str:
    [task] = [task async for task in api.all_tasks(include_drafts="true") if task.title == title]
    return task.id


async def task_of(api: LocalSystem, key: str) -> str:
    return await task_called(api, PLAN[key].title)


async def diagnostics_of(api: LocalSystem, key: str) -> set[str]:
    inspected = await get(api, f"/api/tasks/{await task_of(api, key)}/inspect")
    return {diagnostic["code"] for diagnostic in inspected["inspect"]["diagnostics"]}


async def lane(api: LocalSystem, name: str) -> dict[str, dict[str, Any]]:
    """The items of an inbox's lane by title."""
    [group] = (await get(api, "/api/observe/tasks/inbox", lane=name))["inbox"]["groups"]
    return {item["task"]["title"]: item for item in group.get("items", [])}


async def runs(api: LocalSystem, key: str) -> list[dict[str, Any]]:
    """The latest first."""
    shown = await get(api, f"/api/tasks/{await task_of(api, key)}/runs")
    return list(shown["runs"])


async def completes(api: LocalSystem, title: str) -> None:
    """Within seconds."""
    task_id = await task_called(api, title)
    with trio.move_on_after(SOON_S):
        async with api.events(task_id) as events:
            async for event in events:
                if is_completed(event, task_id):
                    return
    pytest.fail(f"{title} is not completed")


def is_completed(event: Event, task_id: str) -> bool:
    ended = event.type == "task.status_changed" and event.payload["status"] == "completed"
    return ended and event.task_id == task_id


class TestWhatIsFound:
    async def test_in_the_inbox(self, api, aftermath_under_way):
        assert set(await lane(api, "approvals")) == {PLAN["hotfix"].title}
        failed = await lane(api, "failed_runs")
        assert set(failed) == {*FAILED, PLAN["archive"].title}
        assert failed[PLAN["archive"].title]["run"]["status"] == "needs_attention"
        assert PLAN["call"].title in await lane(api, "my_work")

    async def test_each_failure_with_the_errors_of_all_its_attempts(self, api, aftermath_under_way):
        for key, errand in PLAN.items():
            if errand.errors:
                assert tuple(run["error"] for run in reversed(await runs(api, key))) == (
                    errand.errors
                )

    @pytest.mark.parametrize(
        ("key", "code"),
        [
            ("switch", "task_awaiting_dependencies"),
            ("retrain", "task_run_without_taker"),
            ("cleanup", "task_paused"),
            ("call", "task_owned_by_person"),
            ("plan", "task_draft"),
        ],
    )
    async def test_why_a_task_does_not_run(self, api, aftermath_under_way, key, code):
        assert await diagnostics_of(api, key) == {code}

    async def test_who_holds_what(self, api, aftermath_under_way):
        held = (await get(api, "/api/runs", status="active"))["runs"]
        assert {row["task"]["title"] for row in held} == {
            errand.title
            for errand in PLAN.values()
            if errand.conduct in (Conduct.HOLD, Conduct.FALL_SILENT)
        }
        assert all(row["run"]["lease_until"] for row in held)

    async def test_a_review_of_the_second_round(self, api, aftermath_under_way):
        path = f"/api/tasks/{await task_of(api, 'postmortem')}/reviews"
        first, second = sorted(
            (await get(api, path))["reviews"], key=lambda review: review["review_round"]
        )
        assert (first["outcome"], second["status"]) == ("rejected", "requested")
        assert tuple(first["missing_work"]) == PLAN["postmortem"].rejection.missing_work
        assert second["review_round"] == ROUNDS

    async def test_a_large_result(self, api, aftermath_under_way):
        [run] = await runs(api, "timings")
        assert len(orjson.dumps(run["result"])) == RESULT_BYTES_MAX


class TestWhatAPersonDecides:
    async def test_retries_succeed_and_so_does_what_waited(self, api, aftermath_under_way):
        for key, errand in PLAN.items():
            if errand.errors:
                failed, *_ = await runs(api, key)
                await api.request("POST", f"/api/runs/{failed['id']}/retry", {})
        for title in (*FAILED, PLAN["switch"].title):
            await completes(api, title)
        assert set(await lane(api, "failed_runs")) == {PLAN["archive"].title}

    async def test_an_approval(self, api, aftermath_under_way):
        await api.request("POST", f"/api/tasks/{await task_of(api, 'hotfix')}/approve", {})
        await completes(api, PLAN["hotfix"].title)

    async def test_a_recovery(self, api, aftermath_under_way):
        parked, *_ = await runs(api, "archive")
        await api.request("POST", f"/api/runs/{parked['id']}/recover", {})
        await completes(api, PLAN["archive"].title)

    async def test_going_on_with_what_is_paused(self, api, aftermath_under_way):
        await api.request("POST", f"/api/tasks/{await task_of(api, 'cleanup')}/resume", {})
        await completes(api, PLAN["cleanup"].title)

    async def test_doing_without_the_capability(self, api, aftermath_under_way):
        path = f"/api/tasks/{await task_of(api, 'retrain')}/execution-profile"
        await api.request("DELETE", path)
        await completes(api, PLAN["retrain"].title)

    async def test_a_task_of_the_persons_own(self, api, aftermath_under_way):
        task = await api.create_task("Say hello")
        await api.start_task(task.id)
        await completes(api, task.title)

    async def test_the_agents_survive_that_sessions_are_ended_and_work_is_released(
        self, api, aftermath_under_way
    ):
        for row in (await get(api, "/api/runs", status="active"))["runs"]:
            await api.end_session(row["run"]["session_id"])
        await trio.sleep(SOON_S)
        await self.test_an_approval(api, aftermath_under_way)
        await self.test_a_recovery(api, aftermath_under_way)

    async def test_canceling_all_of_it_does_not_end_the_demo(self, api, aftermath_under_way):
        await api.cancel_task(await task_of(api, ROOT))
        await self.test_a_task_of_the_persons_own(api, aftermath_under_way)


async def test_the_lease_of_the_agent_that_fell_silent_runs_out(api, aftermath_under_way):
    [silent] = [run for run in await runs(api, "mirror") if run["status"] == "running"]
    await trio.sleep(SILENT_LEASE_S)
    await trio.sleep(SOON_S)
    [again] = await runs(api, "mirror")
    assert again["session_id"] != silent["session_id"]


async def test_the_work_that_is_held_is_held_for_long(api, aftermath_under_way):
    before = [(await runs(api, key))[0] for key in (ROOT, "soak", "translate")]
    await trio.sleep(600)
    after = [(await runs(api, key))[0] for key in (ROOT, "soak", "translate")]
    assert [run["session_id"] for run in before] == [run["session_id"] for run in after]
