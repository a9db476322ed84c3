// Is dispatch on, who stopped it and why, and how far is the drain?
import { html, nothing } from '../core/html.js';
import { get, newKey, write } from '../core/api.js';
import { changed, drawNow } from '../core/paint.js';
import { duration, number, plural } from '../core/format.js';
import { actionButtons, chooseAction, sameCall, callOf } from '../actions/perform.js';
import { SCHEDULER_ACTIONS, drain } from '../actions/runs.js';
import { bodyOf, faultOf, fieldRows } from '../actions/fields.js';
import { ago, at, badge, facts, loading, refusal, runLink } from '../parts/basic.js';
import { closeDialog, showDialog } from '../parts/dialog.js';
import { say } from '../parts/speak.js';
import { Part, seldom } from './base.js';

/** A drain that this page has asked for; it goes on while other views are shown. */
const draining = { isOn: false, since: 0, from: 0, answer: null, error: null };

export class Scheduler {
  constructor() {
    this.status = new Part(async () => (await get('api/scheduler')).body.scheduler);
    this.ready = new Part(async () => (await get('readyz')).body);
    this.workspaces = new Part(async () => (await get('api/workspaces')).body.workspaces);
    this.done = () => this.load();
    this.again = seldom(500, () => this.status.load());
  }

  title() { return 'Scheduler'; }

  load() {
    this.status.load();
    this.ready.load();
    this.workspaces.load();
  }

  shown() { this.load(); }

  close() {
    this.again.cancel();
  }

  onEvents() { this.again(); }

  onChanged(what) {
    if (what === 'scheduler') this.again();
    else this.workspaces.load();
  }

  onKey(key) {
    if (key !== 'a' || !this.status.value) return false;
    chooseAction('Scheduler', SCHEDULER_ACTIONS, this.status.value, this.done);
    return true;
  }

  /** Waits for its end without holding the dialog, as it takes as long as the work under way. */
  drain() {
    const texts = { ...drain.initial() };
    const state = { error: null };
    const submit = (event) => {
      event.preventDefault();
      const fault = faultOf(drain.fields, texts);
      if (fault) { state.error = { message: fault.message }; drawNow(); return; }
      Object.assign(draining, { isOn: true, since: Date.now(), from: this.status.value.active_claim_count, answer: null, error: null });
      closeDialog();
      write('POST', 'api/scheduler/drain', bodyOf(drain.fields, texts), newKey()).then((answer) => {
        draining.answer = answer;
        say(answer.completed ? 'The drain is complete.' : `The drain has timed out: ${plural(answer.remaining_claims, 'claim')} left.`);
      }, (error) => { draining.error = error; }).finally(() => { draining.isOn = false; this.load(); changed(); });
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
    return html`<h1>Scheduler</h1>
      ${refusal(this.status.error)}
      <p class="headline">${status.paused
    ? html`<strong class="warn">Dispatch is paused</strong> by ${status.paused_by ?? 'somebody'} since ${at(status.paused_at)}${status.paused_reason ? html`: <bdi>${status.paused_reason}</bdi>` : nothing}.`
    : html`<strong class="good">Dispatch is on</strong>: agents are given work.`}</p>
      ${this.drainState(status)}
      <div class="actions">${actionButtons(SCHEDULER_ACTIONS, status, this.done, { all: true })}
        <button type="button" class="danger" ?disabled=${draining.isOn} @click=${() => this.drain()}>Drain</button></div>
      ${facts([['Claims under way', number(status.active_claim_count)], ['Queued runs', number(status.queued_run_count)], ['Paused tasks', number(status.paused_task_count)],
    ['Starved runs', number(status.starved_run_count)], ['Runs that need attention', number(status.needs_attention_run_count)]])}
      ${this.server()}
      <section aria-labelledby="workspaces"><h2 id="workspaces">Workspaces</h2>${!this.workspaces.value ? loading : this.workspaces.value.length ? html`<ul class="brief">${this.workspaces.value.map((one) => html`<li><strong>${one.name}</strong> <code>${one.root_dir}</code> <a href=${`work?filter=${encodeURIComponent(`workspace:${one.id}`)}`}>its tasks</a></li>`)}</ul>` : html`<p class="empty calm">None was registered.</p>`}</section>`;
  }

  drainState(status) {
    const { isOn, answer, error, from, since } = draining;
    if (isOn) {
      const ended = Math.max(0, from - status.active_claim_count);
      return html`<section class="drain" aria-label="Drain"><p><strong>Draining</strong> for ${duration(Date.now() - since)}: ${plural(status.active_claim_count, 'claim')} left of ${number(from)}.</p>
        <progress max=${Math.max(1, from)} value=${ended} aria-label="Claims that have ended"></progress></section>`;
    }
    if (error) return refusal(error);
    if (!answer) return nothing;
    return html`<section class="drain" aria-label="Drain"><p>${answer.completed ? html`<strong class="good">The drain is complete</strong>, ${ago(answer.completed_at)}: nothing is held any more.` : html`<strong class="warn">The drain has timed out</strong>: ${plural(answer.remaining_claims, 'claim')} left.`}</p>
      ${(answer.remaining_runs ?? []).length ? html`<ul class="brief">${answer.remaining_runs.map((run) => html`<li>${badge(run.status)} ${runLink(run)} <small>held by ${run.claimed_by?.ref ?? '–'}</small></li>`)}</ul>` : nothing}</section>`;
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
