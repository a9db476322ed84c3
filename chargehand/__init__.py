"""A scheduler for durable agent work: what a program imports. All below is internal.

`actors/`, `persistence/` and `web/` are links to the folders of the repository, which are imported
as `chargehand.actors` and so on, in the checkout as where it is installed.

A name is loaded when it is first used, so that the command line, which needs none, starts fast.
"""

TYPE_CHECKING = False  # as of `typing`, which takes longer to load than all of this

if TYPE_CHECKING:
    from chargehand.actors.boot_clock import BootClock
    from chargehand.actors.ports import StorageError
    from chargehand.actors.settings import Settings
    from chargehand.actors.task.choices import ReviewPolicy
    from chargehand.web.agents.api import Api
    from chargehand.web.agents.claims import Agent, Claim
    from chargehand.web.agents.endings import Ending, Fail, NeedsPerson, Release
    from chargehand.web.agents.errors import (
        BatchRefused,
        ChargehandError,
        LeaseLost,
        OpenError,
        Refused,
        Unavailable,
    )
    from chargehand.web.agents.local import LocalSystem
    from chargehand.web.agents.metrics import PoolMetrics
    from chargehand.web.agents.new_task import NewTask
    from chargehand.web.agents.opening import open_system
    from chargehand.web.agents.pool import AgentPool
    from chargehand.web.agents.shown import Event, Run, Task
    from chargehand.web.agents.webhooks import WebhookBridge
    from chargehand.web.client.blocking import BlockingClient
    from chargehand.web.client.client import Client

__all__ = [
    "Agent",
    "AgentPool",
    "Api",
    "BatchRefused",
    "BlockingClient",
    "BootClock",
    "ChargehandError",
    "Claim",
    "Client",
    "Ending",
    "Event",
    "Fail",
    "LeaseLost",
    "LocalSystem",
    "NeedsPerson",
    "NewTask",
    "OpenError",
    "PoolMetrics",
    "Refused",
    "Release",
    "ReviewPolicy",
    "Run",
    "Settings",
    "StorageError",
    "Task",
    "Unavailable",
    "WebhookBridge",
    "open_system",
]

_HOMES = {
    "actors.boot_clock": ("BootClock",),
    "actors.ports": ("StorageError",),
    "actors.settings": ("Settings",),
    "actors.task.choices": ("ReviewPolicy",),
    "web.agents.api": ("Api",),
    "web.agents.claims": ("Agent", "Claim"),
    "web.agents.endings": ("Ending", "Fail", "NeedsPerson", "Release"),
    "web.agents.errors": (
        "BatchRefused",
        "ChargehandError",
        "LeaseLost",
        "OpenError",
        "Refused",
        "Unavailable",
    ),
    "web.agents.local": ("LocalSystem",),
    "web.agents.metrics": ("PoolMetrics",),
    "web.agents.new_task": ("NewTask",),
    "web.agents.opening": ("open_system",),
    "web.agents.pool": ("AgentPool",),
    "web.agents.shown": ("Event", "Run", "Task"),
    "web.agents.webhooks": ("WebhookBridge",),
    "web.client.blocking": ("BlockingClient",),
    "web.client.client": ("Client",),
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
