// What runs next, and why not yet?
import { html, nothing } from '../core/html.js';
import { get } from '../core/api.js';
import { cut, number } from '../core/format.js';
import { scheduler } from '../core/needs.js';
import { change, to } from '../core/router.js';
import { chooseAction, actionButtons } from '../actions/perform.js';
import { RUN_ACTIONS } from '../actions/runs.js';
import { TASK_ACTIONS } from '../actions/tasks.js';
import { BULK_RUNS, HELD_RUNS, bulkBar } from '../actions/bulk.js';
import { ago, at, loading, note, refusal, runLink, taskLink } from '../parts/basic.js';
import { about, diagnostics, nextStep, waitsFor } from '../parts/inspection.js';
import { List } from '../parts/list.js';
import { seldom } from './base.js';

const PAGE = 50;
const AT_ONCE = 4;
const REACHES_DOWN = new Set(['task.paused', 'task.resumed']);
const INSPECTED_MAX = 100;

/** A pause of the scheduler is on every row, and above the table: what is a row's own comes first. */
const ownFirst = (one, other) => (one.code === 'scheduler_paused') - (other.code === 'scheduler_paused');

/** Why each row waits, as the server says it: asked a few at a time, and again when its task changes. */
class Reasons {
  constructor(onNews) {
    this.known = new Map();
    this.waiting = new Map();
    this.underWay = 0;
    this.onNews = onNews;
    this.isClosed = false;
  }

  of(row, version) {
    const found = this.known.get(row.run.id);
    if (found?.version !== version && !this.waiting.has(row.run.id) && this.known.size + this.waiting.size < INSPECTED_MAX * 4) {
      this.waiting.set(row.run.id, version);
      this.next();
    }
    return found ?? null;
  }

  next() {
    if (this.underWay >= AT_ONCE || this.isClosed) return;
    const [first] = [...this.waiting].filter(([, version]) => version !== null);
    if (!first) return;
    const [id, version] = first;
    this.waiting.set(id, null);
    this.underWay += 1;
    get(`api/runs/${encodeURIComponent(id)}/inspect`).then(
      ({ body }) => this.known.set(id, { version, inspect: body.inspect }),
      (error) => this.known.set(id, { version, error }),
    ).finally(() => {
      this.waiting.delete(id);
      this.underWay -= 1;
      this.onNews();
      this.next();
    });
    this.next();
  }
}

export class Queue {
  constructor(params) {
    this.params = params;
    this.round = 0;
    this.make();
    this.schedulerAgain = seldom(1000, () => scheduler.load());
  }

  make() {
    this.list?.close();
    const done = () => this.load();
    this.reasons = new Reasons(() => this.list.onEvents([]));
    this.list = new List({
      name: 'queue', label: 'Queued runs', nameOf: (row) => row.task.title,
      keyOf: (row) => row.run.id,
      keysOf: (event) => (event.timeline.run ? [event.timeline.run.id] : []),
      patch: (row, event) => (event.timeline.run.status === 'queued' ? row : null),
      mayBeNew: (event) => event.timeline.run?.status === 'queued',
      moves: () => true,
      load: async (cursor) => {
        const { body, next } = await get('api/scheduler/backlog', { limit: PAGE, include_paused: this.params.paused, scope: this.params.scope, workspace: this.params.workspace, cursor });
        return { rows: body.backlog.runs, next, total: body.backlog.total };
      },
      empty: () => html`<p class="empty calm" data-empty="nothing">No run is queued${this.params.paused ? '' : ', apart from those of paused tasks'}.</p>`,
      actOn: (row) => this.act(row),
      columns: [
        { head: '#', cell: (row) => this.list.rows.indexOf(row) + 1 },
        { head: 'Task', className: 'wide', cell: (row) => html`<button type="button" class="row-link link" aria-expanded=${this.params.open === row.run.id} @click=${() => this.toggle(row)}><span class="offscreen">Details of </span>${this.params.open === row.run.id ? '▾' : '▸'}</button> ${taskLink(row.task)}` },
        { head: 'Why it waits', className: 'wide', cell: (row) => this.why(row) },
        { head: 'Priority', cell: (row) => row.task.priority },
        { head: 'Attempt', cell: (row) => `${row.run.attempt} of ${row.task.max_attempts}` },
        { head: 'Queued', cell: (row) => ago(row.run.queued_at) },
        { head: 'Actions', cell: (row) => html`<button type="button" class="small quiet" aria-label=${`Actions for ${cut(row.task.title, 100)}`} @click=${() => this.act(row)}>…</button>` },
      ],
      below: (row) => (this.params.open === row.run.id ? html`<tr class="opened"><td colspan="8">${this.opened(row)}</td></tr>` : nothing),
    });
    this.done = done;
  }

