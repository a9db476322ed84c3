// What waits for me, and has every failure been handled?
import { html, nothing } from '../core/html.js';
import { get } from '../core/api.js';
import { cut, number, telling } from '../core/format.js';
import { needsSomebody } from '../core/needs.js';
import { drawNow } from '../core/paint.js';
import { change, jump, to } from '../core/router.js';
import { app } from '../core/state.js';
import { LANES, reason } from '../core/words.js';
import { BULK_RUNS, BULK_TASKS, bulkBar, performBulk } from '../actions/bulk.js';
import { actionButtons, chooseAction, ofOther } from '../actions/perform.js';
import { RUN_ACTIONS, recover, retry } from '../actions/runs.js';
import { TASK_ACTIONS, approve, reject } from '../actions/tasks.js';
import { at, badge, noMatch, runLink, taskLink } from '../parts/basic.js';
import { List } from '../parts/list.js';

const ORDER = ['approvals', 'failed_runs', 'blocked', 'my_work', 'archived'];
const PAGE = 50;
const MANY = 500;
const AT_MOST = 10000;
const asRun = (item) => ({ id: item.run.id, title: item.task.title, status: item.run.status });
/** Events behind which a task may be in the inbox that was not there before. */
const MAY_NEED_SOMEBODY = /created|updated|published|status_changed|dependency|failed|attention|starved|without_lease|review|fail$/;

/** The latest run with its task's id, as run actions take it. */
const runOf = (item) => (item.run ? { ...item.run, id: item.run.id } : null);
const quick = (item) => [
  ...(item.lane === 'approvals' ? [approve, reject] : []),
  ...(item.run && retry.when(item.run) ? [retry] : []),
  ...(item.run && recover.when(item.run) ? [recover] : []),
];
const isOfRun = (action) => action === retry || action === recover;

export class Inbox {
  constructor(params) {
    this.params = params;
    this.groups = null;
    this.list = new List({
      name: 'inbox', label: 'Inbox', nameOf: (item) => item.task.title,
      keyOf: (item) => item.task.id,
      keysOf: (event) => [event.timeline.task.id],
      mayBeNew: (event) => MAY_NEED_SOMEBODY.test(event.type),
      moves: () => true,
      load: (cursor) => this.read(cursor),
      empty: () => this.empty(),
      actOn: (item) => this.act(item),
      columns: [
        { head: 'Task', className: 'wide', cell: (item) => html`${item.triage.read ? nothing : html`<span class="unread" title="Unread"><span class="offscreen">Unread: </span></span>`}${taskLink(item.task)}` },
        { head: 'Status', cell: (item) => badge(item.run && item.lane === 'failed_runs' ? item.run.status : item.task.status) },
        { head: 'Why', className: 'wide', cell: (item) => html`${item.run?.error ? html`<span class="error-text clamped" title=${cut(item.run.error, 2000)}>${telling(item.run.error)}</span>` : item.blocking_reason ? reason(item.blocking_reason) : item.lane === 'my_work' ? 'It is yours alone' : '–'}${item.run && item.lane === 'failed_runs' ? html` <small class="line">${runLink(item.run, `attempt ${item.run.attempt} of ${item.run.max_attempts}`)}</small>` : nothing}` },
        { head: 'Since', cell: (item) => at(item.latest_activity_at) },
        { head: 'Actions', cell: (item) => html`<div class="actions">${quick(item).map((action) => html`${actionButtons([action], isOfRun(action) ? runOf(item) : this.taskOf(item), this.done, { all: true })}`)}
          <button type="button" class="small quiet" aria-label=${`More for ${cut(item.task.title, 100)}`} @click=${() => this.act(item)}>…</button></div>` },
      ],
    });
    this.done = () => this.list.reload();
  }

  /** A reference has less than a task; what its lane says is added. */
  taskOf(item) {
    return { ...item.task, approval_state: item.approval_state, active_run: item.run };
  }

  act(item) {
    const task = this.taskOf(item);
    const ofRun = item.run ? RUN_ACTIONS.map((action) => ofOther(action, runOf(item))) : [];
    chooseAction(item.task.title, [...ofRun, ...TASK_ACTIONS], task, this.done);
  }

  get lane() { return this.params.lane ?? this.firstLane ?? 'approvals'; }

