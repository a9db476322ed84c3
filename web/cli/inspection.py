"""What was inspected: how it is, what is the matter with it, and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, final

from chargehand.actors.views.next_action import NextAction
from chargehand.web.cli.advice import suggested
from chargehand.web.cli.layout import Block, Pair, Pairs
from chargehand.web.cli.layouts import SESSION_COLUMNS, TASK_COLUMNS
from chargehand.web.cli.shown import Column, Listing, Part, Worth, at, several, text_of

_RUN_COLUMNS: Final = (
    Column("ID", "run_id", Worth.KEPT),
    Column("STATUS", "status", Worth.KEPT),
    Column("ATTEMPT", "attempt"),
    Column("LEASE UNTIL", "lease_until"),
    Column("LAST SIGN (S)", "heartbeat_age_seconds"),
    Column("ERROR", "last_error_summary", Worth.CUT),
)
_EVENT_COLUMNS: Final = (
    Column("AT", "timestamp", Worth.KEPT),
    Column("EVENT", "type", Worth.KEPT),
    Column("SUMMARY", "summary", Worth.CUT),
)
_SESSION_COLUMNS: Final = (Column("ID", "session_id", Worth.KEPT), *SESSION_COLUMNS[1:4])

_ACTIONS: Final[Mapping[str, str]] = {
    NextAction.RECOVERY_REQUIRED.value: "somebody has to step in",
    NextAction.STRANDED.value: "a session that may claim it has to come",
    NextAction.CLAIM_AVAILABLE.value: "an agent may claim it",
    NextAction.WAITING_FOR_SESSION.value: "it waits",
    NextAction.RUNNING.value: "an agent works on it",
    NextAction.TERMINAL.value: "nothing, it has ended",
}


@final
class _Diagnoses:
    """The next action in a line, then each diagnostic with the command that helps."""

    def of(self, body: object) -> Sequence[Block]:
        return [Pairs(list(self._lines(body)))]

    def _lines(self, body: object) -> Iterator[Pair]:
        action = text_of(at(body, "inspect.next_action"))
        diagnostics = several(at(body, "inspect.diagnostics"))
        words = _ACTIONS.get(action, "")
        if action == NextAction.TERMINAL.value and diagnostics:
            words = "it has ended, but see below"
        yield Pair("next", f"{words} [{action}]" if words else action)
        if at(body, "inspect.scheduler.paused"):
            reason = text_of(at(body, "inspect.scheduler.reason"))
            yield Pair("note", f"the scheduler is paused {reason}")
        for found in diagnostics:
            words = f"{text_of(at(found, 'message'))} [{text_of(at(found, 'code'))}]"
            yield Pair(text_of(at(found, "severity")), words)
            command = text_of(at(found, "suggested_command"))
            if command:
                yield suggested(command)


INSPECTION: Final[Sequence[Part]] = (
    Listing("inspect.task", TASK_COLUMNS, "task"),
    Listing("inspect.current_run", _RUN_COLUMNS, "current run"),
    Listing("inspect.bound_session", _SESSION_COLUMNS, "its session"),
    Listing("inspect.recent_events", _EVENT_COLUMNS, "latest events"),
    _Diagnoses(),
)
