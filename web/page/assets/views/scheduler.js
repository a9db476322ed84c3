// Is dispatch on, who stopped it and why, and how far is the drain?
import { html, nothing } from '../core/html.js';
import { get, newKey, write } from '../core/api.js';
import { scheduler } from '../core/needs.js';
import { changed, drawNow } from '../core/paint.js';
import { duration, nowMs, number, plural } from '../core/format.js';
import { to } from '../core/router.js';
import { actionButtons, chooseAction, sameCall, callOf } from '../actions/perform.js';
import { SCHEDULER_ACTIONS, drain } from '../actions/runs.js';
import { bodyOf, faultOf, fieldRows } from '../actions/fields.js';
import { at, badge, facts, loading, paused, refusal, title } from '../parts/basic.js';
import { closeDialog, showDialog } from '../parts/dialog.js';
import { say } from '../parts/speak.js';
import { Part, seldom } from './base.js';

/** What this page has asked for, the drain that it saw last, and how that has ended, as the answer to
 * one says it. Whatever view is shown, a drain goes on. */
const known = { isAsked: false, error: null, seen: null, ended: null };

const outcome = ({ completed, timed_out: isLate, remaining_claims: left }) => (completed
  ? 'The drain is complete' : `The drain ${isLate ? 'has timed out' : 'was ended'}: ${plural(left, 'claim')} left`);

/** Who asked for a drain is answered how it ended; others see that it is gone. */
function follow({ drain, paused: isPaused, active_claim_count: left, as_of: now }) {
  if (drain || !isPaused) known.ended = null;
  else if (known.seen) known.ended = { completed: !left, timed_out: Date.parse(now) >= Date.parse(known.seen.ends_at), remaining_claims: left };
  known.seen = drain;
}

export class Scheduler {
  constructor() {
    this.status = scheduler;
    this.held = new Part(async () => (await get('api/runs', { status: 'active', limit: 100 })).body.runs);
    this.ready = new Part(async () => (await get('readyz')).body);
    this.workspaces = new Part(async () => (await get('api/workspaces')).body.workspaces);
    this.done = () => this.load();
    this.again = seldom(500, () => this.loadStatus());
  }

  title() { return 'Scheduler'; }

  async loadStatus() {
    await scheduler.load();
    if (scheduler.value?.paused) this.held.load();
  }

  load() {
    this.loadStatus();
    this.ready.load();
    this.workspaces.load();
  }

  shown() { this.load(); }

  close() {
    this.again.cancel();
  }

  onEvents() { this.again(); }

  onChanged(what) {
    if (what === 'scheduler') this.held.load();
    else this.workspaces.load();
  }

  onKey(key) {
    if (key !== 'a' || !this.status.value) return false;
    chooseAction('Scheduler', SCHEDULER_ACTIONS, this.status.value, this.done);
    return true;
  }

  /** Waits for its end without holding the dialog, as it takes as long as the work under way. */
  drain() {
    const texts = drain.initial(this.status.value);
    const state = { error: null };
    const submit = (event) => {
      event.preventDefault();
      const fault = faultOf(drain.fields, texts);
      if (fault) { state.error = { message: fault.message }; drawNow(); return; }
      Object.assign(known, { isAsked: true, error: null, ended: null });
      closeDialog();
      write('POST', 'api/scheduler/drain', bodyOf(drain.fields, texts), newKey()).then((answer) => {
        Object.assign(known, { seen: null, ended: answer });
        scheduler.take(answer.scheduler);
        say(`${outcome(answer)}.`);
      }, (error) => { known.error = error; }).finally(() => { known.isAsked = false; this.load(); changed(); });
      this.again();
    };
    showDialog('Drain', () => html`<form @submit=${submit} novalidate><p>${drain.says(this.status.value)}</p>
      ${fieldRows(drain.fields, texts, () => { state.error = null; drawNow(); })}${refusal(state.error)}
      <div class="actions"><button type="submit" class="danger">Drain</button><button type="button" @click=${closeDialog}>Leave it</button></div>
      ${sameCall(drain, this.status.value, texts, callOf(drain, this.status.value, texts))}</form>`);
  }

  render() {
    const status = this.status.value;
    if (!status) return html`<h1>Scheduler</h1>${this.status.error ? refusal(this.status.error) : loading}`;
    follow(status);
    return html`<h1>Scheduler</h1>
      ${refusal(this.status.error ?? this.held.error ?? known.error)}
      <p class="headline">${status.paused
    ? paused(status, 5000)
    : html`<strong class="good">Dispatch is on</strong>: agents are given work.`}</p>
      <div class="actions">${actionButtons(SCHEDULER_ACTIONS, status, this.done, { all: true })}
        <button type="button" class="danger" ?disabled=${known.isAsked || status.drain} @click=${() => this.drain()}>Drain</button></div>
      ${status.paused ? this.left(status) : nothing}
      ${facts([['Claims under way', number(status.active_claim_count)], ['Queued runs', number(status.queued_run_count)], ['Paused tasks', number(status.paused_task_count)],
    ['Starved runs', number(status.starved_run_count)], ['Runs that need attention', number(status.needs_attention_run_count)]])}
      ${this.server()}
      <section aria-labelledby="workspaces"><h2 id="workspaces">Workspaces</h2>${!this.workspaces.value ? loading : this.workspaces.value.length ? html`<ul class="brief">${this.workspaces.value.map((one) => html`<li><strong>${one.name}</strong> <code>${one.root_dir}</code> <a href=${`work?filter=${encodeURIComponent(`workspace:${one.id}`)}`}>its tasks</a></li>`)}</ul>` : html`<p class="empty calm">None was registered.</p>`}</section>`;
  }

  /** What a pause leaves at work, and how far a drain is. */
  left({ drain, active_claim_count: left }) {
    const { ended } = known;
    if (!drain && !ended && !left) return nothing;
    const from = drain && Math.max(drain.claims_at_start, left);
    return html`<section class="drain" aria-label=${drain || ended ? 'Drain' : 'Still at work'}>${drain ? html`<p><strong>Draining</strong> for ${duration(nowMs() - Date.parse(drain.started_at))}, until ${at(drain.ends_at)}: ${plural(left, 'claim')} left of ${number(from)}.</p>
        <progress max=${from || 1} value=${from - left} aria-label="Claims that have ended"></progress>`
    : ended ? html`<p><strong class=${ended.completed ? 'good' : 'warn'}>${outcome(ended)}.</strong></p>` : html`<p>${plural(left, 'claim')} under way:</p>`}
      <ul class="brief">${(left && this.held.value || []).map(({ run, task }) => html`<li>${badge(run.status)} <a href=${to('run', { id: run.id })}>${title(task.title)}</a> <small>held by ${run.claimed_by?.ref ?? '–'}</small></li>`)}</ul></section>`;
  }

  server() {
    const ready = this.ready.value;
    if (!ready) return nothing;
    const aside = ready.set_aside ?? [];
    return html`<section aria-labelledby="server"><h2 id="server">The server</h2>
      ${facts([['State', ready.status], ['Times started', number(ready.epoch)], ['Restarted actors', ready.crash_count && number(ready.crash_count)], ['Deleted by retention', ready.retention && number(ready.retention.deleted_tasks)]])}
      ${aside.length ? html`<p class="bad">${plural(ready.set_aside_count ?? aside.length, 'task')} set aside:</p><ul class="brief">${aside.map((one) => html`<li><code>${one.address}</code> ${one.why}: ${one.cause} <small>since ${one.since}</small></li>`)}</ul>` : nothing}</section>`;
  }
}
