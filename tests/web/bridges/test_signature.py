import base64
import hashlib
import hmac

import pytest

from chargehand.web.bridges.signature import key_of, signature, signed_headers


def test_it_is_the_one_that_standard_webhooks_gives_as_its_example():
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_headers_name_the_message_and_its_attempt():
    headers = signed_headers([b"key"], "notif:sub:7", 12, b"{}")
    digest = hmac.new(b"key", b"notif:sub:7.12.{}", hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "notif:sub:7",
        "webhook-timestamp": "12",
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "idempotency-key": "notif:sub:7",
    }


def test_a_secret_is_base64_behind_its_prefix_and_else_its_own_bytes():
    assert key_of("whsec_aGVsbG8=") == b"hello"
    assert key_of("p\u00e4ss") == "p\u00e4ss".encode()


@pytest.mark.parametrize(
    "secret", ["", "  ", "whsec_", "whsec_a", "whsec_!!!!", "whsec_aGVs\u00e9"]
)
def test_what_holds_no_key_is_refused_without_being_reported(secret):
    with pytest.raises(ValueError, match=r"empty|base64|nothing") as caught:
        key_of(secret)
    assert len(secret) < 8 or secret.removeprefix("whsec_") not in str(caught.value)
