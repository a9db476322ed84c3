"""A run, by its agent."""

from typing import final

from attrs import field

from chargehand.actors.frozen import frozen
from chargehand.actors.task import validation as valid
from chargehand.actors.task.eligibility import Claimer
from chargehand.actors.task.state import Json


@final
@frozen
class LeaseRun:
    """The scheduler's pick for a claimer, on its way to the task that decides."""

    run_id: str
    claimer: Claimer
    claim_token_hash: str
    lease_seconds: int
    claim_key: str | None = None


# `claim_token_hash` is the claim that the caller means; None for whichever its session holds.


@final
@frozen
class Heartbeat:
    """`lease_seconds`: None for as long as the claim asked for."""

    run_id: str
    lease_seconds: int | None = field(default=None, converter=valid.renewed_lease_seconds)
    claim_token_hash: str | None = field(default=None, converter=valid.claim_token_hash)


@final
@frozen
class ReleaseRun:
    run_id: str
    reason: str | None = field(default=None, converter=valid.closing_reason)
    claim_token_hash: str | None = field(default=None, converter=valid.claim_token_hash)


@final
@frozen
class CompleteLease:
    run_id: str
    result: Json | None = field(default=None, converter=valid.result)
    claim_token_hash: str | None = field(default=None, converter=valid.claim_token_hash)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/result", self.result)

    @property
    def digest(self) -> str:
        return valid.digest("complete", self.result)


@final
@frozen
class FailLease:
    run_id: str
    error: str = field(converter=valid.error_text)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)
    claim_token_hash: str | None = field(default=None, converter=valid.claim_token_hash)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)

    @property
    def digest(self) -> str:
        return valid.digest("fail", self.error, self.metadata)
