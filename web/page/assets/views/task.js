// What is this work, its tree, and its story? State and what to do next come first.
import { html, nothing, repeat } from '../core/html.js';
import { CallError, get, getText } from '../core/api.js';
import { cut, isTime, number, plural } from '../core/format.js';
import { change, to } from '../core/router.js';
import { eventName, reason, status } from '../core/words.js';
import { actionButtons, chooseAction, ofOther, perform } from '../actions/perform.js';
import { OWN_WORK, recover, release, retry, verdict } from '../actions/runs.js';
import { TASK_ACTIONS, deleteProfile, removeDependency, resend, setProfile, subscribe, unsubscribe } from '../actions/tasks.js';
import { ago, at, badge, facts, identifier, left, loading, note, refusal, runLink, taskLink, title } from '../parts/basic.js';
import { Failures } from '../parts/failures.js';
import { diagnostics, nextStep, waitsFor } from '../parts/inspection.js';
import { json, textOf } from '../parts/json.js';
import { patchedTask } from '../parts/list.js';
import { Tree } from '../parts/tree.js';
import { Part, seldom } from './base.js';

/** What a run may need somebody for. */
const RUN_NEEDS = [retry, recover, release];
const HEARTBEAT = 'task.run_lease_extended';
const APART_MS = 1000;
const TIMELINE = 50;
const TABS = { story: 'Story', tree: 'Tree', dependencies: 'Dependencies', runs: 'Runs', reviews: 'Reviews', profile: 'Profile', webhooks: 'Webhooks' };

/** The story, newest first; heartbeats in a row are one item, the newest of them. */
function folded(items) {
  const story = [];
  for (const item of items.slice().reverse()) {
    const later = story.at(-1);
    const isAgain = item.event_type === HEARTBEAT && later?.item.event_type === HEARTBEAT && later.item.run?.id === item.run?.id;
    if (isAgain) later.times += 1;
    else story.push({ item, times: 1 });
  }
  return story;
}

export class Task {
  constructor(params) {
    this.params = params;
    const path = `api/tasks/${encodeURIComponent(params.id ?? '')}`;
    this.path = path;
    this.detail = new Part(async () => {
      if (!params.id) throw new CallError(0, '', 'The address names no task.', 'look for it in Work', null);
      this.source = await getText(path);
      const { task } = JSON.parse(this.source);
      return { ...task, summary: { ...task.task, ...task.summary } };
    });
    this.inspect = new Part(async () => (await get(`${path}/inspect`)).body.inspect);
    this.timeline = new Part(async () => {
      const { body, next } = await get(`${path}/timeline`, { latest: true, limit: TIMELINE });
      return { items: body.timeline, earlier: next };
    });
    this.runs = new Part(async () => (await get(`${path}/runs`, { limit: 100 })).body.runs);
    this.reviews = new Part(async () => (await get(`${path}/reviews`, { limit: 100 })).body.reviews);
    this.profile = new Part(async () => {
      const { profile } = (await get(`${path}/execution-profile`)).body;
      return { profile: isTime(profile.created_at) ? profile : null };
    });
    this.webhooks = new Part(async () => {
      const [subscriptions, undelivered] = await Promise.all([get(`${path}/notifications/bridges`), get(`${path}/notifications/undelivered`)]);
      return { subscriptions: subscriptions.body.subscriptions, messages: undelivered.body.messages };
    });
    this.failures = new Failures();
    this.tree = new Tree(path, this.failures);
    this.parent = new Part(async () => (await get(`api/tasks/${encodeURIComponent(this.detail.value.summary.parent_task_id)}`)).body.task.summary);
    this.waits = new Part(async () => (await get(`${path}/dependents`, { limit: 200 })).body.tasks);
    this.done = () => this.load();
    this.again = seldom(APART_MS, () => this.load());
    this.family = new Set([params.id]);
  }

  get tab() { return TABS[this.params.tab] ? this.params.tab : 'story'; }

  title() { return this.detail.value?.summary.title ?? 'Task'; }

  load() {
    this.detail.load().then(() => {
      if (this.detail.value?.summary.parent_task_id && !this.parent.value) this.parent.load();
      const { children = [], dependency_references: references = [] } = this.detail.value ?? {};
      // What is below it, and what it waits for, is of interest, too.
      for (const { id } of [...children, ...references.map((one) => one.depends_on)]) this.family.add(id);
      if (references.length) this.failures.load();
    });
    if (!this.params.id) return;
    this.inspect.load();
    this.loadTab();
  }

