"""Many tasks in one call: each as by a call of its own, all of them in one commit, and where it is
asked for all or none."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from chargehand.actors import limits
from chargehand.actors.answers import Answer
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Why
from chargehand.actors.frozen import replace
from chargehand.actors.idempotency.once import Once, digest_of
from chargehand.actors.new_tasks import creation
from chargehand.actors.new_tasks.item import NewDependency, NewTask, Ties
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Scope, TaskState, TaskStatus
from chargehand.persistence import pipeline
from tests.actors.system.desk import OPERATOR, CrashStore, Desk, started
from tests.actors.system.test_random_work import check_memory


def item(ref=None, parent=None, needs=(), *, enqueue=False, **command) -> NewTask:
    """`parent` and `needs` are refs, or ids where they begin with #."""
    edges = tuple(
        NewDependency(task_id=one[1:]) if one[:1] == "#" else NewDependency(ref=one)
        for one in needs
    )
    above = {} if parent is None else {"parent_ref": parent}
    if parent is not None and parent[:1] == "#":
        above = {"parent_task_id": parent[1:]}
    made = c.CreateTask(**{"scope": Scope.GLOBAL, "title": "work", **command})
    return NewTask(made, Ties(ref, depends_on=edges, enqueue=enqueue, **above))


async def check(desk: Desk) -> None:
    await wait_all_tasks_blocked()  # the scheduler hears of it later
    check_memory(desk)


def under(key: str, request: str = "") -> object:
    return replace(OPERATOR, once=Once(digest_of(key), digest_of(request)))


async def create(desk: Desk, items, caller=OPERATOR, *, atomic=True) -> list:
    found = await desk.system.create_tasks(items, caller, atomic=atomic)
    assert len(found) == len(items)
    return [one.task if isinstance(one, Answer) else one for one in found]


def told(outcomes) -> list:
    """Of each item: `ok`, or the code and the pointer of its refusal."""
    return [(o.code, o.pointer) if isinstance(o, Rejected) else "ok" for o in outcomes]


PLAN = [
    item("deploy", "release", ["test", "sign"]),
    item("test", "release", ["build"]),
    item("sign", "release", ["build", "#key"]),
    item("build", "release"),
    item("release", "#root"),
]


async def test_items_may_come_in_any_order_and_are_one_commit_with_all_between_them():
    store = CrashStore()
    async with started(store) as desk:
        await desk.task(id="root")
        await desk.task(id="key")
        before = len(store.crash_points)
        deploy, test, sign, build, release = await create(desk, PLAN)
        assert len(store.crash_points) == before + 2, "one, and that of the effect on root"
        assert [t.parent_task_id for t in (deploy, test, sign, build)] == [release.id] * 4
        assert [t.status for t in (deploy, build)] == [TaskStatus.BLOCKED, TaskStatus.READY]
        blockers = [edge.depends_on_task_id for edge in deploy.dependencies]
        assert blockers == [test.id, sign.id]
        assert desk.events(release.id) == ["task.created", *["task.child_created"] * 4]
        assert desk.events("root") == ["task.created", "task.child_created"]
        assert await desk.system.task(release.id) == release
        await check(desk)


@pytest.mark.parametrize("atomic", [True, False])
async def test_every_crash_leaves_all_of_the_tasks_with_their_key_or_none_of_both(atomic):
    store, caller = CrashStore(), under("k")
    async with started(store, checkpoint_s=1) as desk:
        await desk.task(id="root")
        await desk.task(id="key")
        many = [*PLAN, *(item(parent="release") for _ in range(60))]
        made = [task.id for task in await create(desk, many, caller, atomic=atomic)]
        await trio.sleep(3)
    seen = set()
    for crashed in store.crash_points[-12:]:
        async with started(crashed) as desk:
            await check(desk)
            there = [desk.system.views.get(task_id) is not None for task_id in made]
            assert len(set(there)) == 1
            seen.add(there[0])
            if there[0]:
                again = await create(desk, many, caller, atomic=atomic)
                assert [task.id for task in again] == made
                assert len(desk.system.views.catalog) == len(many) + 2
    assert True in seen


