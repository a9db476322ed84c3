"""What an operator may set of the core. The help text beside each value is its documentation."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, final

from attrs import Attribute, field

from chargehand.actors import limits
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import NS
from chargehand.actors.task.review import ReviewPolicy, ReviewRules

_T = TypeVar("_T", int, float, bool)
_KINDS: Final[Mapping[type, tuple[tuple[type, ...], str]]] = {
    bool: ((bool,), "True or False"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def _setting(default: _T, text: str, minimum: float = 0) -> _T:
    kinds, expected = _KINDS[type(default)]

    def check(_: object, attribute: "Attribute[Any]", value: object) -> None:
        if not isinstance(value, kinds) or isinstance(value, bool) is not (bool in kinds):
            raise TypeError(f"{attribute.name} must be {expected}, not {value!r}")
        assert isinstance(value, int | float)
        if not value >= minimum:  # nor a number at all, as float("nan")
            raise ValueError(f"{attribute.name} must be at least {minimum}, not {value}")
        if isinstance(default, float):  # seconds, which are counted in whole nanoseconds
            if value > limits.SETTING_S_MAX:
                raise ValueError(f"{attribute.name} must be at most {limits.SETTING_S_MAX:,} s")
            if value and not int(value * NS):
                raise ValueError(f"{attribute.name} must be 0 or a nanosecond at least")

    value: _T = field(default=default, validator=check, metadata={"help": text})
    return value


def _policy(value: ReviewPolicy | str) -> ReviewPolicy:
    try:
        return ReviewPolicy(value)
    except ValueError:
        allowed = ", ".join(repr(policy.value) for policy in ReviewPolicy)
        raise ValueError(f"review_policy must be one of {allowed}, not {value!r}") from None


@final
@frozen
class Settings:
    """What a scheduler is set to. Times are in seconds.

    Raises:
        TypeError, ValueError: a setting is of another type, or out of its bounds; the message
            names it.
    """

    wait_s: float = _setting(25.0, "how long a claim with wait holds on before it answers 204")
    max_leases_per_session: int = _setting(1, "leases that one session may hold at a time", 1)
    lease_expiries_max: int = _setting(
        limits.EXPIRIES_MAX_DEFAULT,
        "leases of a run that may expire in a row before it is parked (needs attention)",
        1,
    )
    boot_grace_s: float = _setting(30.0, "what each lease has left at least after a restart")
    starvation_s: float = _setting(300.0, "queued this long with nobody to claim it is starved")
    review_policy: ReviewPolicy = field(
        default=ReviewPolicy.NONE,
        converter=_policy,
        metadata={
            "help": "ends of runs that are reviewed (none, on_success, on_failure, always); "
            "dependents wait for the approval"
        },
    )
    review_s: float = _setting(
        float(limits.REVIEW_S_DEFAULT), "how long a review waits that names no deadline", 0.001
    )
    review_rounds_max: int = _setting(
        limits.REVIEW_ROUNDS_DEFAULT, "a rejection in this round ends the chain of reviews", 1
    )
    review_rapid_runs: int = _setting(
        limits.REVIEW_RAPID_RUNS_DEFAULT,
        "runs made by rejections that may end within the window before that ends a chain, too",
        1,
    )
    review_rapid_window_s: float = _setting(
        float(limits.REVIEW_RAPID_WINDOW_S_DEFAULT), "the window of review_rapid_runs"
    )
    delivery_s: float = _setting(
        float(limits.DELIVERY_S_DEFAULT),
        "how long a webhook message is retried before it is listed as undelivered",
    )
    require_registration: bool = _setting(
        False, "refuse sessions that were not registered before their first call"
    )
    allow_agent_force: bool = _setting(True, "let agents pause tasks and force runs")
    max_self_registered: int = _setting(
        limits.SELF_REGISTERED_MAX, "self-registered sessions kept in memory", 1
    )
    self_registered_idle_s: float = _setting(
        float(limits.SELF_REGISTERED_IDLE_S), "idle time after which such a session is dropped"
    )
    ended_session_s: float = _setting(
        float(limits.ENDED_SESSION_S), "how long the id of an ended session is refused"
    )
    session_away_s: float = _setting(
        float(limits.SESSION_AWAY_S),
        "a session that has not called for so long is not counted as one that could claim",
    )
    idempotency_s: float = _setting(
        float(limits.IDEMPOTENCY_S), "how long what was done under an idempotency key is known"
    )
    retain_finished_s: float = _setting(
        0.0,
        "how long finished tasks are kept after their last event, give or take a minute;"
        " 0: for ever",
    )
    retain_finished_count: int = _setting(
        0, "how many finished tasks are kept, those that were active last; 0: all"
    )
    retain_deleted_s: float = _setting(
        0.0,
        "how long the ids of deleted tasks stay taken, at least idempotency_s and to the next"
        " checkpoints; 0: for ever",
    )
    max_residents: int = _setting(
        limits.RESIDENTS_DEFAULT, "task actors in memory at a time, about 5 KB each", 1
    )
    max_mailbox: int = _setting(limits.MAILBOX_MAX, "messages that may wait for one actor", 1)
    max_claimers: int = _setting(65_536, "claims that may wait for the scheduler", 1)
    drain_s: float = _setting(60.0, "how long a drain waits that names no time")
    idle_s: float = _setting(60.0, "idle time after which a task leaves memory")
    checkpoint_s: float = _setting(30.0, "time between checkpoints while there is work", 0.01)
    checkpoint_records: int = _setting(
        20_000, "records in the log's tail that start a checkpoint before its time", 1
    )

    @property
    def review_rules(self) -> ReviewRules:
        """What the core's decisions need of the review settings."""
        return ReviewRules(
            policy=self.review_policy,
            timeout_ns=int(self.review_s * NS),
            rounds_max=self.review_rounds_max,
            rapid_runs=self.review_rapid_runs,
            rapid_window_ns=int(self.review_rapid_window_s * NS),
        )
