"""Catalogs whose tasks at rest are heads as the store has them."""

from chargehand.actors.task.head import AtRest, stored_heads
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.catalog import Catalog
from chargehand.persistence.snapshots import decode_head, encode_snapshot, slim_state


def new_catalog(on_known=lambda state: None) -> Catalog:
    return Catalog(slim_state, on_known)


def as_stored(state: TaskState) -> AtRest:
    """As a start finds it."""
    value = encode_snapshot(state).head
    (stored,) = stored_heads([decode_head(state.id.encode(), value)])
    return stored


def restarted(catalog: Catalog) -> Catalog:
    """The catalog of a server that starts from what is in another one's."""
    states = list(catalog)
    again = new_catalog()
    again.restore(
        [as_stored(state) for state in states],
        last_seq=max((state.last_seq for state in states), default=0),
        triaged_seq=max((state.last_seq for state in states if state.triage), default=0),
    )
    return again
