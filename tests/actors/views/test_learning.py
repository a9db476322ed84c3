"""What a start leaves to be worked out of stored tasks."""

from chargehand.actors.views.catalog import Catalog
from chargehand.persistence.snapshots import slim_state
from tests.actors.views.catalogs import as_stored
from tests.actors.views.states import a_task


def test_each_stored_task_is_reported_once_as_it_is_given_an_object():
    """Few of them make garbage, but the collector must not find them all at once."""
    came: list[int] = []
    catalog = Catalog(slim_state, came=came.append)
    states = [a_task(f"t{n}", latest_event_seq=n + 1, last_seq=n + 1) for n in range(700)]
    catalog.restore([as_stored(state) for state in states], last_seq=700, triaged_seq=0)
    assert came == []
    assert catalog.get("t5") == states[5]
    assert catalog.get("nobody") is None
    assert len(catalog) == 700
    assert sum(came) == 1
    before = 1
    for _ in catalog.learning():
        assert sum(came) - before <= 64
        before = sum(came)
    assert sum(came) == 700
    assert sorted(state.id for state in catalog) == sorted(state.id for state in states)
