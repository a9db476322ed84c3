// Why did this attempt end so, and what now? The error comes first.
import { html, nothing } from '../core/html.js';
import { CallError, get, getText } from '../core/api.js';
import { cut, duration, nowMs } from '../core/format.js';
import { to } from '../core/router.js';
import { reason } from '../core/words.js';
import { actionButtons, chooseAction } from '../actions/perform.js';
import { RUN_ACTIONS } from '../actions/runs.js';
import { ago, at, badge, facts, identifier, left, loading, note, refusal, runLink, taskLink, title } from '../parts/basic.js';
import { diagnostics, nextStep } from '../parts/inspection.js';
import { json, textOf } from '../parts/json.js';
import { Part, seldom } from './base.js';

const ATTEMPTS_SHOWN = 6;
const ERROR_CHARS = 4000;

const waited = (run) => (run.claimed_at || run.ended_at || run.status === 'queued' ? lasted(run, 'queued_at', run.claimed_at ? 'claimed_at' : 'ended_at') : '–');
const lasted = (run, from, until) => (run[from] ? duration((run[until] ? Date.parse(run[until]) : nowMs()) - Date.parse(run[from])) : '–');

export class Run {
  constructor(params) {
    this.params = params;
    const id = encodeURIComponent(params.id ?? '');
    this.detail = new Part(async () => {
      if (!params.id) throw new CallError(0, '', 'The address names no run.', 'look for it in Work, Runs', null);
      this.source = await getText(`api/task-runs/${id}`);
      const { run } = JSON.parse(this.source);
      this.attempts.load();
      return run;
    });
    this.inspect = new Part(async () => (await get(`api/runs/${id}/inspect`)).body.inspect);
    this.reviews = new Part(async () => (await get(`api/task-runs/${id}/reviews`, { limit: 50 })).body.reviews);
    this.attempts = new Part(async () => (await get(`api/tasks/${encodeURIComponent(this.taskId())}/runs`, { limit: ATTEMPTS_SHOWN })).body.runs);
    this.done = (answer) => {
      this.load();
      if (answer?.previous_run) this.successor = answer.run;
    };
    this.again = seldom(1000, () => this.load());
  }

  taskId() { return JSON.parse(this.source).run.task.id; }

  title() { return this.detail.value ? `Run of ${this.detail.value.task.title}` : 'Run'; }

  load() {
    this.detail.load();
    if (!this.params.id) return;
    this.inspect.load();
    this.reviews.load();
  }

  shown() { this.load(); }

  close() { this.again.cancel(); }

  follow(params) { return params.id === this.params.id; }

  onEvents(events) {
    const task = this.detail.value?.task.id;
    const mine = events.filter((event) => event.timeline.task.id === task);
    if (!mine.length) return;
    for (const { timeline } of mine) {
      if (timeline.run?.id === this.params.id) this.detail.value = { ...this.detail.value, task: timeline.task, run: { ...this.detail.value.run, ...timeline.run } };
    }
    this.again();
  }

  onChanged(what) { if (what === 'scheduler' && this.params.id) this.inspect.load(); }

  onKey(key) {
    if (key !== 'a' || !this.detail.value) return false;
    chooseAction(this.detail.value.run.id, RUN_ACTIONS, this.detail.value.run, this.done);
    return true;
  }

