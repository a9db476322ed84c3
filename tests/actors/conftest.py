import inspect

import pytest
import trio
import trio.testing


def on_a_mock_clock(main, *, clock=None, **options):
    """`trio.run` on a clock that jumps to the next deadline as soon as nobody has work left."""
    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0), **options)


def pytest_itemcollected(item):
    """All async tests here; a clock among the fixtures of a fixture would not be seen."""
    if inspect.iscoroutinefunction(item.obj):
        item.add_marker(pytest.mark.trio(run=on_a_mock_clock))
