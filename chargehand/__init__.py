"""A scheduler for durable agent work: what a program imports. All below is internal.

`actors/`, `persistence/` and `web/` are links to the folders of the repository, which are imported
as `chargehand.actors` and so on, in the checkout as where it is installed.

A name is loaded when it is first used, so that the command line, which needs none, starts fast.
"""

TYPE_CHECKING = False  # as of `typing`, which takes longer to load than all of this

if TYPE_CHECKING:
    from chargehand.actors.boot_clock import BootClock
    from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, agent_actor, origin
    from chargehand.actors.lifecycle import run_system
    from chargehand.actors.scheduler.commands import ClaimNext
    from chargehand.actors.task.commands import CompleteLease, CreateTask, StartTask
    from chargehand.actors.task.state import Json, Scope
    from chargehand.persistence.opening import open_journal

__all__ = [
    "LOCAL_USER",
    "BootClock",
    "Caller",
    "ClaimNext",
    "CompleteLease",
    "CreateTask",
    "Json",
    "OriginKind",
    "Scope",
    "StartTask",
    "agent_actor",
    "open_journal",
    "origin",
    "run_system",
]

_HOMES = {
    "actors.boot_clock": ("BootClock",),
    "actors.identity": ("LOCAL_USER", "Caller", "OriginKind", "agent_actor", "origin"),
    "actors.lifecycle": ("run_system",),
    "actors.scheduler.commands": ("ClaimNext",),
    "actors.task.commands": ("CompleteLease", "CreateTask", "StartTask"),
    "actors.task.state": ("Json", "Scope"),
    "persistence.opening": ("open_journal",),
}


if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for home, names in _HOMES.items():
            if name in names:
                found: object = getattr(import_module(f"{__name__}.{home}"), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
