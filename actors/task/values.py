"""What a field may hold besides texts, numbers and choices.

Apart from the states, since the rules for values and the fields of several classes need them.
"""

from typing import NewType, final

from chargehand.actors.frozen import frozen
from chargehand.actors.task.choices import OwnerKind

Json = NewType("Json", bytes)
"""A JSON text as the caller gave it, never parsed inside."""


@final
@frozen
class Owner:
    kind: OwnerKind
    ref: str