async def test_a_batch_is_in_one_commit_also_where_that_is_full(monkeypatch):
    monkeypatch.setattr(pipeline, "BATCH_RECORDS_MAX", 8)
    store, made = CrashStore(), []

    async def many(desk: Desk) -> None:
        made.append([task.id for task in await create(desk, [item() for _ in range(50)])])

    async with started(store) as desk, trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(desk.task)
        nursery.start_soon(many, desk)
    [ids] = made
    seen = []
    for crashed in store.crash_points:
        async with started(crashed) as desk:
            seen.append(sum(desk.system.views.get(task_id) is not None for task_id in ids))
    assert len(store.crash_points) > 3, "commits were full"
    assert {*seen} == {0, 50}


async def test_of_all_or_none_none_is_left_where_one_is_refused_and_each_is_told_why(desk):
    await desk.task(id="root")
    await desk.task(id="taken")
    with pytest.raises(Rejected) as unread:
        item(title=" ")
    items = [
        item("a", "#root", id="a"),
        item("b", "a", ["a", "#root"]),
        item("c", id="taken"),
        item("d", "c"),
        item(needs=["a", "d"]),
        NewTask(replace(unread.value, pointer="/items/5/title"), Ties("e")),
        item(parent="e"),
    ]
    outcomes = await create(desk, items)
    assert told(outcomes) == [
        (Code.BATCH_NOT_MADE, "/items/0"),
        (Code.BATCH_NOT_MADE, "/items/1"),
        (Code.TASK_EXISTS, "/items/2/id"),
        (Code.NEEDED_ITEM_REFUSED, "/items/3/parent_ref"),
        (Code.NEEDED_ITEM_REFUSED, "/items/4/depends_on/1/ref"),
        (Code.INVALID_REQUEST, "/items/5/title"),
        (Code.NEEDED_ITEM_REFUSED, "/items/6/parent_ref"),
    ]
    assert "item 2 was refused" in outcomes[0].message
    await check(desk)
    assert len(desk.system.views.catalog) == 2
    graph = desk.system._graph
    assert not graph.exists("a")
    assert (graph.child_count("root"), graph.open_below("root"), graph.dependents("root")) == (
        *(0, 0),
        [],
    )
    again = await create(desk, items[:2])
    assert told(again) == ["ok", "ok"], "nothing of the first attempt is in their way"


async def test_each_for_itself_all_are_made_but_those_that_are_refused_or_need_them(desk):
    await desk.task(id="taken")
    items = [
        item("d", "c"),
        item("a"),
        item("c", id="taken"),
        item(parent="a", needs=["d"]),
        item(needs=["#taken", "a"]),
    ]
    outcomes = await create(desk, items, atomic=False)
    assert told(outcomes) == [
        (Code.NEEDED_ITEM_REFUSED, "/items/0/parent_ref"),
        "ok",
        (Code.TASK_EXISTS, "/items/2/id"),
        (Code.NEEDED_ITEM_REFUSED, "/items/3/depends_on/0/ref"),
        "ok",
    ]
    assert desk.events(outcomes[1].id) == ["task.created"], "the child was refused"
    await check(desk)


