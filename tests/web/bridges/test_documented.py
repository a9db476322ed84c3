"""What docs/webhooks.md says of a message is so."""

import json
import re
from pathlib import Path

from chargehand.actors.bridges.message import Message, ReviewPart
from chargehand.actors.identity import LOCAL_USER
from chargehand.actors.task.events import RunCompleted, RunFailed
from chargehand.actors.task.review import ReviewOutcome
from chargehand.actors.task.state import Json, Scope, TaskStatus
from chargehand.actors.task.subscription import Cursor, DeliveryMode, Subscription, Target
from chargehand.web.bridges.body import body_of
from chargehand.web.bridges.signature import key_of, signed_headers

TEXT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "change me"


def block(language):
    [found] = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return found


def body(event, status, review=None):
    target = Target(DeliveryMode.DIRECT_SEND, peer_id="release-team")
    subscription = Subscription("sub-1", "ops", target, LOCAL_USER, 1, 1, Cursor(3), (42,))
    message = Message(subscription, "ship-it", Scope.GLOBAL, None, 42, event, status, review)
    return body_of(message)


def completed(review=None):
    event = RunCompleted("run-1", TaskStatus.COMPLETED, Json(b'{"artifact": "build-1"}'))
    return body(event, TaskStatus.COMPLETED, review)


def test_the_example_is_what_is_sent():
    assert json.loads(block("json")) == json.loads(completed())


def test_the_table_names_each_member_for_programs():
    failed = body(RunFailed("run-1", TaskStatus.FAILED, "red"), TaskStatus.FAILED)
    reviewed = completed(ReviewPart("review-1", True))
    sent = [json.loads(each)["provider_metadata"] for each in (reviewed, failed)]
    table = TEXT.partition("| member | what it is |\n")[2].partition("\n\n")[0]
    told = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    assert told | {"final"} == sent[0].keys() | sent[1].keys()


def test_the_examples_of_reviews_are_what_is_sent():
    examples = re.findall(r'^```\n"review": (.*?)^```', TEXT, re.MULTILINE | re.DOTALL)
    told = [
        ReviewPart("review-1", True),
        ReviewPart("review-1", False, ReviewOutcome.REJECTED, "no tests", False, "run-2"),
    ]
    sent = [json.loads(completed(review))["provider_metadata"]["review"] for review in told]
    assert [json.loads(example) for example in examples] == sent


def test_the_check_of_a_signature_takes_what_is_signed_and_nothing_else():
    names = {}
    exec(block("python"), names)
    is_genuine = names["is_genuine"]
    sent = completed()
    keys = [key_of("another one"), key_of(SECRET)]
    headers = signed_headers(keys, "notif:sub-1:42", 1_790_000_000, sent)
    assert is_genuine(SECRET.encode(), headers, sent)
    assert not is_genuine(SECRET.encode(), headers, sent + b" ")
    assert not is_genuine(b"another", headers, sent)
