import pytest

from chargehand.actors.errors import Rejected
from chargehand.actors.task.state import Priority
from chargehand.web import queries


def test_what_is_absent_or_blank():
    assert queries.text({"a": "  "}, "a") is None
    assert queries.integer({}, "a") == 0
    assert queries.flag({"a": ""}, "a") is False
    assert queries.choice({"a": " "}, "a", Priority) is None


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("-3", -3), ("+7", 7), (" 08 ", 8)])
def test_integers_of_base_ten(text, number):
    assert queries.integer({"a": text}, "a") == number


@pytest.mark.parametrize("text", ["x", "1.0", "0x1", "1_0", "٣", "9" * 30, "1 2"])
def test_what_is_no_integer(text):
    with pytest.raises(Rejected) as caught:
        queries.integer({"limit": text}, "limit")
    assert caught.value.pointer == "?limit"


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_true(text):
    assert queries.flag({"a": text}, "a") is True


@pytest.mark.parametrize("text", ["yes", "tRUE", "2"])
def test_what_is_no_flag(text):
    with pytest.raises(Rejected) as caught:
        queries.flag({"a": text}, "a")
    assert caught.value.pointer == "?a"


def test_choices_are_trimmed_and_lower_cased():
    assert queries.choice({"a": " HIGH "}, "a", Priority) is Priority.HIGH
    with pytest.raises(Rejected, match="must be one of low"):
        queries.choice({"a": "huge"}, "a", Priority)


@pytest.mark.parametrize(
    ("text", "limit"), [(None, 100), ("0", 100), ("5", 5), ("1000", 1000), ("1001", 1000)]
)
def test_limits(text, limit):
    assert queries.limit({} if text is None else {"limit": text}) == limit


def test_a_negative_limit_is_refused():
    with pytest.raises(Rejected) as caught:
        queries.limit({"limit": "-1"})
    assert caught.value.pointer == "?limit"