async def test_an_id_that_an_item_makes_is_waited_for_as_its_ref_would_be(desk):
    items = [item(needs=["#b"], id="a"), item(parent="#c", id="b"), item(id="c")]
    assert told(await create(desk, items)) == ["ok"] * 3


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([item("a"), item("a")], [None, (Code.INVALID_REQUEST, "/items/1/ref")]),
        ([item(parent="x")], [(Code.INVALID_REQUEST, "/items/0/parent_ref")]),
        ([item(needs=["x"])], [(Code.INVALID_REQUEST, "/items/0/depends_on/0/ref")]),
        ([item(needs=["#x"])], [(Code.TASK_NOT_FOUND, "/items/0/depends_on/0")]),
        ([item(needs=["#é"])], [(Code.TASK_NOT_FOUND, "/items/0/depends_on/0/task_id")]),
        ([item(parent="#x")], [(Code.TASK_NOT_FOUND, "/items/0")]),
        ([item(parent="#" + 999 * "x")], [(Code.TASK_NOT_FOUND, "/items/0/parent_task_id")]),
        ([item("a", needs=["a"])], [(Code.INVALID_REQUEST, "/items/0/depends_on/0")]),
        ([item("a", "a")], [(Code.GRAPH_CYCLE, "/items/0/parent_ref")]),
        (
            [item("a"), item(needs=["a", "a"])],
            [None, (Code.INVALID_REQUEST, "/items/1/depends_on/1")],
        ),
        ([item(id="a"), item(id="a")], [None, (Code.TASK_EXISTS, "/items/1/id")]),
        (
            [NewTask(item().command, Ties("a", parent_ref="a", parent_task_id="b"))],
            [(Code.INVALID_REQUEST, "/items/0/parent_ref")],
        ),
        (
            [NewTask(item().command, Ties(depends_on=(NewDependency(),)))],
            [(Code.INVALID_REQUEST, "/items/0/depends_on/0")],
        ),
        (
            [NewTask(item().command, Ties("a", depends_on=(NewDependency("a", "a"),)))],
            [(Code.INVALID_REQUEST, "/items/0/depends_on/0")],
        ),
        (  # two cycles, and one that hangs on each of them
            [
                item("a", "b"),
                item("b", needs=["a"]),
                item("c", needs=["#d"]),
                item("d", needs=["c"], id="d"),
                item("e", needs=["a"]),
                item("f", needs=["#d"]),
                item("g"),
            ],
            [
                (Code.GRAPH_CYCLE, "/items/0/parent_ref"),
                (Code.GRAPH_CYCLE, "/items/1/depends_on/0/ref"),
                (Code.GRAPH_CYCLE, "/items/2/depends_on/0/task_id"),
                (Code.GRAPH_CYCLE, "/items/3/depends_on/0/ref"),
                (Code.NEEDED_ITEM_REFUSED, "/items/4/depends_on/0/ref"),
                (Code.TASK_NOT_FOUND, "/items/5/depends_on/0"),
                None,
            ],
        ),
    ],
)
async def test_what_is_wrong_between_items_is_reported_where_it_stands(desk, items, expected):
    assert told(await create(desk, items, atomic=False)) == [one or "ok" for one in expected]
    await check(desk)


async def test_a_cycle_names_its_items(desk):
    outcomes = await create(
        desk, [item("a"), item("b", "c"), item("c", needs=["d"]), item("d", "b")]
    )
    assert outcomes[2].message == "item 2 needs itself, directly or through others: 1 → 2 → 3 → 1"


async def test_the_limits_of_the_graph_count_what_the_batch_makes(desk):
    children = [item(parent="p") for _ in range(limits.CHILDREN_MAX + 1)]
    outcomes = await create(desk, [item("p"), *children], atomic=False)
    assert told(outcomes)[:-1] == ["ok"] * (limits.CHILDREN_MAX + 1)
    assert told(outcomes)[-1] == (Code.GRAPH_LIMIT, f"/items/{limits.CHILDREN_MAX + 1}")
    levels = [item(str(n), str(n - 1) if n else None) for n in range(limits.DEPTH_MAX + 1)]
    outcomes = await create(desk, levels, atomic=False)
    assert told(outcomes) == [*["ok"] * limits.DEPTH_MAX, (Code.GRAPH_LIMIT, "/items/8")]
    blockers = [str(n) for n in range(limits.DEPENDENCIES_MAX + 1)]
    outcomes = await create(desk, [*map(item, blockers), item(needs=blockers)], atomic=False)
    assert told(outcomes)[-1] == (Code.GRAPH_LIMIT, "/items/33/depends_on/32")
    await check(desk)


@pytest.mark.parametrize("count", [0, limits.BATCH_TASKS_MAX + 1])
async def test_none_and_too_many_are_refused_as_a_whole(desk, count):
    with pytest.raises(Rejected) as refusal:
        await create(desk, [item()] * count)
    assert (refusal.value.code, refusal.value.pointer) == (Code.INVALID_REQUEST, "/items")


async def test_a_task_whose_actor_is_awake_already_is_known_to_it(desk):
    with pytest.raises(Rejected):
        await desk.task(id="a", parent_task_id="unknown")
    assert len(desk.system.directory) == 1
    await create(desk, [item(id="a")])
    assert (await desk.enqueue("a")).attempt == 1
    await check(desk)


