from chargehand.actors.lazy_heap import LazyHeap


def test_the_head_is_the_smallest_live_entry():
    dead: set[tuple[int]] = set()
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry not in dead)
    for number in (3, 1, 2):
        heap.push((number,))
    dead.add((1,))
    heap.bury()
    assert heap.head() == (2,)
    assert len(heap) == 2


def test_without_live_entries_there_is_no_head():
    dead: set[tuple[int]] = set()
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry not in dead)
    assert heap.head() is None
    heap.push((1,))
    dead.add((1,))
    heap.bury()
    assert heap.head() is None
    assert heap.stored == 0


def test_an_entry_that_comes_and_goes_many_times_is_kept_but_once_or_twice():
    alive: set[tuple[int]] = {(0,), (1,)}
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry in alive)
    first, restless = (0,), (1,)
    heap.push(first)
    heap.push(restless)
    for _ in range(1_000):
        alive.discard(restless)
        heap.bury()
        alive.add(restless)
        heap.push(restless)
    assert heap.stored <= 2 * 2 + 16 + 1
    assert heap.head() == first
    assert len(heap) == 2


def test_an_entry_that_came_back_often_is_kept_once_when_others_die():
    others = [(number,) for number in range(1, 61)]
    restless = (0,)
    alive = {restless, *others}
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry in alive)
    for entry in alive:
        heap.push(entry)
    for _ in range(50):
        heap.bury()
        heap.push(restless)
    for entry in others:
        alive.discard(entry)
        heap.bury()
    assert heap.stored <= 2 * 1 + 16
    assert heap.head() is restless


def test_the_living_keep_their_order_when_the_dead_are_cleared_away():
    entries = [(number,) for number in range(200)]
    alive = set(entries)
    heap: LazyHeap[tuple[int]] = LazyHeap(lambda entry: entry in alive)
    for entry in reversed(entries):
        heap.push(entry)
    for entry in entries[50:]:
        alive.discard(entry)
        heap.bury()
    assert heap.stored <= 2 * 50 + 16
    handed_out = []
    while (head := heap.head()) is not None:
        handed_out.append(head)
        alive.discard(head)
        heap.bury()
    assert handed_out == entries[:50]
