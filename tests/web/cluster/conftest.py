"""Nodes for these tests."""

from collections.abc import Callable

import pytest

from tests.web.cluster.nodes import FakeNode


@pytest.fixture
async def make_node() -> Callable[[str], FakeNode]:
    """Makes nodes that reach each other."""
    cluster: dict[str, FakeNode] = {}
    return lambda name: FakeNode(name, cluster)