async def test_a_caller_that_goes_away_has_asked(desk):
    with trio.CancelScope() as scope:
        scope.cancel()
        await create(desk, [item("a"), item(parent="a")])
    await trio.sleep(1)
    assert len(desk.system.views.catalog) in (0, 2)
    with trio.move_on_after(0):
        await create(desk, [item("a"), item(parent="a")])
    await trio.sleep(1)
    assert len(desk.system.views.catalog) in (0, 2, 4)
    await check(desk)


# --- under a key --------------------------------------------------------------------------------


async def test_a_repeat_gets_the_same_tasks_as_they_are_now(desk):
    items = [item("a"), item(parent="a")]
    first = await create(desk, items, under("k"))
    await desk.ask(first[1].id, c.PatchTask(title="changed"))
    again = await create(desk, items, under("k"))
    assert [task.id for task in again] == [task.id for task in first]
    assert again[1].title == "changed"
    await desk.ask(first[1].id, c.DeleteTask())
    assert told(await create(desk, items, under("k"))) == ["ok", (Code.TASK_NOT_FOUND, None)]
    with pytest.raises(Rejected) as refusal:
        await create(desk, items, under("k", "another"))
    assert refusal.value.code is Code.KEY_REUSED


async def test_equal_requests_at_the_same_time_make_the_tasks_once(desk):
    found = []

    async def one() -> None:
        found.append([task.id for task in await create(desk, [item(), item()], under("k"))])

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
    assert found[0] == found[1] == found[2]
    assert len(desk.system.views.catalog) == 2


async def test_what_was_refused_is_tried_again_and_what_was_made_is_not(desk):
    items = [item("a"), item(parent="#later"), item(parent="a")]
    first = await create(desk, items, under("k"), atomic=False)
    assert told(first) == ["ok", (Code.TASK_NOT_FOUND, "/items/1"), "ok"]
    await desk.task(id="later")
    again = await create(desk, items, under("k"), atomic=False)
    assert told(again) == ["ok"] * 3
    assert (again[0].id, again[2].id) == (first[0].id, first[2].id)
    assert [t.id for t in await create(desk, items, under("k"), atomic=False)] == [
        t.id for t in again
    ]
    await check(desk)


# --- what goes wrong ----------------------------------------------------------------------------


async def test_after_a_failed_write_nobody_is_told_that_it_was_done():
    store, caught = CrashStore(), []

    async def fail() -> None:
        async with started(store) as desk:
            store.fails = True
            with pytest.raises(Rejected) as refusal:
                await create(desk, [item(), item()])
            caught.append(refusal.value.code)

    with pytest.raises(BaseExceptionGroup):
        await fail()
    assert caught == [Code.STORAGE_FAILED]


async def test_a_bug_leaves_nothing(desk, monkeypatch):
    await desk.task(id="root")
    real, calls = creation.decide, []

    def buggy(*args):
        calls.append(args)
        if len(calls) == 3:
            raise ZeroDivisionError
        return real(*args)

    monkeypatch.setattr(creation, "decide", buggy)
    with pytest.raises(Rejected) as refusal:
        await create(desk, [item("a", "#root"), item(parent="a"), item(needs=["a", "#root"])])
    assert refusal.value.code is Code.ACTOR_CRASHED
    await check(desk)
    assert len(desk.system._graph.children("root")) == 0
    assert told(await create(desk, [item("a", "#root"), item(parent="a")])) == ["ok", "ok"]


async def test_an_id_that_is_set_aside_is_refused_alone(desk):
    desk.system.faults.set_aside("a", Why.CRASHED, "a test")
    outcomes = await create(desk, [item(id="a"), item()], atomic=False)
    assert told(outcomes) == [(Code.TASK_SET_ASIDE, "/items/0"), "ok"]


# --- each as by a call of its own ---------------------------------------------------------------

_NAMES = [f"n{number}" for number in range(7)]


