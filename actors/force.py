"""Force operations by agents: allowed by a setting, and no more than ten a minute on one task."""

from collections import OrderedDict
from typing import final

from chargehand.actors import actions, limits
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import Actor, Caller
from chargehand.actors.limits import NS
from chargehand.actors.task import commands as c

FORCE_COMMANDS = (
    c.ForceRelease,
    c.ForceFail,
    c.RetryRun,
    c.RecoverRun,
    c.PauseTask,
    c.ResumeTask,
)
_WINDOWS_MAX = 10_000  # agents and tasks remembered; the oldest are forgotten


@final
class ForceGuard:
    """Counts every attempt, in fixed windows; people and the system are not counted."""

    def __init__(self, clock: Clock, *, allow_agents: bool) -> None:
        self._clock = clock
        self._allow_agents = allow_agents
        self._windows: OrderedDict[tuple[Actor, str], tuple[int, int]] = OrderedDict()

    def check(self, caller: Caller, task_id: str, *, counts: bool = True) -> None:
        """
        Args:
            counts: it is an attempt; else it is only asked whether one would be allowed.

        Raises:
            Rejected: FORBIDDEN_OPERATOR_ACTION, FORCE_OP_RATE_LIMITED.
        """
        if not caller.is_agent:
            return
        if not self._allow_agents:
            raise Rejected(
                Code.FORBIDDEN_OPERATOR_ACTION,
                "this server lets only operators pause tasks and force runs",
                "ask an operator, or set allow_agent_force",
                area="task.force",
                evidence={"actor_kind": caller.actor.kind.value, "actor_id": caller.actor.ref},
            )
        now_ns = self._clock.steady_ns()
        key = (caller.actor, task_id)
        started_ns, used = self._windows.get(key, (now_ns, 0))
        if now_ns - started_ns >= limits.FORCE_WINDOW_S * NS:
            started_ns, used = now_ns, 0
        if counts:
            self._windows[key] = (started_ns, used + 1)
            self._windows.move_to_end(key)
            if len(self._windows) > _WINDOWS_MAX:
                self._windows.popitem(last=False)
        if used >= limits.FORCE_OPS_MAX:
            raise Rejected(
                Code.FORCE_OP_RATE_LIMITED,
                f"more than {limits.FORCE_OPS_MAX} force operations in"
                f" {limits.FORCE_WINDOW_S} s on {task_id}",
                "wait until the minute is over",
                action=actions.inspect_task(task_id),
                area="task.force",
                evidence={
                    "actor_kind": caller.actor.kind.value,
                    "actor_id": caller.actor.ref,
                    "task_id": task_id,
                    "limit": limits.FORCE_OPS_MAX,
                },
            )