  render() {
    const detail = this.detail.value;
    if (!detail) return html`<h1>Run</h1>${this.detail.error ? refusal(this.detail.error) : loading}`;
    const { run, task } = detail;
    const inspect = this.inspect.value;
    const newer = this.attempts.value?.find((other) => other.previous_run_id === run.id);
    const subject = { ...run, isFollowed: Boolean(newer) };
    return html`<p class="path"><a href="work">Work</a> › ${taskLink(task)}</p>
      <div class="heading"><h1>Attempt ${run.attempt} of ${title(task.title)}</h1>${badge(run.status)}${run.failure_kind ? note(reason(run.failure_kind), 'bad') : nothing}</div>
      ${refusal(this.detail.error)}
      ${run.error ? html`<section class="failure" aria-labelledby="error"><h2 id="error">Error</h2><pre class="error-text" tabindex="0">${cut(run.error, ERROR_CHARS)}</pre>${run.error.length > ERROR_CHARS ? json(JSON.stringify(run.error), 'error.json') : nothing}</section>` : nothing}
      <section class="state" aria-label="State and next action">
        <p>${newer ? html`It was followed by ${runLink(newer, `attempt ${newer.attempt}`)} ${badge(newer.status)}.` : inspect ? nextStep(inspect.next_action) : nothing}
        ${run.lease_until && !run.ended_at ? html` ${left(run.lease_until)}; last heartbeat ${ago(run.heartbeat_at)}.` : nothing}</p>
        ${inspect ? diagnostics(inspect.diagnostics, { taskId: task.id, runId: run.id }) : this.inspect.error ? refusal(this.inspect.error) : loading}</section>
      ${actionButtons(RUN_ACTIONS, subject, this.done)}
      ${facts([
    ['Run', identifier(run.id)], [run.ended_at ? 'Was held by' : 'Held by', run.claimed_by && `${run.claimed_by.ref} (${run.claimed_by.kind.replaceAll('_', ' ')})`],
    ['Agent', detail.session?.agent_name], ['Session', run.session_id], ['Waited', waited(run)],
    [run.ended_at ? 'Took' : 'At work for', run.claimed_at ? lasted(run, 'claimed_at', 'ended_at') : null], ['Queued', at(run.queued_at)], ['Claimed', run.claimed_at && at(run.claimed_at)],
    ['Started', run.started_at && at(run.started_at)], ['Ended', run.ended_at && at(run.ended_at)], ['Channel', run.network_channel],
    ['Idempotency key', run.idempotency_key], ['Follows', run.previous_run_id && runLink({ id: run.previous_run_id })],
  ])}
      <section aria-labelledby="attempts"><h2 id="attempts">Attempts side by side</h2>${this.compare(run)}</section>
      ${run.result === undefined ? nothing : html`<section aria-labelledby="result"><h2 id="result">Result</h2>${json(textOf(this.source, ['run', 'run', 'result']) ?? JSON.stringify(run.result), `${run.id}-result.json`)}</section>`}
      ${run.metadata === undefined ? nothing : html`<section aria-labelledby="metadata"><h2 id="metadata">Metadata</h2>${json(textOf(this.source, ['run', 'run', 'metadata']) ?? JSON.stringify(run.metadata), `${run.id}-metadata.json`)}</section>`}
      <section aria-labelledby="reviews"><h2 id="reviews">Reviews</h2>${this.reviewList()}</section>`;
  }

  compare(current) {
    const runs = this.attempts.value?.slice().reverse();
    if (!runs) return this.attempts.error ? refusal(this.attempts.error) : loading;
    const row = (head, cell) => html`<tr><th scope="row">${head}</th>${runs.map((run) => html`<td class=${run.id === current.id ? 'this' : ''}>${cell(run)}</td>`)}</tr>`;
    return html`<div class="table-frame" tabindex="0" role="group" aria-label="Attempts, scrollable"><table class="attempts"><caption class="offscreen">Attempts side by side</caption>
      <thead><tr><td></td>${runs.map((run) => html`<th scope="col" aria-current=${run.id === current.id ? 'true' : nothing}>${run.id === current.id ? `Attempt ${run.attempt} (this one)` : runLink(run, `Attempt ${run.attempt}`)}</th>`)}</tr></thead>
      <tbody>${row('Status', (run) => badge(run.status))}${row('Held by', (run) => run.claimed_by?.ref ?? '–')}${row('Queued', (run) => at(run.queued_at))}
        ${row('Waited', waited)}${row('Took', (run) => lasted(run, 'claimed_at', 'ended_at'))}
        ${row('Error', (run) => (run.error ? html`<span class="error-text">${cut(run.error, 300)}</span>` : '–'))}</tbody></table></div>`;
  }

  reviewList() {
    const reviews = this.reviews.value;
    if (!reviews) return this.reviews.error ? refusal(this.reviews.error) : loading;
    if (!reviews.length) return html`<p class="empty calm">No review was asked for.</p>`;
    return html`<ul class="brief">${reviews.map((review) => html`<li>${badge(review.status)} <a href=${to('review', { id: review.review_id })}>Round ${review.review_round}</a>
      ${review.outcome ? html`<strong>${reason(review.outcome)}</strong>` : nothing} <small>${cut(review.reason ?? '', 200)}</small></li>`)}</ul>`;
  }
}
