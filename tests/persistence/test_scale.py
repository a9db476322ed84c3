"""The directory that `python -m benchmarks.scale` imports is one that a server could have left. It
is LMDB's; `cluster.test_commands` copies one into a database."""

from collections import Counter
from contextlib import closing

import trio

from benchmarks.scale.families import AGENT
from benchmarks.scale.importing import import_tasks
from chargehand.actors.identity import Caller, OriginKind, agent_actor, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.task.state import RunStatus, TaskStatus
from chargehand.persistence.opening import open_journal, open_to_verify
from chargehand.persistence.verify import verify

COUNT = 1000


def test_imported_tasks_are_whole_and_are_worked_on(tmp_path):
    import_tasks(tmp_path, COUNT)
    assert faults_in(tmp_path) == []
    trio.run(work_on, tmp_path)
    assert faults_in(tmp_path) == []


def faults_in(directory):
    with closing(open_to_verify(directory)) as store:
        return [*verify(store)]


async def work_on(directory):
    async with run_system(open_journal(directory)) as system:
        tasks = list(system.views.catalog)
        assert len(tasks) == COUNT
        assert {task.status for task in tasks} == {*TaskStatus} - {TaskStatus.PENDING}
        open_runs = Counter(task.open_run.status for task in tasks if task.open_run is not None)
        assert open_runs == {RunStatus.QUEUED: COUNT // 10, RunStatus.RUNNING: COUNT // 1000}
        assert all(system.views.whole(task.id).description for task in tasks)

        session = await system.identify("sess-new", AGENT)
        caller = Caller(agent_actor(session.id), origin(OriginKind.AGENT_SESSION, "agent.next"))
        claimed = await system.claim_next(session, ClaimNext(), caller)
        events = system.views.timelines.after(claimed.task.id, 0, 10)
        assert events[-1].run.id == claimed.the_run.id
