"""Signatures as Standard Webhooks has them: HMAC-SHA256 over id, time and body.

Source: the Standard Webhooks specification, symmetric signatures (`v1`).
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from typing import Final

_ENCODED: Final = "whsec_"


def key_of(secret: str) -> bytes:
    """The key in a secret: `whsec_` and base64, or the secret's own bytes.

    Raises:
        ValueError: it holds none; the message does not hold the secret.
    """
    if not secret.startswith(_ENCODED):
        if not secret.strip():
            raise ValueError("is empty")
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"begins with {_ENCODED}, but what follows is not base64") from None
    if not key:
        raise ValueError(f"holds nothing behind {_ENCODED}")
    return key


def signature(key: bytes, delivery_id: str, at_s: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = b".".join((delivery_id.encode(), str(at_s).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def signed_headers(
    keys: Iterable[bytes], delivery_id: str, at_s: int, body: bytes
) -> dict[str, str]:
    """The headers by which a receiver knows a message, and one that it had before.

    Args:
        keys: one, or several while a secret is rotated; each makes a signature of its own.
        at_s: the time of the attempt, in seconds since 1970; each attempt has its own.
    """
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signature(key, delivery_id, at_s, body) for key in keys),
        "idempotency-key": delivery_id,
    }