@st.composite
def batches(draw) -> list[NewTask]:
    """Named tasks that hang together in any way but in a circle, in any order."""
    names = draw(st.permutations(_NAMES))
    items = []
    for place, name in enumerate(names):
        before = [*names[:place], "#old", "#done", "#ended", "#nobody"]
        parent = draw(st.none() | st.sampled_from(before))
        needs = draw(st.lists(st.sampled_from(before), max_size=3))
        options = {
            "draft": draw(st.booleans()),
            "auto_enqueue_on_ready": draw(st.booleans()),
            "workspace_id": draw(st.sampled_from([None, None, None, "w"])),
        }
        scope = Scope.GLOBAL if options["workspace_id"] is None else Scope.WORKSPACE
        options |= {"id": f"id-{name}", "scope": scope}
        items.append(item(name, parent, needs, enqueue=draw(st.booleans()), **options))
    order = draw(st.permutations(range(len(items))))
    return [items[index] for index in order]


async def one_by_one(desk: Desk, items: list[NewTask]) -> dict[str, object]:
    """By calls of their own, in an order in which each comes behind those that it needs."""
    left = {new.ties.ref: new for new in items}
    outcomes: dict[str, object] = {}

    def id_of(ref, task_id):
        return f"id-{ref}" if task_id is None else task_id

    while left:
        for ref, new in [*left.items()]:
            ties = new.ties
            refs = [ties.parent_ref, *(edge.ref for edge in ties.depends_on)]
            if any(one in left for one in refs):
                continue
            del left[ref]
            if any(isinstance(outcomes.get(one), Code) for one in refs):
                outcomes[ref] = Code.NEEDED_ITEM_REFUSED
                continue
            above = None
            if ties.parent_ref or ties.parent_task_id:
                above = id_of(ties.parent_ref, ties.parent_task_id)
            made = False
            try:
                task = await desk.system.create_task(
                    replace(new.command, parent_task_id=above), OPERATOR
                )
                made = True
                for edge in ties.depends_on:
                    command = c.AddDependency(id_of(edge.ref, edge.task_id))
                    task = await desk.ask(task.task.id, command)
                if ties.enqueue:
                    await desk.ask(task.task.id, c.EnqueueRun())
                outcomes[ref] = "ok"
            except Rejected as refusal:
                outcomes[ref] = refusal.code
                if made:
                    await desk.ask(f"id-{ref}", c.DeleteTask())
    return outcomes


def likeness(desk: Desk) -> dict[str, object]:
    """All tasks, without numbers and times."""
    graph = desk.system._graph

    def of(task: TaskState) -> object:
        edges = [(edge.depends_on_task_id, edge.kind, edge.done) for edge in task.dependencies]
        runs = [run.status for run in task.runs]
        facts = (task.status, task.parent_task_id, task.draft, task.workspace_id, runs)
        children = set(graph.children(task.id))
        return facts, edges, children, graph.open_below(task.id)

    return {task.id: of(desk.system.views.whole(task.id)) for task in desk.system.views.catalog}


async def _old_tasks(desk: Desk) -> None:
    await desk.task(id="old")
    await desk.task(id="ended")
    await desk.ask("ended", c.CancelTask())
    run = await desk.queued(id="done")
    await desk.ask_run(c.ClaimRun(run.id))
    await desk.ask_run(c.StartRun(run.id))
    await desk.ask_run(c.CompleteRun(run.id))


@given(batches())
@settings(max_examples=40)
def test_a_batch_comes_to_what_its_items_come_to_one_by_one(items):
    async def compare() -> None:
        async with started() as singly:
            await _old_tasks(singly)
            expected = await one_by_one(singly, items)
            left = likeness(singly)
        async with started() as desk:
            await _old_tasks(desk)
            empty = likeness(desk)
            whole = await create(desk, items)
            if all(one == "ok" for one in expected.values()):
                assert told(whole) == ["ok"] * len(items)
            else:
                assert likeness(desk) == empty
                assert "ok" not in told(whole)
                outcomes = await create(desk, items, atomic=False)
                codes = [o.code if isinstance(o, Rejected) else "ok" for o in outcomes]
                assert codes == [expected[new.ties.ref] for new in items]
            assert likeness(desk) == left
            await check(desk)

    trio.run(compare, clock=MockClock(autojump_threshold=0))
