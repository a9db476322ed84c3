"""When the database is taken to answer again."""

from typing import final

import pytest

from chargehand.persistence.replicated.asking import Asking
from chargehand.persistence.replicated.shard import (
    Answer,
    Done,
    Found,
    Look,
    Owner,
    Renew,
    Request,
    Row,
    Take,
    Unknown,
)

ME, OTHER = Owner("me", "me", "me:1"), Owner("other", "other", "other:1")
ROW = Row(3, 10, OTHER, 20)


@final
class Scripted:
    """A link whose answers are known before."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def ask(self, request: Request) -> Answer:
        return self.answers.pop(0)

    def interrupt(self) -> None: ...

    def end_hung(self, seconds: float) -> None: ...

    def drop(self) -> None: ...


@pytest.fixture
def link() -> Scripted:
    return Scripted()


@pytest.fixture
def asking(link) -> Asking:
    """It has looked once."""
    asking = Asking(link, ME)
    link.answers = [Found(ROW)]
    asking.ask(Look())
    return asking


def test_a_look_ends_the_outage_of_a_look(asking, link):
    link.answers = [Unknown("no route"), Found(ROW)]
    asking.ask(Look())
    assert asking.outage.why == "no route"
    asking.ask(Look())
    assert asking.outage.why is None


@pytest.mark.parametrize(
    ("seen", "is_over"),
    [
        (ROW, False),
        (Row(4, 10, ME, 21), False),  # its own take, which nobody has confirmed
        (Row(3, 10, OTHER, 21), True),
        (Row(4, 10, OTHER, 21), True),
    ],
)
def test_a_look_ends_the_outage_of_a_write_if_it_shows_another_s(asking, link, seen, is_over):
    """Reads may be answered while commits wait for a copy."""
    link.answers = [Unknown("it waits"), Found(seen)]
    asking.ask(Take(ROW, ME))
    asking.ask(Look())
    assert (asking.outage.why is None) == is_over
    assert asking.row == seen


def test_a_write_ends_every_outage(asking, link):
    link.answers = [Unknown("it waits"), Unknown("no route"), Done(ROW)]
    asking.ask(Renew(3, ME))
    asking.ask(Look())
    asking.ask(Renew(3, ME))
    assert asking.outage.why is None
