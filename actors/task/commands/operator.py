"""A run, by an operator."""

from typing import final

from attrs import field

from chargehand.actors import actions
from chargehand.actors.frozen import frozen
from chargehand.actors.ids import valid_task_id
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import (
    Json,
)


@final
@frozen
class ClaimRun:
    run_id: str
    idempotency_key: str | None = field(default=None, converter=valid.idempotency_key)


@final
@frozen
class StartRun:
    run_id: str
    idempotency_key: str | None = field(default=None, converter=valid.idempotency_key)


@final
@frozen
class AttachSession:
    """Bind a session that is registered and has room; the scheduler has reserved its place."""

    run_id: str
    session_id: str


@final
@frozen
class CompleteRun:
    run_id: str
    result: Json | None = field(default=None, converter=valid.result)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/result", self.result)


@final
@frozen
class FailRun:
    run_id: str
    error: str = field(converter=valid.error_text)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)


@final
@frozen
class CancelRun:
    run_id: str
    reason: str | None = field(default=None, converter=valid.closing_reason)
    metadata: Json | None = field(default=None, converter=valid.closing_metadata)


@final
@frozen
class ForceRelease:
    run_id: str
    reason: str | None = field(default=None, converter=valid.closing_reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)


@final
@frozen
class ForceFail:
    run_id: str
    reason: str | None = field(default=None, converter=valid.closing_reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)

    def __attrs_post_init__(self) -> None:
        if self.reason is None:
            is_id = valid_task_id(self.run_id)
            raise valid.reason_required(actions.force_fail(self.run_id) if is_id else None)


@final
@frozen
class RetryRun:
    run_id: str
    metadata: Json | None = field(default=None, converter=valid.metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)


@final
@frozen
class RecoverRun:
    run_id: str
    reason: str | None = field(default=None, converter=valid.closing_reason)
    metadata: Json | None = field(default=None, converter=valid.metadata)

    def __attrs_post_init__(self) -> None:
        valid.refuse_claim_token("/metadata", self.metadata)
