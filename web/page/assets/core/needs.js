// How much needs somebody, wherever one is in the page.
import { get } from './api.js';
import { changed } from './paint.js';
import { app } from './state.js';

/** What is blocked waits by itself, as a rule; what is archived is done with. */
const LANES = ['approvals', 'failed_runs', 'my_work'];

/** The number that an inbox makes. */
export const needsSomebody = (inbox) => (inbox.groups ?? [])
  .filter((group) => LANES.includes(group.lane))
  .reduce((all, group) => all + group.count, 0);

export async function loadNeeds() {
  try {
    app.inboxCount = needsSomebody((await get('api/observe/tasks/inbox', { limit: 1 })).body.inbox);
    changed();
  } catch { /* the view that is shown says what is wrong */ }
}
