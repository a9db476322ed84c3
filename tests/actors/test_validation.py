"""Every limit of a request's fields at its very edge."""

import pytest

from chargehand.actors import limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.ids import valid_session_id, valid_task_id
from chargehand.actors.task import commands as c
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import Json, Scope


def _refusal(function, *args):
    with pytest.raises(Rejected) as refused:
        function(*args)
    return refused.value


WIDE = "\N{EURO SIGN}"  # three bytes
TEXTS = [
    (valid.title, 500, "/title"),
    (valid.identifier, 200, "/identifier"),
    (valid.reason, 4096, "/reason"),
    (valid.idempotency_key, 512, "/idempotency_key"),
]
BYTE_TEXTS = [
    (valid.description, 65_536, "/description"),
]


@pytest.mark.parametrize(("function", "chars_max", "pointer"), TEXTS)
@pytest.mark.parametrize("char", ["x", WIDE, "\N{GRINNING FACE}"])
def test_texts_are_measured_in_characters(function, chars_max, pointer, char):
    assert function(f" {char * chars_max}\n") == char * chars_max
    refused = _refusal(function, char * (chars_max + 1))
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, pointer)


@pytest.mark.parametrize(("function", "bytes_max", "pointer"), BYTE_TEXTS)
def test_long_texts_are_measured_in_bytes(function, bytes_max, pointer):
    assert function("x" * bytes_max) == "x" * bytes_max
    fits = WIDE * (bytes_max // 3)
    assert function(fits) == fits
    for text in ("x" * (bytes_max + 1), fits + WIDE):
        refused = _refusal(function, text)
        assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, pointer)


@pytest.mark.parametrize(("function", "_", "pointer"), TEXTS + BYTE_TEXTS)
@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "\ud800", chr(0xDFFF)])
def test_no_text_holds_what_cannot_be_stored(function, _, pointer, bad):
    refused = _refusal(function, bad)
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, pointer)


@pytest.mark.parametrize(
    "function",
    [
        valid.identifier,
        valid.reason,
        valid.closing_reason,
        valid.idempotency_key,
        valid.description,
    ],
)
@pytest.mark.parametrize("blank", [None, "", " \t\n"])
def test_blank_is_absent(function, blank):
    assert function(blank) is None


@pytest.mark.parametrize("function", [valid.title, valid.error_text])
@pytest.mark.parametrize("blank", ["", " \t\n"])
def test_what_is_required_is_not_blank(function, blank):
    assert _refusal(function, blank).code is Code.INVALID_REQUEST


# --- texts of an end -----------------------------------------------------------------------------


def test_a_long_error_is_cut_and_says_how_long_it_was():
    whole = "x" * 65_536
    assert valid.error_text(f" {whole}\n") == whole
    cut = valid.error_text("x" * 81_920)
    mark = "… [cut from 81920 bytes]"
    assert cut == "x" * (65_536 - len(mark.encode())) + mark
    assert len(cut.encode()) == 65_536
    assert valid.error_text(cut) == cut


def test_a_long_reason_is_cut_and_says_how_long_it_was():
    whole = WIDE * 4096
    assert valid.closing_reason(f" {whole}\n") == whole
    cut = valid.closing_reason(WIDE * 4097)
    assert cut is not None
    assert len(cut) == 4096
    assert cut.endswith(f"{WIDE}… [cut from 4097 characters]")
    assert valid.closing_reason(cut) == cut


@pytest.mark.parametrize("char", ["é", WIDE, "\N{GRINNING FACE}"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_an_error_is_cut_between_two_characters(char, before):
    cut = valid.error_text(before + char * 65_536)
    kept, _, _ = cut.partition("…")
    assert kept.strip(char) == before
    assert 65_536 - 4 < len(cut.encode()) <= 65_536


@pytest.mark.parametrize("function", [valid.error_text, valid.closing_reason])
def test_what_cannot_be_stored_is_replaced_in_a_text_of_an_end(function):
    assert function("a\x00b\ud800") == "a\ufffdb\ufffd"


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: c.ReleaseRun("run-1", LONG),
        lambda: c.CancelRun("run-1", LONG),
        lambda: c.CancelTask(LONG),
        lambda: c.ForceRelease("run-1", LONG),
        lambda: c.ForceFail("run-1", LONG),
        lambda: c.RecoverRun("run-1", LONG),
    ],
)
def test_whatever_ends_or_gives_back_takes_a_reason_of_any_length(make):
    assert len(make().reason) == 4096


