"""One handler for each operation: decode, ask the core, show. Grouped by area; `ROUTES` is all.

The handlers know no framework, so any lane that makes a `web.call.Call` can serve them.
"""

from chargehand.web.call import Routes
from chargehand.web.routes import (
    agent,
    batches,
    bulk,
    bulk_runs,
    bulk_tasks,
    dependencies,
    description,
    force,
    health,
    inspect,
    lists,
    new_tasks,
    observe,
    profiles,
    registry,
    reviews,
    runs,
    scheduler,
    streams,
    subscriptions,
    tasks,
    triage,
)

ROUTES: Routes = {
    **agent.ROUTES,
    **batches.ROUTES,
    **scheduler.ROUTES,
    **tasks.ROUTES,
    **new_tasks.ROUTES,
    **dependencies.ROUTES,
    **streams.ROUTES,
    **runs.ROUTES,
    **lists.ROUTES,
    **force.ROUTES,
    **bulk.ROUTES,
    **bulk_tasks.ROUTES,
    **bulk_runs.ROUTES,
    **inspect.ROUTES,
    **reviews.ROUTES,
    **observe.ROUTES,
    **registry.ROUTES,
    **profiles.ROUTES,
    **triage.ROUTES,
    **subscriptions.ROUTES,
    **health.ROUTES,
    **description.ROUTES,
}
