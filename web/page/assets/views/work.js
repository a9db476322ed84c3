// Where is X, and what is there of each kind? Tasks, or the runs of all tasks.
import { html, nothing } from '../core/html.js';
import { CallError, get, write } from '../core/api.js';
import { cut, nowMs } from '../core/format.js';
import { change, jump, to } from '../core/router.js';
import { BULK_RUNS, BULK_TASKS, HELD_RUNS, bulkBar } from '../actions/bulk.js';
import { chooseAction } from '../actions/perform.js';
import { RUN_ACTIONS } from '../actions/runs.js';
import { TASK_ACTIONS } from '../actions/tasks.js';
import { OWNERS, PRIORITIES } from '../actions/fields.js';
import { at, badge, left, noMatch, note, nothingYet, shortRunLink, taskLink } from '../parts/basic.js';
import { Failures } from '../parts/failures.js';
import { filterBar, parse } from '../parts/filter-bar.js';
import { List, patchedTask } from '../parts/list.js';

const PAGE = 50;
const TASK_TOKENS = {
  status: { values: ['draft', 'pending', 'blocked', 'ready', 'in_progress', 'completed', 'failed', 'canceled'], as: 'status' },
  priority: { values: PRIORITIES, as: 'priority' },
  owner: { values: OWNERS.map((kind) => `${kind}:`) },
  channel: { as: 'network_channel' },
  approval: { values: ['pending', 'approved', 'rejected', 'not_required'], as: 'approval_state' },
  scope: { values: ['global', 'workspace'], as: 'scope' },
  workspace: { as: 'workspace' },
  parent: { as: 'parent_task_id' },
  drafts: { values: ['true'], as: 'include_drafts' },
};
const RUN_TOKENS = {
  status: { values: ['active', 'queued', 'claimed', 'starting', 'running', 'completed', 'failed', 'canceled', 'needs_attention'], as: 'status' },
  session: { as: 'session_id' },
  agent: { as: 'agent_name' },
  task: { as: 'task_id' },
  scope: { values: ['global', 'workspace'], as: 'scope' },
  workspace: { as: 'workspace' },
  since: { values: ['10m', '1h', '1d'], as: 'since' },
  until: { as: 'until' },
};
const UNIT_MS = { s: 1000, m: 60000, h: 3600000, d: 86400000 };

/** A time as the API takes it, of `2h` as well: two hours ago. */
function timeOf(typed) {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(typed) ?? [];
  return unit ? new Date(nowMs() - count * UNIT_MS[unit]).toISOString() : typed;
}

/** The parameters of the list, which are the members of a bulk operation's filter as well. */
function queryOf(typed, names) {
  const { tokens, text } = parse(typed, names);
  const query = {};
  for (const [name, value] of Object.entries(tokens)) {
    if (name === 'owner') {
      const [kind, ...ref] = value.split(':');
      query.owner_kind = kind;
      if (ref.join(':')) query.owner_ref = ref.join(':');
    } else if (value && (name === 'since' || name === 'until')) query[name] = timeOf(value);
    else if (value) query[names[name].as] = value;
  }
  if (query.workspace) query.scope ??= 'workspace';
  if (text && names === TASK_TOKENS) query.query = text;
  return query;
}

function filterOf(query) {
  const filter = { ...query };
  if (filter.include_drafts) filter.include_drafts = filter.include_drafts === 'true';
  const narrows = Object.keys(filter).some((name) => name !== 'include_drafts');
  return narrows ? filter : { ...filter, all: true };
}

export class Work {
  constructor(params) {
    this.bar = {};
    this.failures = new Failures();
    this.take(params);
  }

  take(params) {
    this.params = params;
    this.list?.close();
    this.showsRuns = params.show === 'runs';
    this.names = this.showsRuns ? RUN_TOKENS : TASK_TOKENS;
    this.query = queryOf(params.filter ?? '', this.names);
    this.list = this.showsRuns ? this.runs() : this.tasks();
    // What is meant is not known, and all is surely not meant.
    const fault = this.fault();
    if (fault) this.list.load = async () => { throw fault; };
  }

