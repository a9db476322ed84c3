"""`chargehand agent`: claim runs and work on them."""

from collections.abc import Sequence
from typing import Final, final

from chargehand.actors import actions
from chargehand.web.cli.advice import suggested
from chargehand.web.cli.holdups import scheduler_pause
from chargehand.web.cli.layout import Block, Pairs
from chargehand.web.cli.layouts import RUN_COLUMNS
from chargehand.web.cli.members import ERROR, KEY, METADATA, REASON, RESULT, URGENCY, Field, Form
from chargehand.web.cli.shown import Card, Listing, Part, at
from chargehand.web.cli.verbs import Verb
from chargehand.web.exits import ClientExit
from chargehand.web.operations import Operation as Op
from chargehand.web.wording import command_of

_LEASE_S: Final = Field("lease_seconds", "length of the lease", int)
_RENEWED_S: Final = Field("lease_seconds", "length of the lease [what the claim asked for]", int)
_CLAIM_HASH: Final = Field(
    "claim_token_hash", "the claim it is of: nothing is done to a later one", flag="claim"
)
_LEASE: Final = (Card("lease"),)


@final
class _Steps:
    """What an agent does with a claim, and with which commands."""

    def of(self, body: object) -> Sequence[Block]:
        task_id, run_id = at(body, "claim.task.id"), at(body, "claim.run.id")
        claim = at(body, "claim.lease.claim_token_hash")
        if not (isinstance(task_id, str) and isinstance(run_id, str) and isinstance(claim, str)):
            return []
        steps = {
            "read": actions.show_task(task_id),
            "hold": actions.heartbeat(run_id, claim),
            "end": actions.complete_claimed(run_id, claim),
        }
        return [Pairs([suggested(command_of(action), word) for word, action in steps.items()])]


_CLAIM: Final[Sequence[Part]] = (
    Card("claim.task", "task"),
    Listing("claim.run", RUN_COLUMNS, "run"),
    Card("claim.run.metadata", "metadata of the run"),  # has what the last round lacked
    _Steps(),
)

VERBS: Final = (
    Verb(
        name="next",
        operation=Op.CLAIM_NEXT,
        help="Claim the next run that the session may have",
        example="--wait --lease-seconds 60 --session sess-1 --agent builder",
        fields=(
            Field("wait", "until there is one, or the server's time is over", form=Form.FLAG),
            _LEASE_S,
            Field("workspace_id", "only of this workspace", flag="workspace"),
            Field(
                "required_capabilities",
                "what the agent can do; may be repeated",
                form=Form.LIST,
                flag="capability",
            ),
            Field("priority_min", "nothing less urgent; a number is its weight, 10 to 40", URGENCY),
            KEY,
        ),
        shows=_CLAIM,
        nothing=("nothing to claim", ClientExit.NOTHING),
        may_wait=True,
        holdup=scheduler_pause,
    ),
    Verb(
        name="heartbeat",
        operation=Op.AGENT_HEARTBEAT,
        help="Extend the lease on a run",
        example="--lease-seconds 60",
        fields=(_RENEWED_S, _CLAIM_HASH),
        shows=_LEASE,
    ),
    Verb(
        name="complete",
        operation=Op.AGENT_COMPLETE,
        help="Complete a claimed run with its result",
        example="--result @result.json",
        fields=(RESULT, _CLAIM_HASH),
        shows=_LEASE,
    ),
    Verb(
        name="fail",
        operation=Op.AGENT_FAIL,
        help="Fail a claimed run",
        example='--error "tests are red"',
        fields=(ERROR, METADATA, _CLAIM_HASH),
        shows=_LEASE,
    ),
    Verb(
        name="release",
        operation=Op.AGENT_RELEASE,
        help="Give a run back into its place in the queue",
        example='--reason "out of memory"',
        fields=(REASON, _CLAIM_HASH),
        shows=_LEASE,
    ),
)
