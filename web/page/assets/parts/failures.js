// The tasks whose latest run has failed and was not dealt with. Their status does not say so: while
// attempts are left they are ready again.
import { html } from '../core/html.js';
import { get } from '../core/api.js';
import { to } from '../core/router.js';
import { badge } from './basic.js';
import { Part } from '../views/base.js';

const KNOWN_MAX = 500;

export class Failures extends Part {
  constructor() {
    super(async () => {
      const { groups = [] } = (await get('api/observe/tasks/inbox', { lane: 'failed_runs', limit: KNOWN_MAX })).body.inbox;
      return new Map(groups.flatMap(({ items = [] }) => items).filter(({ run }) => run).map(({ task, run }) => [task.id, run]));
    });
  }

  /** What an event says of it. */
  take({ timeline: { task, run } }) {
    if (!run || !this.value) return;
    if (['failed', 'needs_attention'].includes(run.status)) this.value.set(task.id, run);
    else this.value.delete(task.id);
  }

  /** The run of a task that needs somebody, as a badge that leads to it; else undefined. */
  badge(taskId) {
    const run = this.value?.get(taskId);
    return run && html`<a href=${to('run', { id: run.id })}>${badge(run.status)}</a>`;
  }
}
