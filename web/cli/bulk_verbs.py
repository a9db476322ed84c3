"""The commands that do the same to many tasks or runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from chargehand.web.cli.filters import RUN_FILTERS, TASK_FILTERS
from chargehand.web.cli.members import (
    DUE_REASON,
    ID,
    METADATA,
    REASON,
    Field,
    Form,
    Members,
)
from chargehand.web.cli.verbs import Verb
from chargehand.web.operations import Operation as Op

if TYPE_CHECKING:
    from chargehand.web.cli.client import Client

_DRY_RUN: Final = Field("dry_run", "only say what would be done", form=Form.FLAG)
_NOTE: Final = (
    "By filter it shows how many match, and the first ten, before it asks; where nobody can be "
    "asked, nothing is changed without --yes. It goes on with what matches then, to the end."
)


def _selecting(noun: str, filters: Sequence[Field], everything: str) -> tuple[Field, ...]:
    everyone = Field("all", everything, form=Form.FLAG, flag="everything")
    inside = (field._replace(inside="filter") for field in (*filters, everyone))
    return (Field("ids", kind=ID, form=Form.ANY_ARGUMENTS, flag=noun), *inside, _DRY_RUN)


_TASKS: Final = _selecting("task", TASK_FILTERS, "all tasks, but drafts")
_RUNS: Final = _selecting("run", RUN_FILTERS, "all runs")


def _verb(
    name: str,
    operation: Op,
    fields: Sequence[Field],
    *,
    noun: str,
    participle: str,
    text: str,
    example: str,
) -> Verb:
    def carry_out(client: "Client", as_json: bool, members: Members, yes: bool) -> None:
        from chargehand.web.cli.bulk import Bulk, change_many  # rarely needed

        bulk = Bulk(operation, fields, name, participle, noun)
        change_many(bulk, client, as_json, members, yes)

    return Verb(
        name=f"bulk-{name}",
        operation=operation,
        help=text,
        note=_NOTE,
        example=example,
        fields=fields,
        carry_out=carry_out,
    )


TASK_VERBS: Final = (
    _verb(
        "cancel",
        Op.BULK_CANCEL_TASKS,
        (*_TASKS, REASON, METADATA),
        noun="task",
        participle="canceled",
        text="Cancel many tasks, with all below them",
        example='--status blocked --reason "not needed" --dry-run',
    ),
    _verb(
        "approve",
        Op.BULK_APPROVE_TASKS,
        (*_TASKS, METADATA),
        noun="task",
        participle="approved",
        text="Approve many tasks",
        example="--approval-state pending --dry-run",
    ),
    _verb(
        "pause",
        Op.BULK_PAUSE_TASKS,
        (*_TASKS, DUE_REASON, METADATA),
        noun="task",
        participle="paused",
        text="Pause many tasks",
        example='ship-it docs --reason "legal has a question"',
    ),
    _verb(
        "resume",
        Op.BULK_RESUME_TASKS,
        (*_TASKS, METADATA),
        noun="task",
        participle="resumed",
        text="Resume many tasks",
        example="ship-it docs",
    ),
    _verb(
        "archive",
        Op.BULK_ARCHIVE_TASKS,
        _TASKS,
        noun="task",
        participle="archived",
        text="Put many tasks away in your inbox",
        example="--status completed --dry-run",
    ),
)
RUN_VERBS: Final = (
    _verb(
        "cancel",
        Op.BULK_CANCEL_RUNS,
        (*_RUNS, REASON, METADATA),
        noun="run",
        participle="canceled",
        text="Cancel many runs",
        example='--status queued --reason "not needed" --dry-run',
    ),
    _verb(
        "retry",
        Op.BULK_RETRY_RUNS,
        (*_RUNS, METADATA),
        noun="run",
        participle="retried",
        text="Queue new runs in place of many that failed or were canceled",
        example="--status failed --dry-run",
    ),
)