  title() { return 'Inbox'; }

  async read(cursor, limit = PAGE) {
    const query = { query: this.params.query, unread: this.params.unread };
    const counts = cursor ? null : get('api/observe/tasks/inbox', { ...query, limit: 1 });
    if (counts) {
      const { inbox } = (await counts).body;
      this.groups = inbox.groups ?? [];
      app.inboxCount = needsSomebody(inbox);
      this.firstLane = ORDER.find((lane) => this.groups.some((group) => group.lane === lane && group.count)) ?? 'approvals';
    }
    const { body, next } = await get('api/observe/tasks/inbox', { ...query, lane: this.lane, limit, cursor });
    const group = (body.inbox.groups ?? []).find((one) => one.lane === this.lane);
    return { rows: group?.items ?? [], next, total: group?.count ?? 0 };
  }

  /** Of this lane, as it is filtered, also what is not shown. */
  async retryAll() {
    const rows = [];
    let cursor;
    try {
      do {
        const page = await this.read(cursor, MANY);
        rows.push(...page.rows.filter((item) => item.run && retry.when(item.run)));
        cursor = page.next;
      } while (cursor && rows.length < AT_MOST);
    } catch (error) {
      this.list.error = error;
      drawNow();
      return;
    }
    performBulk(BULK_RUNS[0], { rows: rows.map(asRun) }, this.done, this.done);
  }

  load() { this.list.reload(); }

  shown() { if (this.list.isStale) this.load(); }

  follow(params) {
    this.params = params;
    this.list.selection.clear();
    this.list.isLoaded = false;
    this.load();
    return true;
  }

  close() { this.list.close(); }

  onEvents(events) { this.list.onEvents(events); }

  onKey(key) { return this.list.onKey(key); }

  empty() {
    if (this.params.query || this.params.unread) return noMatch(() => change({ query: undefined, unread: undefined }));
    return html`<p class="empty calm" data-empty="nothing">${{
      approvals: 'No approval is asked for.', failed_runs: 'Nothing has failed that was not dealt with.', blocked: 'Nothing is blocked.', my_work: 'Nothing is yours alone.', archived: 'Nothing is archived.',
    }[this.lane]}</p>`;
  }

  render() {
    const search = (event) => { event.preventDefault(); const { value } = event.target.elements.query; if (!jump(value)) change({ query: value || undefined }); };
    const isFailed = this.lane === 'failed_runs';
    const bulk = isFailed
      ? bulkBar(this.list, BULK_RUNS, { toRow: asRun, applies: (_, item) => Boolean(item.run) })
      : bulkBar(this.list, BULK_TASKS, { toRow: (item) => ({ id: item.task.id, title: item.task.title, status: item.task.status }) });
    const failedRows = this.list.rows.filter((item) => item.run && retry.when(item.run));
    const failed = isFailed && failedRows.length && !this.list.selection.size
      ? html`<div class="actions"><button type="button" @click=${() => this.retryAll()}>Retry all that failed</button>
        <button type="button" @click=${() => this.list.select(failedRows)}>Select the ${number(failedRows.length)} that failed${this.list.next ? ' on this page' : ''}</button></div>` : nothing;
    return html`<h1>Inbox</h1>
      <nav aria-label="Lanes"><ul class="lanes">${ORDER.map((lane) => {
    const group = this.groups?.find((one) => one.lane === lane);
    return html`<li><a href=${to('inbox', { ...this.params, lane })} aria-current=${this.lane === lane ? 'true' : nothing}>${LANES[lane]} <span class="count">${group ? number(group.count) : '–'}</span></a></li>`;
  })}<li><a href="review">Reviews <span class="count">${number(app.reviewCount)}</span></a></li></ul></nav>
      <form class="filter" role="search" @submit=${search}><label for="filter" class="offscreen">Title, identifier or id</label><input id="filter" name="query" type="search" placeholder="Title, identifier or id" .value=${this.params.query ?? ''}>
        <button type="submit">Search</button>
        <label><input type="checkbox" .checked=${this.params.unread === 'true'} @change=${(event) => change({ unread: event.target.checked ? 'true' : undefined })}> Unread only</label></form>
      ${failed}${bulk}${this.list.table()}`;
  }
}
