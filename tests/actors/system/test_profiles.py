"""Who is given a run by the profile of its task, and which run first."""

import pytest
import trio
from attrs import evolve as replace
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.task import commands as c
from chargehand.actors.task.profile import (
    ExecutionProfile,
    ParticipantsProfile,
    WorkerMode,
    WorkerProfile,
)
from chargehand.actors.task.state import Priority
from tests.actors.system.desk import started, waiting

WORKER, PARTICIPANTS = "worker", "participants"


def profile(**sections) -> ExecutionProfile:
    """By section, its lists."""
    return ExecutionProfile(
        worker=WorkerProfile(WorkerMode.INHERIT, **sections.get(WORKER, {})),
        participants=ParticipantsProfile(**sections.get(PARTICIPANTS, {})),
    )


async def queued(desk, wanted, **fields):
    """A run with a profile, younger than all before."""
    await trio.sleep(1)  # on a clock that jumps
    run = await desk.queued(**fields)
    task_id = (await desk.system.run(run.id)).task.id
    await desk.ask(task_id, c.SetProfile(wanted))
    return task_id, run


async def claimed(desk, session_id, **request):
    answer = await desk.claim(session_id, **request)
    return None if answer is None else answer.the_run.id


@pytest.mark.parametrize(
    "wanted",
    [
        profile(worker={"agent_name": "builder"}),
        profile(worker={"allowed_agent_names": ("builder", "tester")}),
        profile(participants={"allowed_agent_names": ("builder",)}),
    ],
)
async def test_only_an_allowed_agent_is_given_the_run(wanted):
    async with started() as desk:
        _, run = await queued(desk, wanted)
        assert await claimed(desk, "s1", agent_name="bot") is None
        assert await claimed(desk, "s2", agent_name="builder") == run.id


async def test_nobody_is_allowed_whom_one_part_forbids():
    async with started() as desk:
        wanted = profile(
            worker={"allowed_agent_names": ("a", "b")},
            participants={"allowed_agent_names": ("b", "c")},
        )
        _, run = await queued(desk, wanted)
        assert await claimed(desk, "s1", agent_name="a") is None
        assert await claimed(desk, "s2", agent_name="c") is None
        assert await claimed(desk, "s3", agent_name="b") == run.id


async def test_what_worker_participants_and_run_require_is_required_together():
    async with started() as desk:
        wanted = profile(
            worker={"required_capabilities": ("gpu",)},
            participants={"required_capabilities": ("rust",)},
        )
        task = await desk.task()
        await desk.ask(task.id, c.SetProfile(wanted))
        run = await desk.enqueue(task.id, required_capabilities=("own",))
        for number, held in enumerate([("gpu", "rust"), ("gpu", "own"), ("rust", "own")]):
            assert await claimed(desk, f"s{number}", capabilities=held) is None
        assert await claimed(desk, "s9", capabilities=("gpu", "own", "rust")) == run.id


PREFERENCES = [
    profile(worker={"preferred_capabilities": ("gpu",)}),
    profile(participants={"preferred_capabilities": ("gpu",)}),
    profile(worker={"preferred_agent_names": ("builder",)}),
    profile(participants={"preferred_agent_names": ("builder",)}),
]


@pytest.mark.parametrize("wanted", PREFERENCES)
async def test_a_preferred_claimer_gets_the_run_before_older_ones(wanted):
    async with started() as desk:
        older = await desk.queued()
        _, preferring = await queued(desk, wanted)
        assert await claimed(desk, "s1", agent_name="builder", capabilities=("gpu",)) == (
            preferring.id
        )
        assert await claimed(desk, "s2", agent_name="builder", capabilities=("gpu",)) == older.id


@pytest.mark.parametrize("wanted", PREFERENCES)
async def test_others_get_the_older_run_first(wanted):
    async with started() as desk:
        older = await desk.queued()
        _, preferring = await queued(desk, wanted)
        assert await claimed(desk, "s1") == older.id
        assert await claimed(desk, "s2") == preferring.id


@pytest.mark.parametrize("wanted", PREFERENCES)
async def test_priority_comes_before_preference(wanted):
    async with started() as desk:
        await queued(desk, wanted)
        urgent = await desk.queued(priority=Priority.HIGH)
        assert await claimed(desk, "s1", agent_name="builder", capabilities=("gpu",)) == urgent.id


async def test_a_preferred_agent_counts_as_much_as_a_preferred_capability():
    async with started() as desk:
        _, one = await queued(desk, profile(worker={"preferred_capabilities": ("gpu",)}))
        both = profile(
            worker={"preferred_capabilities": ("gpu",), "preferred_agent_names": ("builder",)}
        )
        _, two = await queued(desk, both)
        assert await claimed(desk, "s1", agent_name="builder", capabilities=("gpu",)) == two.id
        assert await claimed(desk, "s2", agent_name="builder", capabilities=("gpu",)) == one.id


async def test_no_capability_makes_an_agent_a_preferred_one():
    async with started() as desk:
        older = await desk.queued()
        await queued(desk, profile(worker={"preferred_agent_names": ("builder",)}))
        names = ("builder", "agent", "agent:builder")
        assert await claimed(desk, "s1", capabilities=names) == older.id


async def test_a_waiting_agent_is_given_the_run_when_the_profile_lets_it():
    async with started() as desk:
        task_id, run = await queued(desk, profile(worker={"agent_name": "builder"}))
        found = []

        async def wait():
            found.append(await claimed(desk, "s1", agent_name="bot", wait=True))

        async with waiting(desk, wait):
            assert desk.parked == 1
            await desk.ask(task_id, c.DeleteProfile())
            await wait_all_tasks_blocked()
        assert found == [run.id]


async def test_a_new_profile_takes_the_run_from_those_who_could_have_it():
    async with started() as desk:
        task_id, run = await queued(desk, ExecutionProfile())
        await desk.ask(task_id, c.SetProfile(profile(worker={"agent_name": "builder"})))
        assert await claimed(desk, "s1", agent_name="bot") is None
        assert await claimed(desk, "s2", agent_name="builder") == run.id


async def test_an_operator_claims_whatever_the_profile_says():
    async with started() as desk:
        _, run = await queued(desk, profile(worker={"agent_name": "builder"}))
        answer = await desk.ask_run(c.ClaimRun(run.id))
        assert answer.the_run.status.is_active


async def test_a_profile_binds_after_a_restart():
    async with started() as desk:
        _, run = await queued(desk, profile(worker={"agent_name": "builder"}))
        store = desk.store
    async with started(store) as desk:
        assert await claimed(desk, "s1", agent_name="bot") is None
        assert await claimed(desk, "s2", agent_name="builder") == run.id


async def test_the_mode_of_the_worker_decides_nothing():
    async with started() as desk:
        wanted = profile(worker={"agent_name": "builder"})
        selecting = replace(wanted, worker=replace(wanted.worker, mode=WorkerMode.SELECT))
        _, run = await queued(desk, selecting)
        assert await claimed(desk, "s1", agent_name="bot") is None
        assert await claimed(desk, "s2", agent_name="builder") == run.id
