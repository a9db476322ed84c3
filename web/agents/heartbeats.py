"""Renews the leases of a pool, apart from its handlers, so that none of them holds that up."""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final, final

import trio

from chargehand.web.agents.api import Api
from chargehand.web.agents.errors import Refused
from chargehand.web.agents.work import Work

BEATS: Final = 3  # in the time of a lease: two may be lost

_log = logging.getLogger("chargehand.agents")


@final
class Heartbeats:
    """All leases are of one length, so they are due in the order in which they were renewed. What
    is due soon is renewed together with what is due now, those of each session in one request.

    Args:
        lease_s: length of each lease, in seconds.
    """

    def __init__(self, api: Api, lease_s: float) -> None:
        self._api = api
        self._every_s = lease_s / BEATS
        self._due: OrderedDict[Work, float] = OrderedDict()  # when, in Trio's time
        self._watched: set[Work] = set()
        self._came = trio.Event()

    def watch(self, work: Work) -> None:
        """Renew its lease from now on; it was claimed a moment ago."""
        self._watched.add(work)
        self._set(work)

    def forget(self, work: Work) -> None:
        """Its run has ended."""
        self._watched.discard(work)
        self._due.pop(work, None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Renew what is due, until canceled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                if not self._due:
                    self._came = trio.Event()
                    await self._came.wait()
                    continue
                at_s = next(iter(self._due.values()))
                if at_s > trio.current_time():
                    await trio.sleep_until(at_s)  # nothing that comes meanwhile is due sooner
                    continue
                for works in self._take_due():
                    nursery.start_soon(self._beat, works)

    def _take_due(self) -> Iterable[list[Work]]:
        """What is due now, or within half a beat, by session."""
        until_s = trio.current_time() + self._every_s / 2
        due = [*takewhile(lambda work: self._due[work] <= until_s, self._due)]
        by_session: dict[str, list[Work]] = {}
        for work in due:
            del self._due[work]
            by_session.setdefault(work.claim.agent.session, []).append(work)
        return by_session.values()

    def _set(self, work: Work) -> None:
        self._due[work] = trio.current_time() + self._every_s
        self._came.set()

    async def _beat(self, works: Sequence[Work]) -> None:
        """Where nobody answers, the handler goes on: after a restart of the server its lease may
        live, and if it does not, its run cannot be completed."""
        errors = await self._api.heartbeat_batch([work.claim for work in works])
        for work, error in zip(works, errors, strict=True):
            if isinstance(error, Refused):
                work.lose(str(error))
                continue
            if error is not None:
                _log.warning("no heartbeat for run %s: %s", work.claim.run_id, error)
            if work in self._watched:
                self._set(work)
