"""Reports to the scheduler how runs have ended."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final, final

from chargehand.actors.limits import REASON_CHARS_MAX
from chargehand.web.agents.api import Api
from chargehand.web.agents.claims import Claim
from chargehand.web.agents.endings import Ending, Fail, NeedsPerson, Release
from chargehand.web.agents.errors import LeaseLost, Refused
from chargehand.web.agents.together import Together
from chargehand.web.agents.work import Outcome

Report = Callable[[], Awaitable[Outcome]]
"""Sends it, and may be called again where there was no answer."""

_NO_REASON: Final = "no reason was given"

_log = logging.getLogger("chargehand.agents")


@final
class Reports:
    """Those of one session; what ends at the same time goes in one request.

    Every method raises `LeaseLost` where the run is not ours any more, and `Unavailable`.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._completions = Together(api.complete_batch)
        self._failures = Together(api.fail_batch)
        self._releases = Together(api.release_batch)

    async def completed(self, claim: Claim, result: object) -> Outcome:
        """A result that is refused fails the run: it would be refused again."""
        try:
            await self._completions.ask((claim, result))
        except LeaseLost:
            raise
        except Refused as refused:
            await self._failures.ask((claim, f"its result was refused: {refused}", None))
            return Outcome.FAILED
        return Outcome.COMPLETED

    async def ended(self, claim: Claim, ending: Ending) -> Outcome:
        """As a rule has it."""
        match ending:
            case Release(reason=reason):
                await self._releases.ask((claim, reason))
                return Outcome.RELEASED
            case NeedsPerson(reason=reason, metadata=metadata):
                await self._failed(claim, reason, metadata)
                await self._ask_for_review(claim, reason)
            case Fail(error=error, metadata=metadata):
                await self._failed(claim, error, metadata)
            case _:
                await self._failed(claim, str(ending), None)
        return Outcome.FAILED

    async def _failed(self, claim: Claim, error: str, metadata: object) -> None:
        text = error.strip() or _NO_REASON
        try:
            await self._failures.ask((claim, text, metadata))
        except LeaseLost:
            raise
        except Refused as refused:
            if metadata is None:
                raise
            _log.warning("run %s fails without its metadata: %s", claim.run_id, refused)
            await self._failures.ask((claim, text, None))

    async def _ask_for_review(self, claim: Claim, reason: str) -> None:
        try:
            cut = reason[:REASON_CHARS_MAX]
            await self._api.request_review(claim.run_id, reason=cut, agent=claim.agent)
        except Refused as refused:
            _log.warning("no review of run %s was requested: %s", claim.run_id, refused)
