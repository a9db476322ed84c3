"""Which server of an address is connected to."""

import socket
import threading
from collections.abc import Iterator

import psycopg
import pytest

from chargehand.persistence.postgres.address import JournalAddress
from chargehand.persistence.postgres.connection import connect
from tests.process.conftest import S_MAX

# As a server that asks for no password: let in, ready for a statement.
LET_IN = b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I"


_SOON = "connect_timeout=2&sslmode=disable&gssencmode=disable"


def address_of(*ports: int, asked: str = "") -> JournalAddress:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return JournalAddress.parse(f"postgresql://postgres@{hosts}/postgres?{_SOON}&{asked}")


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of something that lets one in, and then says nothing, as a pooler whose server is
    frozen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        let_in: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                let_in.append(line)
                line.recv(1024)
                line.sendall(LET_IN)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for line in let_in:
            line.close()


def test_the_server_that_takes_writes_is_found_wherever_it_stands(servers):
    primary, standby = servers
    for ports in [(primary.port, standby.port), (standby.port, primary.port)]:
        with connect(address_of(*ports)) as connection:
            assert connection.info.port == primary.port
    with connect(address_of(standby.port, primary.port, asked="target_session_attrs=any")) as one:
        assert one.info.port == standby.port


def test_a_server_that_takes_no_writes_is_refused(servers):
    _, standby = servers
    with pytest.raises(psycopg.OperationalError, match="takes no writes"):
        connect(address_of(standby.port))


def test_a_server_that_says_nothing_is_passed_over(servers, silent):
    primary, _ = servers
    found: list[int] = []

    def find() -> None:
        with connect(address_of(silent, primary.port)) as connection:
            found.append(connection.info.port)

    thread = threading.Thread(target=find, daemon=True)
    thread.start()
    thread.join(S_MAX)
    assert found == [primary.port]


def test_each_server_that_fails_is_said(servers):
    _, standby = servers
    with pytest.raises(psycopg.OperationalError, match="takes no writes") as raised:
        connect(address_of(1, standby.port))
    assert "port 1 failed" in str(raised.value)
