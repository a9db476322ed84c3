"""What is left after the release: a small tree of tasks in every state that needs a person."""

from enum import Enum
from typing import Any, Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.limits import RESULT_BYTES_MAX
from chargehand.web.agents.new_task import Priority
from chargehand.web.demo.timings import timings

ROOT: Final = "watch"
SECONDS: Final = 2.5  # that the work on most of it takes
ATTEMPTS: Final = 6


class Conduct(Enum):
    """What whoever claims a run does with it."""

    WORK = "ends it after some seconds"
    HOLD = "works on it for good, and renews the lease"
    FALL_SILENT = "asks for a long lease, and sends no further heartbeat"
    VANISH = "is not heard of again, so that the lease runs out soon"


@final
@frozen
class Rejection:
    """What a reviewer says of the first round, after which a second one is judged."""

    request: str
    reason: str
    missing_work: tuple[str, ...]
    guidance: str


@final
@frozen
class Errand:
    """One task of the aftermath.

    Args:
        after: keys of the tasks that must be completed before.
        conduct: of the first attempt; all later ones are worked on.
        errors: with which the first attempts fail, one after the other. Whoever hands the work in
            retries until each of them has been seen, and leaves the last one.
        facts: the metadata of these failures.
        capability: that an agent must have; none has it.
        owner: a person, whose it is.
        paused_because: the reason for which it is paused, if it is.
        rejection: of its first round.
    """

    key: str
    title: str
    description: str = ""
    priority: Priority = "medium"
    after: tuple[str, ...] = ()
    metadata: object = None
    result: object = None
    conduct: Conduct = Conduct.WORK
    errors: tuple[str, ...] = ()
    facts: object = None
    needs_approval: bool = False
    is_draft: bool = False
    capability: str = ""
    owner: str = ""
    paused_because: str = ""
    rejection: Rejection | None = None

    @property
    def is_started(self) -> bool:
        """Whether its first run is queued as it is handed in."""
        return not (self.after or self.needs_approval or self.is_draft)

    @property
    def members(self) -> dict[str, Any]:
        """The body that makes the task."""
        wanted = {
            "scope": "global",
            "title": self.title,
            "description": self.description,
            "identifier": f"2.4-{self.key}",
            "priority": self.priority,
            "metadata": self.metadata,
            "max_attempts": ATTEMPTS,
            "auto_enqueue_on_ready": bool(self.after) or None,
            "approval_policy": "manual" if self.needs_approval else None,
            "draft": self.is_draft or None,
            "owner": {"kind": "human", "ref": self.owner} if self.owner else None,
        }
        return {name: value for name, value in wanted.items() if value}


def aftermath() -> list[Errand]:
    """The whole plan: the root first, and each task behind those that it waits for."""
    return [*_held(), *_for_a_person(), *_failing(), *_waiting(), *_ended()]


def _held() -> list[Errand]:
    """What agents are at, for as long as one looks."""
    return [
        Errand(
            ROOT,
            "Watch release 2.4 for a day",
            "Error rates, latencies and what customers write. Everything else hangs below this.",
            "urgent",
            metadata={"dashboards": ["errors", "latency", "inbox"], "until": "the next release"},
            conduct=Conduct.HOLD,
        ),
        Errand(
            "soak",
            "Soak-test the release over night",
            priority="urgent",
            metadata={"clients": 400, "mix": {"read": 0.9, "write": 0.1}},
            conduct=Conduct.HOLD,
        ),
        Errand(
            "translate",
            "Translate the upgrade notes",
            priority="urgent",
            metadata={"languages": ["de", "fr", "ja", "pt-BR"]},
            conduct=Conduct.HOLD,
        ),
        Errand(
            "mirror",
            "Mirror the packages",
            priority="urgent",
            metadata={"mirrors": 14},
            conduct=Conduct.FALL_SILENT,
        ),
    ]


