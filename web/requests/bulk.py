"""Bodies of the operations on many runs at once."""

from typing import final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.state import Json


@final
@frozen
class BulkRunRequest:
    """Of both; the core says where a reason is due."""

    run_ids: tuple[str, ...]
    reason: str | None = None
    metadata: Json | None = None
