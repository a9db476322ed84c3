"""One run of a pool: its handler, the rule for what that raises, and the report of its end."""

import logging
from functools import partial
from typing import Final, final

import trio

from chargehand.web.agents.api import Api
from chargehand.web.agents.claims import Claim
from chargehand.web.agents.endings import (
    Ending,
    ErrorRule,
    Fail,
    Release,
    error_text,
    fail_on_error,
    is_of_handler,
)
from chargehand.web.agents.errors import Refused, Unavailable
from chargehand.web.agents.handlers import Call
from chargehand.web.agents.outage import Outage
from chargehand.web.agents.reports import Report, Reports
from chargehand.web.agents.work import Outcome, Work, last_moments

DRAINED: Final = "its agent pool was drained"
_CANCELED: Final = "its agent pool was canceled"

_BY_STATUS: Final = {"completed": Outcome.COMPLETED, "failed": Outcome.FAILED}

_log = logging.getLogger("chargehand.agents")


@final
class Execution:
    """
    Args:
        on_error: what becomes of a run whose handler raised an exception.
    """

    def __init__(self, api: Api, on_error: ErrorRule, outage: Outage) -> None:
        self._api = api
        self._on_error = on_error
        self._outage = outage

    async def execute(self, work: Work, reports: Reports, call: Call) -> None:
        """Call the handler, report how the run ended until that is confirmed, and set the outcome
        of the work. Canceled, it still tries for 5 s to give the run back, or to report its end."""
        try:
            report = await self._handled(work, reports, call)
        except BaseException:
            with last_moments():
                await self._send(work, partial(reports.ended, work.claim, Release(_CANCELED)))
            raise
        if work.is_lost:
            with work.reporting:
                await self._settle_lost(work)
            return
        work.is_ending = True
        try:
            with work.reporting:
                await self._send(work, report)
        except trio.Cancelled:
            with last_moments():
                await self._send(work, report)
            raise

    async def _handled(self, work: Work, reports: Reports, call: Call) -> Report:
        """Call the handler; what is to be reported of it."""
        claim = work.claim
        try:
            with work.scope:
                return partial(reports.completed, claim, await self._result(work, call))
        except BaseException as error:  # around the scope, which takes its own cancellation out
            if not is_of_handler(error):
                raise
            if not work.scope.cancel_called:
                return partial(reports.ended, claim, self._ruled(claim, error))
            _log.warning("the handler of run %s failed as it ended", claim.run_id, exc_info=error)
        return partial(reports.ended, claim, Release(DRAINED))

    async def _result(self, work: Work, call: Call) -> object:
        try:
            return await call.result(work.claim)
        except trio.Cancelled:
            work.claim.lost = work.claim.lost or _CANCELED  # for a thread, which goes on
            raise

    def _ruled(self, claim: Claim, error: BaseException) -> Ending:
        if not isinstance(error, Ending):
            _log.warning("the handler of run %s failed", claim.run_id, exc_info=error)
        if not isinstance(error, Exception):  # it exits: for rules that is a failure like others
            error = Fail(error_text(error), {"exception": type(error).__qualname__})
        try:
            ending: object = self._on_error(claim, error)
        except Exception as fault:
            _log.exception("the rule for errors failed on run %s", claim.run_id)
            return fail_on_error(claim, fault)
        if isinstance(ending, Ending):
            return ending
        _log.error("the rule for errors returned no Ending for run %s: %r", claim.run_id, ending)
        return Fail(f"on_error returned {ending!r} and no Ending, for {error_text(error)}")

    async def _send(self, work: Work, report: Report) -> None:
        """Send the report until there is an answer."""
        while True:
            try:
                work.outcome = await report()
                self._outage.end()
                return
            except Unavailable as error:
                await self._outage.wait(error)
            except Refused as refused:
                work.claim.lost = str(refused)
                await self._settle_lost(work)
                return

    async def _settle_lost(self, work: Work) -> None:
        """What the handler has ended itself, as the same agent, counts as that."""
        claim = work.claim
        try:
            run = await self._api.run(claim.run_id)
        except (Refused, Unavailable) as error:
            _log.debug("what became of run %s is not known: %s", claim.run_id, error)
        else:
            is_ours = run.data.get("claim_token_hash") == claim.token
            if is_ours and run.data.get("failure_kind") is None:
                work.outcome = _BY_STATUS.get(run.status, Outcome.LOST)
        if work.outcome is Outcome.LOST:
            _log.warning("run %s was lost: %s", claim.run_id, claim.lost)
        else:
            _log.info("run %s was ended by its handler: %s", claim.run_id, run.status)
