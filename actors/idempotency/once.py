"""A request that has one effect, however often it is sent: its key, and what it has done."""

from hashlib import blake2b
from typing import Final, final

from chargehand.actors.frozen import frozen

_DIGEST_BYTES: Final = 16
_NONE: Final = "-"  # in a row; no id looks like that


@final
@frozen
class Once:
    """A request under an idempotency key of its caller.

    Both texts are digests, so a stored one discloses neither key nor body.

    Args:
        key: of the caller and the key.
        request: of the operation and all that it was asked with; another one under the same key is
            refused.
        whole_key: of a part of a bulk request: the key of that, and what it asks in all.
    """

    key: str
    request: str
    whole_key: str | None = None
    whole_request: str | None = None

    def part(self, name: str) -> "Once":
        """The part of this request that is about `name`, as a request of its own."""
        return Once(
            digest_of(self.key, name), digest_of(self.request, name), self.key, self.request
        )


@final
@frozen
class Done:
    """What a request under a key has done. It stands in the record of just that.

    Args:
        run_id: the run, previous run, review and subscription that its answer was about.
    """

    once: Once
    run_id: str | None = None
    previous_run_id: str | None = None
    review_id: str | None = None
    subscription_id: str | None = None


@final
@frozen
class Earlier:
    """A request that is on disk, as its row has it: what it asked, when and where it was done."""

    request: str
    at_ns: int
    address: str
    run_id: str | None = None
    previous_run_id: str | None = None
    review_id: str | None = None
    subscription_id: str | None = None


def digest_of(*parts: str | bytes) -> str:
    """32 hexadecimal digits; different parts give different ones."""
    hashed = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        hashed.update(len(raw).to_bytes(8) + raw)
    return hashed.hexdigest()


def rows_of_done(done: Done, address: str, at_ns: int) -> tuple[tuple[str, str], ...]:
    """Keys and values of the rows by which the request is found again. `at_ns` comes first."""
    ids = (done.run_id, done.previous_run_id, done.review_id, done.subscription_id)
    once = done.once
    row = (once.key, " ".join((str(at_ns), once.request, address, *(one or _NONE for one in ids))))
    if once.whole_key is None or once.whole_request is None:
        return (row,)
    whole = (str(at_ns), once.whole_request, address, *(_NONE for _ in ids))
    return row, (once.whole_key, " ".join(whole))


def earlier_of(row: str) -> Earlier:
    """What the value of a row says."""
    at_ns, request, address, *ids = row.split(" ")
    return Earlier(request, int(at_ns), address, *(None if one == _NONE else one for one in ids))
