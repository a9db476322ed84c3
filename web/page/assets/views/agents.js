// Who holds what, since when, and does it move?
import { html, nothing } from '../core/html.js';
import { get } from '../core/api.js';
import { number, nowMs, plural } from '../core/format.js';
import { to } from '../core/router.js';
import { ACTIVE_RUN } from '../core/words.js';
import { BULK_RUNS, HELD_RUNS, bulkBar } from '../actions/bulk.js';
import { actionButtons, chooseAction } from '../actions/perform.js';
import { RUN_ACTIONS, endSession, release } from '../actions/runs.js';
import { ago, at, badge, left, loading, note, nothingYet, refusal, shortRunLink, taskLink } from '../parts/basic.js';
import { List } from '../parts/list.js';
import { Part, seldom } from './base.js';

const PAGE = 100;
const QUIET_MS = 10 * 60 * 1000;

/** Alive is not the same as moving: a heartbeat says the first. */
function movement(run) {
  if (run.status === 'claimed') return nowMs() - Date.parse(run.claimed_at) > QUIET_MS ? note('Claimed, and not started', 'warn') : nothing;
  if (!run.lease_until) return nothing;
  const endMs = Date.parse(run.lease_until);
  const beatMs = Date.parse(run.heartbeat_at);
  if (endMs < nowMs()) return note('Lease expired', 'bad');
  // An agent that lives sends the next one long before the lease is over.
  if (nowMs() - beatMs > (endMs - beatMs) / 2) return note('No recent heartbeat', 'warn');
  return nothing;
}

export class Agents {
  constructor() {
    this.sessions = new Part(async () => (await get('api/sessions')).body.sessions);
    const done = () => this.load();
    this.done = done;
    this.list = new List({
      name: 'held', label: 'Runs that are held', nameOf: (row) => row.task.title,
      keyOf: (row) => row.run.id,
      keysOf: (event) => (event.timeline.run ? [event.timeline.run.id] : []),
      patch: (row, event) => (ACTIVE_RUN.has(event.timeline.run.status) ? { run: event.timeline.run, task: event.timeline.task } : null),
      mayBeNew: (event) => Boolean(event.timeline.run) && ACTIVE_RUN.has(event.timeline.run.status),
      load: async (cursor) => {
        const { body, next } = await get('api/runs', { status: 'active', limit: PAGE, cursor });
        // The lease that ends first needs somebody first.
        const rows = body.runs.sort((one, other) => (one.run.lease_until ?? '9').localeCompare(other.run.lease_until ?? '9'));
        return { rows, next };
      },
      empty: () => html`<p class="empty calm" data-empty="nothing">No run is held by anybody.</p>`,
      actOn: (row) => chooseAction(row.run.id, RUN_ACTIONS, row.run, done),
      columns: [
        { head: 'Held by', cell: (row) => this.holder(row.run) },
        { head: 'Task', className: 'wide', cell: (row) => html`${taskLink(row.task)} <small>${shortRunLink(row.run)}</small>` },
        { head: 'Status', cell: (row) => html`${badge(row.run.status)} ${movement(row.run)}` },
        { head: 'Since', cell: (row) => ago(row.run.claimed_at) },
        { head: 'Lease', cell: (row) => left(row.run.lease_until) },
        { head: 'Last heartbeat', cell: (row) => ago(row.run.heartbeat_at) },
        { head: 'Actions', cell: (row) => html`<div class="actions">${this.takeAway(row.run)}
          <button type="button" class="small quiet" aria-label=${`More for ${row.run.id}`} @click=${() => chooseAction(row.run.id, RUN_ACTIONS, row.run, done)}>…</button></div>` },
      ],
    });
    // Whoever registers, or ends a run, waits for work a moment later.
    this.sessionsAgain = seldom(3000, () => this.sessions.load(), 500);
  }

  title() { return 'Agents'; }

  load() {
    this.list.reload();
    this.sessions.load();
  }

  shown() { if (this.list.isStale) this.load(); }

  close() {
    this.list.close();
    this.sessionsAgain.cancel();
  }

  onEvents(events) {
    this.list.onEvents(events);
    this.sessionsAgain();
  }

  onChanged(what) { if (what === 'registry') this.sessionsAgain(); }

  onKey(key) { return this.list.onKey(key); }

  session(run) { return this.sessions.value?.find((one) => one.id === run.session_id); }

  holder(run) {
    const session = this.session(run);
    const name = session?.agent_name ?? run.claimed_by?.ref ?? '–';
    const called = session ? session.name ?? session.id : run.session_id && `${run.session_id} (gone)`;
    return html`<strong>${name}</strong>${called && called !== name ? html` <small>${called}</small>` : nothing}`;
  }

  /** How a run is had back: while it is only claimed by itself, else with all that its session has. */
  takeAway(run) {
    const session = this.session(run);
    if (release.when(run)) return actionButtons([release], run, this.done, { all: true });
    return session ? actionButtons([endSession], session, this.done, { all: true }) : nothing;
  }

  render() {
    const sessions = this.sessions.value;
    const busy = new Set(this.list.rows.map((row) => row.run.session_id));
    return html`<h1>Agents</h1>
      ${bulkBar(this.list, [...HELD_RUNS, BULK_RUNS[1]], { toRow: (row) => ({ id: row.run.id, title: row.task.title, status: row.run.status }) })}
      ${this.list.table()}
      <section aria-labelledby="sessions"><h2 id="sessions">Sessions</h2>
        ${refusal(this.sessions.error)}
        ${!sessions ? loading : !sessions.length ? nothingYet('No agent has registered a session.', 'chargehand session register builder') : html`
          <p>${plural(sessions.length, 'session')}, ${number(sessions.filter((one) => !busy.has(one.id)).length)} without a run, ${plural(sessions.reduce((all, one) => all + (one.waiting_claims ?? 0), 0), 'claim')} waiting for one.</p>
          <div class="table-frame" tabindex="0" role="group" aria-label="Sessions, scrollable"><table><caption class="offscreen">Sessions</caption><thead><tr><th scope="col">Agent</th><th scope="col">Session</th><th scope="col">Does</th><th scope="col">Capabilities</th><th scope="col">Registered</th><th scope="col">Actions</th></tr></thead>
            <tbody>${sessions.map((one) => html`<tr><td data-head="Agent">${one.agent_name}</td><td data-head="Session">${one.name ?? one.id}</td>
              <td data-head="Does">${busy.has(one.id) ? html`<a href=${to('work', { show: 'runs', filter: `status:active session:${one.id}` })}>holds ${plural(this.list.rows.filter((row) => row.run.session_id === one.id).length, 'run')}</a>` : one.waiting_claims ? note('Waits for work', 'good') : note('Idle', 'quiet')}</td>
              <td data-head="Capabilities">${(one.capabilities ?? []).join(', ') || html`<span class="none">–</span>`}</td><td data-head="Registered">${at(one.created_at)}</td>
              <td data-head="Actions">${actionButtons([endSession], one, this.done, { all: true })}</td></tr>`)}</tbody></table></div>`}
      </section>`;
  }
}
