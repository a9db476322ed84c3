"""A server for the command line that answers as a test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from attrs import define, field

from chargehand.web.cli import client
from chargehand.web.cli.connection import Place, Request


@define
class Told:
    """An answer as the connection gives it."""

    status: int
    content: bytes = b""
    headers: dict[str, str] = field(factory=dict)

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def read(self) -> bytes:
        return self.content

    def lines(self) -> Iterator[str]:
        yield from self.content.decode().splitlines()


def as_json(status: int, value: object, headers: dict[str, str] | None = None) -> Told:
    return Told(status, orjson.dumps(value), headers or {})


def answer_by(monkeypatch: Any, answer: Callable[[Request], Told]) -> list[Request]:
    """Have each request answered so; those that were sent."""
    sent: list[Request] = []

    @contextmanager
    def exchange(
        _: Place, request: Request, __: Callable[[], None] | None = None
    ) -> Iterator[Told]:
        sent.append(request)
        yield answer(request)

    monkeypatch.setattr(client, "exchange", exchange)
    return sent