  loadTab() {
    const part = { story: this.timeline, tree: this.tree, runs: this.runs, reviews: this.reviews, profile: this.profile, webhooks: this.webhooks, dependencies: this.waits }[this.tab];
    part?.load();
    if (part === this.tree || part === this.waits) this.failures.load();
  }

  follow(params) {
    if (params.id !== this.params.id) return false;
    const isOther = params.tab !== this.params.tab;
    this.params = params;
    if (isOther) this.loadTab();
    return true;
  }

  shown() { this.load(); }

  close() { this.again.cancel(); }

  onEvents(events) {
    const mine = events.filter((event) => this.family.has(event.timeline.task.id) || this.tree.has(event.timeline.task.id));
    if (!mine.length) return;
    events.forEach((event) => this.failures.take(event));
    for (const event of mine) {
      this.tree.patch(event);
      if (event.timeline.task.id === this.params.id) {
        const detail = this.detail.value;
        if (detail) this.detail.value = { ...detail, summary: patchedTask(detail.summary, event) };
        const story = this.timeline.value;
        if (story && !story.items.some((item) => item.sequence === event.sequence)) this.timeline.value = { ...story, items: [...story.items, event.timeline] };
      }
    }
    this.again();
  }

  onChanged(what) { if (what === 'scheduler' && this.params.id) this.inspect.load(); }

  onKey(key) {
    if (key !== 'a' || !this.detail.value) return false;
    const { current_run: run } = this.inspect.value ?? {};
    const { title: name } = this.detail.value.summary;
    chooseAction(name, [...(run ? this.runActions(run).map((action) => ofOther(action, this.run(run))) : []), ...TASK_ACTIONS], this.subject(), this.done);
    return true;
  }

  /** The task as actions take it. */
  subject() {
    const latest = this.inspect.value?.current_run;
    return { ...this.detail.value.summary, profile: this.profile.value?.profile, latest_failed: Boolean(latest && retry.when({ status: latest.status })) };
  }

  render() {
    const detail = this.detail.value;
    if (!detail) return html`<h1>Task</h1>${this.detail.error ? refusal(this.detail.error) : loading}`;
    const task = this.subject();
    return html`<p class="path"><a href="work">Work</a>${task.parent_task_id ? html` › ${this.parent.value ? taskLink(this.parent.value) : html`<a href=${to('task', { id: task.parent_task_id })}>${task.parent_task_id}</a>`}` : nothing}</p>
      <div class="heading"><h1>${title(task.title)}</h1>${badge(task.status)}${task.effective_paused ? note('Paused', 'warn') : nothing}</div>
      ${refusal(this.detail.error)}
      <section class="state" aria-label="State and next action">${this.state(task)}</section>
      ${actionButtons(TASK_ACTIONS, task, this.done)}
      ${facts([
    ['Id', identifier(task.id)], ['Identifier', task.identifier && cut(task.identifier, 200)], ['Priority', task.priority],
    ['Owner', task.owner && `${task.owner.kind}:${task.owner.ref}`], ['Scope', task.workspace_id ?? task.scope], ['Channel', task.network_channel],
    ['Max attempts', task.max_attempts], ['Approval', task.approval_policy === 'none' ? null : task.approval_state],
    ['Created', html`${at(task.created_at)} by ${task.created_by.ref}`], ['Last activity', ago(task.last_activity_at)],
    ['Paused because', task.paused_reason], ['Paused by', task.paused_by_task_id && task.paused_by_task_id !== task.id ? html`<a href=${to('task', { id: task.paused_by_task_id })}>${task.paused_by_task_id}</a>` : null],
  ])}
      ${detail.task.description ? html`<section aria-labelledby="description"><h2 id="description">Description</h2><p class="text"><bdi>${cut(detail.task.description, 20000)}</bdi></p></section>` : nothing}
      ${detail.task.metadata === undefined ? nothing : html`<section aria-labelledby="metadata"><h2 id="metadata">Metadata</h2>${json(textOf(this.source, ['task', 'task', 'metadata']), 'metadata.json')}</section>`}
      <nav aria-label="Parts of the task"><ul class="lanes">${Object.entries(TABS).map(([name, text]) => html`<li><a href=${to('task', { ...this.params, tab: name })} aria-current=${this.tab === name ? 'true' : nothing}>${text}</a></li>`)}</ul></nav>
      <section aria-label=${TABS[this.tab]}>${this[`${this.tab}Tab`]()}</section>`;
  }