@pytest.mark.parametrize(
    "make", [lambda: c.FailLease("run-1", LONG), lambda: c.FailRun("run-1", LONG)]
)
def test_whatever_fails_takes_an_error_of_any_length(make):
    assert len(make().error.encode()) == 65_536


@pytest.mark.parametrize(
    "make", [lambda: c.PauseTask(LONG), lambda: c.RequestReview("run-1", reason=LONG)]
)
def test_a_reason_that_ends_nothing_is_refused_when_it_is_too_long(make):
    assert _refusal(make).pointer == "/reason"


# --- JSON ----------------------------------------------------------------------------------------

JSONS = [
    (valid.metadata, 16_384, "/metadata"),
    (valid.closing_metadata, 65_536, "/metadata"),
    (valid.result, 65_536, "/result"),
]


def _json_of(size):
    return Json(b'"' + b"x" * (size - 2) + b'"')


@pytest.mark.parametrize(("function", "bytes_max", "pointer"), JSONS)
def test_json_is_measured_in_bytes_and_too_much_of_it_is_too_large(function, bytes_max, pointer):
    assert function(_json_of(bytes_max)) == _json_of(bytes_max)
    refused = _refusal(function, _json_of(bytes_max + 1))
    assert (refused.code, refused.pointer) == (Code.PAYLOAD_TOO_LARGE, pointer)
    assert refused.evidence == {"bytes": bytes_max + 1, "limit": bytes_max}


@pytest.mark.parametrize(("function", "_", "pointer"), JSONS)
@pytest.mark.parametrize("text", [b"", b"{", b"nul", b"NaN", b"{} {}", b'"\xff"', b"[" * 5000])
def test_what_is_no_json_is_refused(function, _, pointer, text):
    refused = _refusal(function, Json(text))
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, pointer)


@pytest.mark.parametrize(("function", "_", "pointer"), JSONS)
@pytest.mark.parametrize("text", [b"null", b"0", b'""', b"[]", b' {"a": [1.50]} '])
def test_json_is_kept_as_it_came(function, _, pointer, text):
    assert function(Json(text)) == text
    assert function(None) is None


@pytest.mark.parametrize(
    "text",
    [
        b'{"claim_token":1}',
        b'{"a":{"b":[1,{"claim_token":null}]}}',
        b'[[[{"CLAIM_Token":""}]]]',
        b'{" claim_token\\t":1}',
        b'{"claim\\u005ftoken":1}',
        b'{"\\u0063laim_token":1}',
        '{"claim_to\N{KELVIN SIGN}en":1}'.encode(),
        b"[" * 500 + b'{"claim_token":1}' + b"]" * 500,
    ],
)
def test_a_claim_token_is_found_at_any_depth_and_in_any_spelling(text):
    refused = _refusal(valid.refuse_claim_token, "/result", Json(text))
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, "/result")


@pytest.mark.parametrize(
    "text",
    [
        None,
        b'"claim_token"',
        b'{"a":"claim_token"}',
        b'["claim_token"]',
        b'{"claim_tokens":1,"my_claim_token":2,"claim token":3}',
        b'{"a":"\\u005f"}',
    ],
)
def test_only_a_key_is_a_claim_token(text):
    valid.refuse_claim_token("/result", None if text is None else Json(text))


TOKEN = Json(b'{"claim_token":1}')
PLAIN = Json(b'{"token":1}')


@pytest.mark.parametrize(
    "make",
    [
        lambda json: c.Enqueueing(metadata=json),
        lambda json: c.CompleteLease("run-1", json),
        lambda json: c.FailLease("run-1", "e", json),
        lambda json: c.CompleteRun("run-1", json),
        lambda json: c.FailRun("run-1", "e", json),
        lambda json: c.RetryRun("run-1", json),
        lambda json: c.RecoverRun("run-1", None, json),
    ],
)
def test_these_requests_carry_no_claim_token(make):
    make(PLAIN)
    assert _refusal(make, TOKEN).code is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    "make",
    [
        lambda json: c.CreateTask(scope=Scope.GLOBAL, title="T", metadata=json),
        lambda json: c.CancelTask(None, json),
        lambda json: c.CancelRun("run-1", None, json),
        lambda json: c.ForceRelease("run-1", None, json),
        lambda json: c.ForceFail("run-1", "stuck", json),
    ],
)
def test_these_requests_are_not_asked(make):
    assert make(TOKEN).metadata == TOKEN


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "stored"), [(None, 3), (1, 1), (10, 10)])
def test_attempts(value, stored):
    assert valid.max_attempts(value) == stored


