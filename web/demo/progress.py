"""What the event stream has shown so far."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, final

from attrs import define, field

from chargehand.web.agents.shown import Event
from chargehand.web.demo.plan import APPROVAL, ROOT, Step

RECENT_EVENTS: Final = 12

_TOLD: Final = {  # what is worth a line of its own
    "completed": "{agent} has completed {title}",
    "task.run_failed": "{agent} has failed at {title}: {error}",
    "task.run_operator_retry": "the operator retries {title}",
    "task.run_lease_expired": "{agent} was lost and its lease ran out; {title} is queued again",
    "task.run_needs_attention": "{title} is parked, as its lease ran out again and again",
    "task.run_recovered_from_attention": "the operator recovers {title}",
    "task.run_claimed": "{agent} takes the place of {lost}, and takes {title}",
    "task.approved": "the operator approves {title}",
}


@final
@define(eq=False)
class Progress:
    """Folded from events alone, as any client could."""

    steps: dict[str, Step]  # by task id
    status: dict[str, str] = field(factory=dict)  # by task id
    working: dict[str, str] = field(factory=dict)  # session -> title
    counts: Counter[str] = field(factory=Counter)  # events by type
    recent: deque[str] = field(factory=lambda: deque(maxlen=RECENT_EVENTS))
    _replacements: set[str] = field(factory=set, init=False)

    @property
    def events(self) -> int:
        return self.counts.total()

    @property
    def is_over(self) -> bool:
        return self.has_completed(ROOT)

    @property
    def may_be_approved(self) -> bool:
        """Whether nothing but the approval itself holds the rollout up."""
        step = next(step for step in self.steps.values() if step.key == APPROVAL)
        return all(self.has_completed(key) for key in step.after)

    def has_completed(self, key: str) -> bool:
        return any(
            status == "completed" and self.steps[task_id].key == key
            for task_id, status in self.status.items()
        )

    def completed_of(self, keys: Sequence[str]) -> int:
        wanted = set(keys)
        return sum(
            status == "completed" and self.steps[task_id].key in wanted
            for task_id, status in self.status.items()
        )

    def note(self, line: str) -> None:
        """A line of another's, among those of events."""
        self.recent.append(line)

    def take(self, event: Event) -> str | None:
        """Fold one event in; the line about it, if it is worth one."""
        self.counts[event.type] += 1
        actor = _actor(event)
        step = self.steps.get(event.task_id)
        if step is None:
            return None
        match event.type:
            case "task.created" | "task.status_changed":
                status = self.status[event.task_id] = str(event.payload["status"])
                return self._line(status, actor, step)
            case "task.run_claimed":
                self.working[actor] = step.title
                return self._first_of_a_replacement(actor, event.type, step)
            case "task.run_completed" | "task.run_failed":
                self.working.pop(actor, None)
            case "task.run_lease_expired":
                lost = [who for who, title in self.working.items() if title == step.title]
                for who in lost:
                    del self.working[who]
                agent = ", ".join(lost) or "an agent"
                return self._line(event.type, agent, step)
            case _:
                pass
        return self._line(event.type, actor, step)

    def _first_of_a_replacement(self, actor: str, what: str, step: Step) -> str | None:
        """A claim is worth a line only where an agent that was lost comes back as another."""
        name, _, life = actor.partition("-")
        if not life or actor in self._replacements:
            return None
        self._replacements.add(actor)
        return self._line(what, actor, step, lost=name)

    def _line(self, what: str, agent: str, step: Step, lost: str = "") -> str | None:
        template = _TOLD.get(what)
        if template is None:
            return None
        line = template.format(agent=agent, title=step.title, error=step.error, lost=lost)
        self.recent.append(line)
        return line


def _actor(event: Event) -> str:
    """Who did it, without what kind of actor that is."""
    return event.actor.partition(":")[2]
