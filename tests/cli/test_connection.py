"""Requests over real sockets, to servers that behave oddly."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chargehand.web.cli import connection, verbs
from chargehand.web.cli.connection import Place
from chargehand.web.cli.target import ServerAddress
from chargehand.web.exits import ClientExit
from tests.cli.conftest import S_MAX

ANSWER = b"HTTP/1.1 413 Too Large\r\nContent-Length: 16\r\n\r\n" + b'{"error": "big"}'


@contextmanager
def serving(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server of one connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            accepted, _ = listener.accept()
            with accepted:
                serve(accepted)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield
        thread.join(S_MAX)
        assert not thread.is_alive()


def test_who_waits_for_a_silent_server_is_told_so_and_in_the_end_that_it_does_not_answer(
    bare, tmp_path, monkeypatch
):
    monkeypatch.setattr(connection, "NOTICE_S", 0.0)
    monkeypatch.setattr(verbs, "ANSWER_S", 0.5)

    def hold(accepted: socket.socket) -> None:
        while accepted.recv(65_536):
            pass

    path = tmp_path / "silent.sock"
    with serving(path, hold):
        told = bare.refused(ClientExit.UNREACHABLE, "task", "list", "--socket", str(path))
    assert told.splitlines() == [
        f"chargehand: no answer from {path} yet; waiting up to 0.5 s",
        f"chargehand: the connection to {path} failed: it does not answer",
    ]


def test_what_a_server_answered_before_it_took_the_whole_body_is_told(bare, tmp_path):
    def refuse(accepted: socket.socket) -> None:
        accepted.recv(1024)
        accepted.sendall(ANSWER)

    path = tmp_path / "s.sock"
    words = ("task", "create", "x", "--description", "d" * 100_000, "--socket", str(path))
    with serving(path, refuse):
        assert bare.refused(ClientExit.INVALID, *words) == "chargehand: big\n"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:1", (False, "127.0.0.1", 1, "")),
        ("https://example.org/under/", (True, "example.org", None, "/under")),
        ("http://[::1]:2123", (False, "::1", 2123, "")),
    ],
)
def test_a_url_says_where_a_server_is(url, place):
    assert Place.of(ServerAddress(url=url))[1:] == place


@pytest.mark.parametrize("url", ["ftp://x", "example.org", "http://", "http://x:y", "http://[::1"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match=r"."):
        Place.of(ServerAddress(url=url))
