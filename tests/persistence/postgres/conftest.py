"""PostgreSQL for these tests."""

from tests.cluster.fixtures import address, left_out, servers

pytest_terminal_summary = left_out

__all__ = ["address", "servers"]
