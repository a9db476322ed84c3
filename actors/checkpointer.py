"""When to fold the log into tables: by time while there is work, or as its tail grows long."""

from typing import final

import trio

from chargehand.actors.directory import Directory
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.outbox import Outbox
from chargehand.actors.ports import Forgetting, Journal
from chargehand.actors.retention.actor import Retention
from chargehand.actors.settings import Settings
from chargehand.actors.views.catalog import Catalog

_COOLED_STEP = 256  # tasks that are kept as heads from then on, between two checkpoints of Trio
_LOOK_S = 0.25  # how often the tail's length is looked at


@final
class Checkpointer:
    def __init__(
        self,
        journal: Journal,
        outbox: Outbox,
        directory: Directory,
        catalog: Catalog,
        keys: Keys,
        retention: Retention,
        settings: Settings,
    ) -> None:
        self._journal = journal
        self._outbox = outbox
        self._directory = directory
        self._catalog = catalog
        self._keys = keys
        self._retention = retention
        self._settings = settings

    async def run(self) -> None:
        """Checkpoint and passivate until canceled."""
        step_s = min(_LOOK_S, self._settings.checkpoint_s)
        last = trio.current_time()
        while True:
            await trio.sleep(step_s)
            due = trio.current_time() - last >= self._settings.checkpoint_s
            tail = self._journal.tail_records
            if tail and (due or tail >= self._settings.checkpoint_records):
                await self.checkpoint()
                last = trio.current_time()
            if due:
                last = trio.current_time()
                while self._directory.passivate_idle(self._settings.idle_s):
                    await trio.lowlevel.checkpoint()

    async def checkpoint(self) -> None:
        """Fold what is committed now, and keep the heads of what is folded."""
        forgetting = Forgetting(self._keys.forgets_before_ns, self._retention.frees_ids_before_ns)
        await self._journal.checkpoint(self._outbox.outstanding(), forgetting)
        left = self._catalog.whole_count
        while left > 0:
            self._catalog.cool_down(self._journal.reads, min(_COOLED_STEP, left))
            left -= _COOLED_STEP
            await trio.lowlevel.checkpoint()