  state(task) {
    const inspect = this.inspect.value;
    if (!inspect) return this.inspect.error ? refusal(this.inspect.error) : loading;
    const run = inspect.current_run;
    return html`<p>${nextStep(inspect.next_action)}
      ${run ? html` Attempt ${run.attempt}: ${badge(run.status)} ${runLink({ id: run.run_id })}${run.lease_until && inspect.next_action === 'running' ? html`, ${left(run.lease_until)}` : nothing}${inspect.bound_session ? html`, ${run.lease_until ? 'held by' : 'last held by'} <strong>${inspect.bound_session.session_id}</strong>` : nothing}` : nothing}</p>
      ${run?.last_error_summary ? html`<p class="error-text">${cut(this.errorOf(run), 2000)}</p>` : nothing}
      ${run ? html`<div class="actions">${actionButtons(this.runActions(run), this.run(run), this.done, { all: true })}</div>` : nothing}
      ${diagnostics(inspect.diagnostics, { taskId: task.id, runId: run?.run_id }, (one) => waitsFor(one, this.detail.value.dependency_references, this.failures))}`;
  }

  /** The summary of an error is short. */
  errorOf(run) {
    return this.detail.value.runs?.find((one) => one.id === run.run_id)?.error ?? run.last_error_summary;
  }

  /** A person's own work is claimed, started and completed from here. */
  runActions(run) {
    const { owner } = this.detail.value.summary;
    const isOwn = owner?.kind === 'human' && !run.lease_until;
    return isOwn ? [retry, recover, ...OWN_WORK] : RUN_NEEDS;
  }

  /** The current run as actions take it. */
  run(run) {
    const holder = this.inspect.value.bound_session;
    return { id: run.run_id, status: run.status, claimed_by: holder && { ref: holder.agent_name ?? holder.session_id } };
  }

  storyTab() {
    const story = this.timeline.value;
    if (!story) return this.timeline.error ? refusal(this.timeline.error) : loading;
    return html`<ol class="story">${repeat(folded(story.items), ({ item }) => item.sequence, ({ item, times }) => html`<li>${at(item.timestamp)} <strong>${eventName(item.event_type)}</strong>${times > 1 ? html` <small>${number(times)} times</small>` : nothing}
      by ${item.actor.ref}${item.run ? html` · ${runLink(item.run, `attempt ${item.run.attempt}`)}` : nothing}${this.payload(item)}</li>`)}</ol>
      ${story.items.length >= TIMELINE ? html`<button type="button" @click=${() => this.earlier()}>Show all from the beginning</button>` : nothing}`;
  }

  payload(item) {
    if (!item.payload || !Object.keys(item.payload).length) return nothing;
    const { previous_status: before, status: after } = item.payload;
    if (before && after) return html`: ${status(before).word} → ${status(after).word}`;
    const why = item.payload.reason ?? item.payload.error;
    return html`${typeof why === 'string' && why ? html`: <span class="text">${cut(why, 300)}</span>` : nothing}
      <details><summary>Details</summary>${json(JSON.stringify(item.payload), `event-${item.sequence}.json`)}</details>`;
  }

  async earlier() {
    const items = [];
    let cursor;
    do {
      const { body, next } = await get(`${this.path}/timeline`, { limit: 200, cursor });
      items.push(...body.timeline);
      cursor = next;
    } while (cursor && items.length < 5000);
    this.timeline.value = { items };
    this.timeline.version += 1;
  }

  treeTab() {
    const { summary } = this.detail.value;
    return html`<p><a class="button" href=${to('new', { parent: summary.id })}>Add a child</a></p>${this.tree.render(this.params.open, (id) => change({ open: id }, { replace: true }))}`;
  }

  dependenciesTab() {
    const { dependency_references: references = [], summary } = this.detail.value;
    const waits = this.waits.value;
    const add = TASK_ACTIONS.find((action) => action.label === 'Add a dependency');
    return html`<h2>Depends on</h2>
      ${references.length ? html`<ul class="brief">${references.map((one) => html`<li>${badge(one.depends_on.status)} ${this.failures.badge(one.depends_on.id) ?? nothing} ${taskLink(one.depends_on)}
        <button type="button" class="small" @click=${() => perform(removeDependency(one.depends_on), summary, this.done)}>Remove</button></li>`)}</ul>` : html`<p class="empty calm">It depends on no other task.</p>`}
      <p><button type="button" @click=${() => perform(add, summary, this.done)}>${add.label}</button></p>
      <h2>Blocks</h2>
      ${!waits ? (this.waits.error ? refusal(this.waits.error) : loading) : waits.length ? html`<ul class="brief">${waits.map((task) => html`<li>${badge(task.status)} ${this.failures.badge(task.id) ?? nothing} ${taskLink(task)}</li>`)}</ul>` : html`<p class="empty calm">No task depends on it.</p>`}`;
  }

