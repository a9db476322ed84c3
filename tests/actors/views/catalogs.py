"""Catalogs whose tasks at rest are heads as the store has them."""

from chargehand.actors.task.state import TaskState
from chargehand.actors.views.catalog import Catalog
from chargehand.persistence.snapshots import decode_head, encode_snapshot, slim_state


def new_catalog(on_known=lambda state: None) -> Catalog:
    return Catalog(slim_state, on_known)


def head_of(state: TaskState) -> bytes:
    value = encode_snapshot(state).head
    return decode_head(state.id.encode(), value).head


def restarted(catalog: Catalog) -> Catalog:
    """The catalog of a server that starts from what is in another one's."""
    states = sorted(catalog, key=lambda state: state.latest_event_seq)
    again = new_catalog()
    again.restore(
        [(state.id, head_of(state)) for state in states],
        last_seq=max((state.last_seq for state in states), default=0),
        triaged_seq=max((state.last_seq for state in states if state.triage), default=0),
    )
    return again