def _for_a_person() -> list[Errand]:
    """What nobody but a person can bring forward."""
    return [
        Errand(
            "hotfix",
            "Ship hotfix 2.4.1 to all regions",
            "It fixes a rounding error in invoices. One region has had it for a day.",
            "urgent",
            metadata={
                "risk": "low",
                "regions": ["eu-north", "eu-west", "us-east"],
                "rollback": {"to": "2.4.0", "minutes": 4},
            },
            result={"regions": {"eu-north": "2.4.1", "eu-west": "2.4.1", "us-east": "2.4.1"}},
            needs_approval=True,
        ),
        Errand(
            "call",
            "Call the customer whose import broke",
            "They asked for a person.",
            "high",
            metadata={"customer": "No. 4471", "phone": "see the address book"},
            owner="local-user",
        ),
        Errand("plan", "Plan release 2.5", is_draft=True),
        Errand(
            "archive",
            "Compact the archive",
            "Whoever worked on it so far was lost: it may need more memory than agents have.",
            metadata={"segments": 1_204, "bytes": 61_203_283_968},
            conduct=Conduct.VANISH,
            result={"segments": 96, "bytes": 18_874_368_000},
        ),
        Errand(
            "postmortem",
            "Write up the outage of Tuesday",
            "For customers: what happened, and what is done so that it does not happen again.",
            "high",
            result={
                "title": "Tuesday, 14:02 to 14:39 UTC",
                "sections": ["What happened", "Why", "What is done about it"],
                "numbers": {"requests_failed": 18_204, "share": 0.031, "customers": 212},
                "draft": True,
            },
            rejection=Rejection(
                "Customers will read it: is it complete?",
                "It says what happened, but not to whom, nor who does what about it.",
                (
                    "how many customers were hit, by region",
                    "a name and a date for each thing that is to be done",
                    "the graph of error rates from 14:00 to 15:00",
                ),
                "Take the numbers from the dashboard, and ask the people on call for the dates.",
            ),
        ),
    ]


def _failing() -> list[Errand]:
    """What has failed, and succeeds when it is tried again."""
    return [
        Errand(
            "export",
            "Repair the nightly export",
            priority="high",
            metadata={"table": "invoices", "rows": 41_000_000},
            errors=(
                "exit code 137: the sort was killed at 2 GiB of memory",
                "export-db-2:5432 refuses connections: 30 tries in 60 s",
                "Traceback (most recent call last):\n"
                '  File "/srv/export/rows.py", line 212, in write\n'
                "    total = Decimal(cell)\n"
                "decimal.InvalidOperation: row 40113207, column total: '1.204,50' is no number",
            ),
            facts={"rows_written": 40_113_206, "host": "export-2", "memory_mib": 2048},
            result={"rows_written": 41_000_000, "files": ["invoices-1.csv", "invoices-2.csv"]},
        ),
        Errand(
            "index",
            "Rebuild the search index",
            errors=("no space left on /var/index: 18.2 GiB are needed, 3.1 GiB are free",),
            facts={"volume": "/var/index", "free_bytes": 3_328_599_654},
            result={"documents": 2_209_114},
        ),
        Errand(
            "certificate",
            "Renew the certificate of staging",
            errors=("the challenge failed: _acme-challenge.staging.example.org has no TXT record",),
            facts={"names": ["staging.example.org"], "days_left": 6},
            result={"names": ["staging.example.org"], "days_left": 90},
        ),
        Errand(
            "notice",
            "Mail the upgrade notice",
            priority="low",
            errors=("421 too many recipients: 2,000 of 5,312 were sent to before it stopped",),
            facts={"sent": 2_000, "of": 5_312},
            result={"sent": 5_312, "of": 5_312},
        ),
    ]


def _waiting() -> list[Errand]:
    """What no agent does, each for a reason of its own."""
    return [
        Errand(
            "switch",
            "Move customers to the new export",
            "As soon as the nightly one works.",
            after=("export",),
            result={"moved": 38},
        ),
        Errand(
            "retrain",
            "Retrain the ranking on the new index",
            metadata={"epochs": 3, "precision": "bf16"},
            capability="gpu",
            result={"ndcg_at_10": 0.61},
        ),
        Errand(
            "cleanup",
            "Delete the tables of version 1",
            paused_because="not before the audit on Thursday; ask Finance",
            result={"tables": 14},
        ),
    ]


def _ended() -> list[Errand]:
    return [
        Errand(
            "timings",
            "Collect the timings of the first three hours",
            metadata={"from": "14:00", "to": "17:00", "unit": "ms"},
            result=timings(RESULT_BYTES_MAX),
        )
    ]