  /** Why the filter cannot be used. */
  fault() {
    const { unknown } = parse(this.params.filter ?? '', this.names);
    if (unknown.length) return new CallError(0, '', `No filter is called ${unknown.join(', ')}`, `use ${Object.keys(this.names).join(', ')}, or quote the text`, null);
    const [name] = ['since', 'until'].filter((one) => this.query[one] && Number.isNaN(Date.parse(this.query[one])));
    return name ? new CallError(0, '', `“${this.query[name]}” is not a time`, `write ${name}:10m, ${name}:2h or ${name}:1d for a while ago, or ${name}:2026-11-29T12:00:00Z`, null) : null;
  }

  follow(params) {
    this.take(params);
    this.load();
    return true;
  }

  tasks() {
    const done = () => this.list.reload();
    return new List({
      name: 'tasks', label: 'Tasks', nameOf: (task) => task.title,
      keyOf: (task) => task.id,
      keysOf: (event) => [event.timeline.task.id],
      patch: (task, event) => (event.timeline.event_type === 'task.deleted' ? null : patchedTask(task, event)),
      mayBeNew: (event) => this.mayMatch(event.timeline.task),
      moves: () => this.params.order !== 'created',
      load: async (cursor) => {
        const { body, next } = await get('api/tasks', { ...this.query, order: this.params.order, limit: PAGE, cursor });
        return { rows: body.tasks, next };
      },
      empty: () => this.empty(),
      actOn: (task) => chooseAction(task.title, TASK_ACTIONS, task, done),
      columns: [
        { head: 'Task', className: 'wide', cell: (task) => html`${taskLink(task)}${task.identifier ? html` <small>${cut(task.identifier, 60)}</small>` : nothing}${task.child_count ? html` <small>${task.child_count} below</small>` : nothing}` },
        { head: 'Status', cell: (task) => html`${badge(task.status)}${task.effective_paused ? note('Paused', 'warn') : nothing}${task.approval_state === 'pending' ? note('Awaits approval', 'warn') : task.approval_state === 'rejected' ? note('Rejected', 'bad') : nothing}` },
        { head: 'Run', cell: (task) => (task.active_run ? html`<a href=${to('run', { id: task.active_run.id })}>${badge(task.active_run.status)}</a>` : this.failures.badge(task.id) ?? html`<span class="none">–</span>`) },
        { head: 'Priority', cell: (task) => task.priority },
        { head: 'Owner', cell: (task) => (task.owner ? cut(`${task.owner.kind}:${task.owner.ref}`, 40) : html`<span class="none">–</span>`) },
        { head: 'Last activity', cell: (task) => at(task.last_activity_at ?? task.updated_at) },
        { head: 'Actions', cell: (task) => html`<button type="button" class="small quiet" aria-label=${`Actions for ${cut(task.title, 100)}`} @click=${() => chooseAction(task.title, TASK_ACTIONS, task, done)}>…</button>` },
      ],
    });
  }

  runs() {
    const done = () => this.list.reload();
    return new List({
      name: 'runs', label: 'Runs', nameOf: (row) => row.task.title,
      keyOf: (row) => row.run.id,
      keysOf: (event) => (event.timeline.run ? [event.timeline.run.id] : []),
      patch: (row, event) => ({ run: event.timeline.run, task: event.timeline.task }),
      mayBeNew: (event) => Boolean(event.timeline.run),
      moves: () => true,
      load: async (cursor) => {
        const { body, next } = await get('api/runs', { ...this.query, limit: PAGE, cursor });
        return { rows: body.runs, next };
      },
      empty: () => this.empty(),
      actOn: (row) => chooseAction(row.run.id, RUN_ACTIONS, row.run, done),
      columns: [
        { head: 'Run', cell: (row) => shortRunLink(row.run) },
        { head: 'Status', cell: (row) => badge(row.run.status) },
        { head: 'Task', className: 'wide', cell: (row) => taskLink(row.task) },
        { head: 'Attempt', cell: (row) => `${row.run.attempt} of ${row.run.max_attempts}` },
        { head: 'Held by', cell: (row) => row.run.claimed_by?.ref ?? html`<span class="none">–</span>` },
        { head: 'Error or lease', className: 'wide', cell: (row) => (row.run.error ? html`<span class="error-text">${cut(row.run.error, 200)}</span>` : row.run.lease_until && !row.run.ended_at ? html`lease: ${left(row.run.lease_until)}` : html`<span class="none">–</span>`) },
        { head: 'Changed', cell: (row) => at(row.run.ended_at ?? row.run.started_at ?? row.run.claimed_at ?? row.run.queued_at) },
        { head: 'Actions', cell: (row) => html`<button type="button" class="small quiet" aria-label=${`Actions for ${row.run.id}`} @click=${() => chooseAction(row.run.id, RUN_ACTIONS, row.run, done)}>…</button>` },
      ],
    });
  }

