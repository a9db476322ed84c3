"""Clients that close their connection at once, on a real server: the benchmark in short."""

from collections.abc import Iterator

import pytest
import trio

from benchmarks.hang_ups import ended_sessions, resumed, retried_claims
from benchmarks.serving import server
from chargehand.web.bench.wire import Address


@pytest.fixture(scope="module", params=["tcp", "lane"])
def at(request, tmp_path_factory) -> Iterator[Address]:
    with server(tmp_path_factory.mktemp("hang-ups")) as served:
        by_tcp = Address(port=served.port)
        yield by_tcp if request.param == "tcp" else Address.of_socket(served.socket)


@pytest.mark.parametrize(
    ("clients", "times"), [(ended_sessions, 20), (resumed, 10), (retried_claims, 80)]
)
def test_nobody_waits_in_vain(at, clients, times):
    outcome = trio.run(clients, at, times)
    assert outcome.in_vain == 0
    assert len(outcome.took_s) == times
