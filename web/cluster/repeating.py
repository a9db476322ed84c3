"""Whether a request may be sent twice, and what its client does where the answer is lost."""

from typing import Final

from chargehand.web.parsing import RequestHead

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def changes_nothing(head: RequestHead) -> bool:
    return head.method in _SAFE


def is_repeatable(head: RequestHead) -> bool:
    """Whether nothing is done twice if it is sent twice."""
    return changes_nothing(head) or any(name == b"idempotency-key" for name, _ in head.headers)


def next_step(head: RequestHead) -> str:
    """For the client of a request that may have been done, and was not answered."""
    if changes_nothing(head):
        return "send it again in a second"
    if is_repeatable(head):
        return "send it again in a second, under the same Idempotency-Key"
    return (
        "look whether it was done before you send it again; with an Idempotency-Key of its own it "
        "could be sent again as it is"
    )