  /** Whether a task that is not in the list may be in it now, by what its event says. */
  mayMatch(task) {
    const { status, priority } = this.query;
    return (!status || status === task.status) && (!priority || priority === task.priority);
  }

  title() { return this.showsRuns ? 'Runs' : 'Work'; }

  load() {
    this.list.reload();
    if (!this.showsRuns) this.failures.load();
  }

  shown() { if (this.list.isStale) this.load(); }

  close() { this.list.close(); }

  onEvents(events) {
    events.forEach((event) => this.failures.take(event));
    this.list.onEvents(events);
  }

  onKey(key) { return this.list.onKey(key); }

  empty() {
    if (this.query.status === 'failed' && !this.showsRuns) return html`${noMatch(() => change({ filter: undefined }))}<p>A task whose run has failed is ready again while it has attempts left: look at the <a href=${to('work', { show: 'runs', filter: 'status:failed' })}>runs that failed</a>, or at <a href="inbox?lane=failed_runs">those that nobody has dealt with</a>.</p>`;
    if (this.params.filter) return noMatch(() => change({ filter: undefined }));
    return nothingYet(this.showsRuns ? 'No run was queued yet.' : 'No task was created yet.', 'chargehand task create "Say hello" --id hello\nchargehand task start hello');
  }

  matching(path) {
    const filter = filterOf(this.query);
    return {
      filter,
      words: this.params.filter || 'no filter',
      count: async () => (await write('POST', path, { filter, dry_run: true, limit: 1 })).matched ?? this.list.rows.length,
    };
  }

  render() {
    const bulk = this.showsRuns
      ? bulkBar(this.list, [...BULK_RUNS, ...(this.list.allMatching === null ? HELD_RUNS : [])], { matching: this.matching('api/runs/bulk/cancel'), toRow: ({ run, task }) => ({ id: run.id, title: task.title, status: run.status }) })
      : bulkBar(this.list, BULK_TASKS, { matching: this.matching('api/tasks/bulk/archive'), toRow: (task) => ({ id: task.id, title: task.title, status: task.status }) });
    return html`<div class="heading"><h1>${this.showsRuns ? 'Runs' : 'Work'}</h1>
        <nav aria-label="Tasks or runs"><ul class="lanes"><li><a href="work" aria-current=${this.showsRuns ? nothing : 'true'}>Tasks</a></li><li><a href="work?show=runs" aria-current=${this.showsRuns ? 'true' : nothing}>Runs</a></li></ul></nav></div>
      ${filterBar(this.bar, this.params.filter ?? '', this.names, (filter) => jump(filter) || change({ filter: filter || undefined }))}
      ${this.showsRuns ? nothing : html`<p class="order">Newest first by <a href=${to('work', { ...this.params, order: undefined })} aria-current=${this.params.order === 'created' ? nothing : 'true'}>activity</a>
        or <a href=${to('work', { ...this.params, order: 'created' })} aria-current=${this.params.order === 'created' ? 'true' : nothing}>creation</a></p>`}
      ${bulk}${this.list.table()}`;
  }
}