@pytest.mark.parametrize("value", [0, -1, 11, 10**30])
def test_attempts_out_of_bounds(value):
    assert _refusal(valid.max_attempts, value).pointer == "/max_attempts"


@pytest.mark.parametrize(("value", "stored"), [(None, 300), (0, 300), (1, 1), (86_400, 86_400)])
def test_lease_seconds(value, stored):
    assert valid.lease_seconds(value) == stored


@pytest.mark.parametrize("value", [-1, 86_401, 10**30])
def test_lease_seconds_out_of_bounds(value):
    assert _refusal(valid.lease_seconds, value).pointer == "/lease_seconds"


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "0", "a-b_c", "a" * 64, " ops "])
def test_channels(name):
    assert valid.channel(name) == name.strip()


@pytest.mark.parametrize("name", ["A", "-a", "_a", "a" * 65, "a b", "a.b", "a\nb", "é", "a\x00"])
def test_names_that_are_no_channels(name):
    assert _refusal(valid.channel, name).pointer == "/network_channel"


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_blank_channel_is_none(name):
    assert valid.channel(name) is None


IDS = ["a", "Z", "0", "a.b_c:d-e", "x" * 128]
NO_IDS = ["-a", ".a", ":a", "_a", "x" * 129, "a b", "a/b", "a\n", "é", "a\x00", "@a", "@scheduler"]


@pytest.mark.parametrize("text", IDS)
def test_ids(text):
    assert valid.task_id(f" {text} ") == text
    assert valid_task_id(text)
    assert valid_session_id(text)


@pytest.mark.parametrize("text", NO_IDS)
def test_texts_that_are_no_ids(text):
    assert not valid_task_id(text)
    assert not valid_session_id(text)


def test_an_at_sign_is_for_sessions_only():
    assert valid_session_id("a@b")
    assert not valid_task_id("a@b")
    refused = _refusal(valid.task_id, "a@b")
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, "/id")


def test_a_blank_id_is_one_to_be_made():
    assert valid.task_id(None) is None
    assert valid.task_id(" ") is None


def test_capabilities_are_trimmed_sorted_and_named_once():
    assert valid.capabilities("/c", [" b", "a", "b "]) == ("a", "b")
    assert valid.capabilities("/c", []) == ()


@pytest.mark.parametrize("name", ["x" * 128, WIDE * 42 + "xx", "a/b:c.d@e"])
def test_capability_names(name):
    assert valid.capabilities("/c", [name]) == (name,)


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 129, WIDE * 43, "a b", "a,b", "a\tb", "a\nb", "a\rb", "a\x00", "\ud800"]
)
def test_names_that_are_no_capabilities(name):
    refused = _refusal(valid.capabilities, "/c", ["a", name])
    assert (refused.code, refused.pointer) == (Code.INVALID_REQUEST, "/c/1")


def test_so_many_capabilities_and_no_more():
    names = [f"c{number:02}" for number in range(limits.CAPABILITIES_MAX)]
    assert valid.capabilities("/c", [*names, "c00"]) == tuple(names)
    assert _refusal(valid.capabilities, "/c", [*names, "one-more"]).pointer == "/c"


# --- digests -------------------------------------------------------------------------------------


def test_a_digest_distinguishes_bodies():
    bodies = [
        c.CompleteLease("r").digest,
        c.CompleteLease("r", Json(b"null")).digest,
        c.CompleteLease("r", Json(b'""')).digest,
        c.FailLease("r", "a").digest,
        c.FailLease("r", "a", Json(b"1")).digest,
        c.FailLease("r", "a1").digest,
        c.FailLease("r", "b").digest,
    ]
    assert len(set(bodies)) == len(bodies)
    assert c.FailLease("r", "a").digest == c.FailLease("another", " a ").digest


def test_a_digest_asks_for_no_order_of_members():
    def digests(text: bytes) -> tuple[str, str]:
        return c.CompleteLease("r", Json(text)).digest, c.FailLease("r", "e", Json(text)).digest

    assert digests(b'{"a":1,"b":[{"c":2,"d":3}]}') == digests(b'{"b": [{"d":3,"c":2}],"a":1}')
    assert set(digests(b'{"a":[1,2]}')).isdisjoint(digests(b'{"a":[2,1]}'))