  act(row) {
    chooseAction(row.task.title, [
      ...TASK_ACTIONS.filter((action) => !action.when || action.when(row.task)),
      ...RUN_ACTIONS.filter((action) => !action.when || action.when(row.run)).map((action) => ({
        ...action, when: undefined, path: (_, texts) => action.path(row.run, texts), says: () => action.says(row.run), command: (_, texts) => action.command(row.run, texts),
      })),
    ], row.task, this.done);
  }

  toggle(row) { change({ open: this.params.open === row.run.id ? undefined : row.run.id }, { replace: true }); }

  title() { return 'Queue'; }

  load() {
    this.round += 1;
    this.list.reload();
    scheduler.load();
  }

  shown() { if (this.list.isStale) this.load(); }

  follow(params) {
    const isOther = params.paused !== this.params.paused || params.scope !== this.params.scope || params.workspace !== this.params.workspace;
    this.params = params;
    if (isOther) { this.make(); this.load(); }
    return true;
  }

  close() {
    this.list.close();
    this.reasons.isClosed = true;
    this.schedulerAgain.cancel();
  }

  onEvents(events) {
    this.list.onEvents(events);
    // What happens to a task changes its row; a pause above it does not.
    if (events.some(({ type }) => REACHES_DOWN.has(type))) this.round += 1;
    if (!this.list.isFrozen) this.schedulerAgain();
  }

  /** Dispatch, and who may claim what: both may be the reason for which a row waits. */
  onChanged() {
    this.round += 1;
    this.list.onEvents([]);
  }

  onKey(key) { return this.list.onKey(key); }

  why(row) {
    const found = this.reasons.of(row, `${row.task.latest_event_seq}.${this.round}`);
    if (!found) return html`<span class="none">…</span>`;
    if (found.error) return html`<span class="none">${found.error.status === 404 ? 'gone' : found.error.message}</span>`;
    const { diagnostics: list = [], next_action: next } = found.inspect;
    return list.length ? [...list].sort(ownFirst).map((one) => html`<div>${one.title}<small class="line">${this.exactly(one, row)}</small></div>`) : nextStep(next);
  }

  /** What of a reason is this row's own. */
  exactly(one, { task, run }) {
    if (one.code === 'task_paused' && task.paused_reason) return cut(task.paused_reason, 200);
    return waitsFor(one, task.dependencies) ?? about(one.message, { taskId: task.id, runId: run.id });
  }

  opened(row) {
    const found = this.reasons.known.get(row.run.id);
    if (!found?.inspect) return loading;
    return html`${nextStep(found.inspect.next_action)} ${diagnostics(found.inspect.diagnostics, { taskId: row.task.id, runId: row.run.id })}
      <p>${runLink(row.run)} · queued at ${at(row.run.queued_at)} ${row.task.effective_paused ? note('Paused', 'warn') : nothing}</p>
      ${actionButtons(TASK_ACTIONS, row.task, this.done)}`;
  }

  render() {
    const { value: status, error } = scheduler;
    return html`<h1>Queue</h1>
      ${refusal(error)}
      ${status ? html`<p class="headline">${number(status.queued_run_count)} queued, ${number(status.active_claim_count)} claimed. ${status.paused ? 'Nothing here is given to anybody.' : 'The first that an agent may claim is given next.'}</p>` : nothing}
      <p><label><input type="checkbox" .checked=${this.params.paused === 'true'} @change=${(event) => change({ paused: event.target.checked ? 'true' : undefined })}> Runs of paused tasks too</label></p>
      ${bulkBar(this.list, [BULK_RUNS[1], HELD_RUNS[1]], { toRow: (row) => ({ id: row.run.id, title: row.task.title, status: row.run.status }) })}
      ${this.list.table()}`;
  }
}