  runsTab() {
    const runs = this.runs.value;
    if (!runs) return this.runs.error ? refusal(this.runs.error) : loading;
    if (!runs.length) return html`<p class="empty calm">No run was queued yet.</p>`;
    return html`<div class="table-frame" tabindex="0" role="group" aria-label="Runs, scrollable"><table><caption class="offscreen">Runs</caption>
      <thead><tr><th scope="col">Attempt</th><th scope="col">Status</th><th scope="col">Held by</th><th scope="col">Queued</th><th scope="col">Ended</th><th scope="col">Error</th></tr></thead>
      <tbody>${runs.map((run) => html`<tr><td data-head="Attempt">${runLink(run, String(run.attempt))}</td><td data-head="Status">${badge(run.status)}</td><td data-head="Held by">${run.claimed_by?.ref ?? '–'}</td>
        <td data-head="Queued">${at(run.queued_at)}</td><td data-head="Ended">${at(run.ended_at)}</td><td data-head="Error" class="wide"><span class="error-text">${cut(run.error ?? '', 300)}</span></td></tr>`)}</tbody></table></div>`;
  }

  reviewsTab() {
    const reviews = this.reviews.value;
    if (!reviews) return this.reviews.error ? refusal(this.reviews.error) : loading;
    if (!reviews.length) return html`<p class="empty calm">No review was asked for. Open a run to request one.</p>`;
    return html`<ul class="brief">${reviews.map((review) => html`<li>${badge(review.status)} <a href=${to('review', { id: review.review_id })}>Round ${review.review_round}, attempt ${review.attempt}</a>
      ${review.outcome ? html`<strong>${reason(review.outcome)}</strong>` : nothing} <small>${review.reason ? `${cut(review.reason, 200)} · ` : ''}${ago(review.requested_at)}</small>
      ${verdict.when(review) ? actionButtons([verdict], review, this.done, { all: true }) : nothing}</li>`)}</ul>`;
  }

  profileTab() {
    const found = this.profile.value;
    if (!found) return this.profile.error ? refusal(this.profile.error) : loading;
    return html`${found.profile ? json(JSON.stringify(found.profile), 'profile.json') : html`<p class="empty calm">Any agent that may see the task may claim it.</p>`}
      ${actionButtons([setProfile, deleteProfile], this.subject(), () => this.profile.load(), { all: true })}`;
  }

  webhooksTab() {
    const found = this.webhooks.value;
    if (!found) return this.webhooks.error ? refusal(this.webhooks.error) : loading;
    const done = () => this.webhooks.load();
    const task = this.subject();
    return html`${found.subscriptions.length ? html`<ul class="brief">${found.subscriptions.map((one) => html`<li><strong>${one.bridge_instance_id}</strong> ${one.delivery_mode}
        ${one.off_since ? note('Switched off', 'bad') : nothing}${one.undelivered ? note(`${one.undelivered} not delivered`, 'warn') : nothing}
        <small>${one.cursor.last_error ? cut(one.cursor.last_error, 200) : html`last delivered ${ago(one.cursor.last_delivered_at)}`}</small>
        <button type="button" class="small" @click=${() => perform(unsubscribe(one), task, done)}>Unsubscribe</button>
        <details><summary>Details</summary>${json(JSON.stringify(one), `${one.subscription_id}.json`)}</details></li>`)}</ul>` : html`<p class="empty calm">No webhook is subscribed to its end.</p>`}
      ${found.messages.length ? html`<h2>${plural(found.messages.length, 'message')} not delivered</h2><ul class="brief">${found.messages.map((one) => html`<li>${one.bridge_instance_id}: ${cut(one.error, 200)} <small>${at(one.undelivered_at)}</small></li>`)}</ul>` : nothing}
      <div class="actions">${actionButtons([subscribe, ...(found.messages.length ? [resend] : [])], task, done, { all: true })}</div>`;
  }
}
