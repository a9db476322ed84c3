// What all views tell: how much needs somebody, and whether dispatch is paused.
import { get } from './api.js';
import { changed } from './paint.js';
import { app } from './state.js';
import { Part } from '../views/base.js';

export const scheduler = new Part(async () => (await get('api/scheduler')).body.scheduler);

/** What is blocked waits by itself, as a rule; what is archived is done with. */
const LANES = ['approvals', 'failed_runs', 'my_work'];

/** As many as anybody wants to know of. */
export const OPEN_REVIEWS = { status: 'requested,routed,in_review', limit: 100 };

/** The number that an inbox makes. */
export const needsSomebody = (inbox) => (inbox.groups ?? [])
  .filter((group) => LANES.includes(group.lane))
  .reduce((all, group) => all + group.count, 0);

export async function loadNeeds() {
  try {
    const [inbox, reviews] = await Promise.all([get('api/observe/tasks/inbox', { limit: 1 }), get('api/task-reviews', OPEN_REVIEWS)]);
    app.reviewCount = reviews.body.reviews.length;
    app.inboxCount = needsSomebody(inbox.body.inbox);
    changed();
  } catch { /* the view that is shown says what is wrong */ }
}
