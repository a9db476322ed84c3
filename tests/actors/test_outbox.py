"""Effects go out a few at a time, and answers wait for those that the next read could see."""

import pytest

from chargehand.actors import limits
from chargehand.actors.actor import Envelope
from chargehand.actors.outbox import Outbox
from chargehand.actors.record import Cause, Entry, OutstandingEffect, Record, Settlement
from chargehand.actors.task.effects import BlockerReopened, Effect
from chargehand.actors.task.events import EffectApplied
from tests.actors.task.kit import OPERATOR
from tests.actors.views.states import a_task


class Post:
    """An outbox, what it has sent, and who was answered."""

    def __init__(self, at_once: int) -> None:
        self.outbox = Outbox(self._take, at_once)
        self.sent: list[tuple[str, Cause]] = []
        self.answered: list[str] = []
        self.seq = 0

    def _take(self, task_id: str, envelope: Envelope) -> None:
        assert envelope.cause is not None
        self.sent.append((task_id, envelope.cause))

    @property
    def targets(self) -> list[str]:
        return [target for target, _ in self.sent]

    def commit(self, targets="", cause=None, caller=None) -> None:
        """A record with an effect for each target is on disk, whose answer `caller` waits for."""
        self.seq += 1
        record = Record(
            seq=self.seq,
            id=f"{self.seq:024x}",
            at_ns=self.seq,
            address="source",
            caller=OPERATOR,
            events=(EffectApplied(),),
            effects=tuple(Effect(target, BlockerReopened("b")) for target in targets),
            cause=cause,
        )
        entry = Entry(record, a_task())
        if caller is not None:
            answer = Settlement(lambda: self.answered.append(caller), lambda _: None)
            entry.settlements.append(answer)
        for due in self.outbox.committed(entry):
            due.deliver()

    def apply(self, targets="", caller=None) -> None:
        """The effect that was sent first is applied, with effects in its turn."""
        _, cause = self.sent.pop(0)
        self.commit(targets, cause, caller)


@pytest.fixture
def post():
    return Post(2)


def test_no_more_than_so_many_are_with_their_tasks(post):
    post.commit("abcd")
    assert post.targets == ["a", "b"]
    assert len(post.outbox) == 4
    post.apply()
    assert post.targets == ["b", "c"]
    for _ in "bcd":
        post.apply()
    assert (post.targets, len(post.outbox)) == ([], 0)


def test_those_that_somebody_waits_for_go_first(post):
    post.commit("abcdef")
    post.commit("x", caller="ada")
    post.apply()
    assert post.targets == ["b", "x"]
    post.apply()
    post.apply()
    assert post.answered == ["ada"]
    assert post.targets == ["c", "d"]


def test_an_answer_waits_for_the_effects_of_effects(post):
    post.commit("ab", caller="ada")
    post.apply("c")
    post.apply()
    assert (post.answered, post.targets) == ([], ["c"])
    post.apply("d")
    assert post.answered == []
    post.apply()
    assert post.answered == ["ada"]


def test_an_answer_waits_for_no_more_than_the_bound(post, monkeypatch):
    monkeypatch.setattr(limits, "AWAITED_EFFECTS_MAX", 3)
    post.commit("abcd", caller="ada")
    assert post.answered == ["ada"]
    post.commit("ef", caller="bob")
    assert post.answered == ["ada"]
    while post.sent:
        name = post.targets[0]
        post.apply("gh" if name == "e" else "")
        if name == "e":
            assert post.answered == ["ada", "bob"]
    assert len(post.outbox) == 0


def test_a_reader_of_a_record_that_an_effect_made_waits_for_what_follows_from_that(post):
    post.commit("a", caller="ada")
    post.apply("b", caller="bob")
    assert post.answered == []
    post.apply()
    assert post.answered == ["ada", "bob"]


def test_one_that_cannot_be_applied_holds_nobody_up(post):
    post.commit("abc", caller="ada")
    left = post.sent.pop(0)[1]
    post.outbox.leave(left)
    post.outbox.leave(left)
    assert post.targets == ["b", "c"]
    post.commit(cause=left)  # after all
    assert post.answered == []
    post.apply()
    post.apply()
    assert post.answered == ["ada"]
    assert len(post.outbox) == 0


def test_any_number_of_them_may_be_left_as_they_are_sent():
    """Their tasks are set aside, or the server stops."""
    tried = []

    def turn_away(task_id: str, envelope: Envelope) -> None:
        tried.append(task_id)
        outbox.leave(envelope.cause)

    outbox = Outbox(turn_away, at_once=2)
    outbox.restore(
        OutstandingEffect(Cause(seq, 0), seq, OPERATOR, Effect(f"t{seq}", BlockerReopened("b")))
        for seq in range(5000)
    )
    outbox.resend()
    assert tried == [f"t{seq}" for seq in range(5000)]
    assert len(outbox) == 5000


def test_what_a_former_process_left_goes_out_in_the_same_way(post):
    post.commit("abcd")
    again = Post(2)
    again.outbox.restore(post.outbox.outstanding())
    again.outbox.resend()
    assert again.targets == ["a", "b"]


def test_answers_are_given_when_nothing_more_reaches_the_disk(post):
    post.commit("ab", caller="ada")
    post.apply("c", caller="bob")
    post.outbox.end_waiting()
    assert sorted(post.answered) == ["ada", "bob"]
    assert post.targets == ["b", "c"]
    post.apply()
    assert sorted(post.answered) == ["ada", "bob"]


def test_nothing_more_is_sent_when_nothing_more_reaches_the_disk(post):
    post.commit("abcd")
    post.outbox.end_waiting()
    for _, cause in post.sent:
        post.outbox.leave(cause)
    assert post.targets == ["a", "b"]
    assert len(post.outbox) == 4
