import inspect
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from chargehand.actors import checkpointer


def on_a_mock_clock(main, *, clock=None, **options):
    """`trio.run` on a clock that jumps to the next deadline as soon as nobody has work left."""
    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), **options)


def pytest_itemcollected(item):
    """All async tests here; a clock among the fixtures of a fixture would not be seen."""
    if inspect.iscoroutinefunction(item.obj):
        item.add_marker(pytest.mark.trio(run=on_a_mock_clock))


@pytest.fixture(autouse=True, scope="package")
def nobody_looks_at_the_tail_meanwhile() -> Iterator[None]:
    """Hours go by in a test, and four looks in each of their seconds take a third of its time.
    What is due by time is done as it ever is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpointer, "_LOOK_S", 3600.0)
        yield
