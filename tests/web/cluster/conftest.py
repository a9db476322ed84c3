"""Nodes for these tests."""

from collections.abc import Callable

import pytest

from tests.web.cluster.nodes import FakeNode


@pytest.fixture
async def make_node() -> Callable[..., FakeNode]:
    """Makes nodes that reach each other."""
    cluster: dict[str, FakeNode] = {}
    return lambda name, **settings: FakeNode(name, cluster, **settings)
