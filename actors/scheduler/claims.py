"""Claims as their callers see them: a ticket for each run, and the wait for what becomes of it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import final

import trio

from chargehand.actors.answers import Answer
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import replace
from chargehand.actors.identity import Caller
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.scheduler.ticket import Ticket, claimer_of


@final
class Claims:
    """Every method may be called and abandoned at any time.

    Args:
        wait_ns: how long a claim waits for work, if it does.
        send: puts tickets into the scheduler's mailbox, or refuses all of them.
        forget: the caller of a ticket has hung up.
        refused, unseen: as of `Ticket`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        wait_ns: int,
        send: Callable[[Sequence[Ticket]], None],
        forget: Callable[[Ticket], None],
        refused: Callable[[Ticket, Exception], None],
        unseen: Callable[[Ticket], None],
    ) -> None:
        self._clock = clock
        self._wait_ns = wait_ns
        self._send = send
        self._forget = forget
        self._refused = refused
        self._unseen = unseen

    async def one(self, session: SessionState, request: ClaimNext, caller: Caller) -> Answer | None:
        """The best run for the session, leased; None where there is none (in time).

        Raises:
            Rejected: LEASE_ALREADY_HELD; IDENTITY_STALE if the session ends meanwhile; OVERLOADED.
        """
        (ticket,) = self._tickets(session, (request,), caller)
        self._send((ticket,))
        try:
            answer = await ticket.reply.wait()
            await trio.lowlevel.checkpoint_if_cancelled()  # answered, and gone all the same
        except trio.Cancelled:
            self._forget(ticket)
            raise
        return answer

    async def many(
        self, session: SessionState, request: ClaimNext, count: int, caller: Caller
    ) -> list[Answer]:
        """The best runs for the session, up to so many, each leased. It waits, if at all, until
        there is one, and takes what else there is then. Under a key each has a part of that, so
        that a repeat gets the same ones, as long as their leases live, and what else there is.

        Raises:
            Rejected: as of `one`, where it has none.
        """
        at_once = parts_of(replace(request, wait=False), count)
        tickets: list[Ticket] = []
        try:
            found = await self._all(session, at_once, caller, tickets)
            if not found and request.wait:
                found = await self._all(session, parts_of(request, 1), caller, tickets)
                if found and count > 1:
                    with suppress(Rejected):  # one is better than none
                        found += await self._all(session, at_once[1:], caller, tickets)
            await trio.lowlevel.checkpoint_if_cancelled()
        except trio.Cancelled:
            for ticket in tickets:
                if not ticket.reply.is_settled:  # else it is given back as it is forgotten
                    ticket.reply.abandon()
                self._forget(ticket)
            raise
        return found

    async def _all(
        self,
        session: SessionState,
        requests: Sequence[ClaimNext],
        caller: Caller,
        sent: list[Ticket],
    ) -> list[Answer]:
        """Args: sent: their tickets are noted there."""
        tickets = self._tickets(session, requests, caller)
        self._send(tickets)
        sent += tickets
        found: list[Answer] = []
        refusal: Rejected | None = None
        for ticket in tickets:
            try:
                answer = await ticket.reply.wait()
            except Rejected as error:
                refusal = refusal or error
            else:
                if answer is not None:
                    found.append(answer)
        if refusal is not None and not found:
            raise refusal
        return found

    def _tickets(
        self, session: SessionState, requests: Sequence[ClaimNext], caller: Caller
    ) -> list[Ticket]:
        """For requests that are the same but for their keys."""
        claimer = claimer_of(session, requests[0])
        until = self._clock.elapsed_ns() + self._wait_ns if requests[0].wait else None
        return [
            Ticket(session, request, claimer, caller, until, self._refused, self._unseen)
            for request in requests
        ]


def parts_of(request: ClaimNext, count: int) -> list[ClaimNext]:
    """The claims of a batch, each under a part of its key, if it has one."""
    key = request.idempotency_key
    if key is None:
        return [request] * count
    return [replace(request, idempotency_key=f"{key}.{number}") for number in range(count)]
