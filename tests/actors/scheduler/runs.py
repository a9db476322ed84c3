"""Queued runs and what they demand, made directly."""

from typing import Any

from attrs import evolve

from chargehand.actors.task.eligibility import Demands, QueuedRun

NONE: frozenset[str] = frozenset()
_DEMANDED = tuple(field.name for field in Demands.__attrs_attrs__)


def a_queued_run(run_id: str, **fields: Any) -> QueuedRun:
    """A run of the channel `build` in a workspace, of its own task, but for what is given."""
    demands = Demands("ws", "build", None, NONE, NONE, None)
    run = QueuedRun(-20, 1, run_id, f"task of {run_id}", 1, demands)
    return changed(run, **fields)


def changed(run: QueuedRun, **fields: Any) -> QueuedRun:
    """Args: fields: of the run, with its weight as it is, or of its demands."""
    demanded = {name: fields.pop(name) for name in _DEMANDED if name in fields}
    if "weight" in fields:
        fields["weight"] = -fields["weight"]
    return run._replace(demands=evolve(run.demands, **demanded), **fields)
