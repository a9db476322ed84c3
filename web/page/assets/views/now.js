// Does work flow, and what needs a person?
import { html, nothing } from '../core/html.js';
import { get } from '../core/api.js';
import { duration, nowMs, number, plural, setServerTime, telling } from '../core/format.js';
import { to } from '../core/router.js';
import { app } from '../core/state.js';
import { LANES, reason } from '../core/words.js';
import { ago, badge, left, loading, nothingYet, refusal, taskLink, title } from '../parts/basic.js';
import { bars } from '../parts/chart.js';
import { OPEN_REVIEWS, needsSomebody, scheduler } from '../core/needs.js';
import { Part, seldom } from './base.js';

const APART_MS = 1000;
const HISTORY_APART_MS = 5000;
const MINUTES = 60;
const SHOWN = 4;
const NEEDS = ['approvals', 'failed_runs', 'my_work'];

export class Now {
  constructor() {
    this.dashboard = new Part(async () => {
      const { dashboard } = (await get('api/observe/tasks/dashboard')).body;
      setServerTime(dashboard.freshness.observed_at);
      return dashboard;
    });
    this.inbox = new Part(async () => {
      const { inbox } = (await get('api/observe/tasks/inbox', { limit: 5 })).body;
      app.inboxCount = needsSomebody(inbox);
      return inbox;
    });
    this.scheduler = scheduler;
    this.held = new Part(async () => (await get('api/runs', { status: 'active', limit: 8 })).body.runs.map(({ run, task }) => ({ ...run, task })));
    this.reviews = new Part(async () => {
      const { reviews } = (await get('api/task-reviews', OPEN_REVIEWS)).body;
      app.reviewCount = reviews.length;
      return reviews;
    });
    this.history = new Part(async () => (await get('api/observe/history', { minutes: MINUTES })).body.history);
    this.parts = [this.dashboard, this.inbox, this.reviews, this.scheduler, this.held];
    this.again = seldom(APART_MS, () => this.parts.forEach((part) => part.load()));
    this.historyAgain = seldom(HISTORY_APART_MS, () => this.history.load());
  }

  title() { return 'Now'; }

  load() {
    [...this.parts, this.history].forEach((part) => part.load());
  }

  shown() { this.load(); }

  close() {
    this.again.cancel();
    this.historyAgain.cancel();
  }

  onEvents() {
    this.again();
    this.historyAgain();
  }

  render() {
    const dashboard = this.dashboard.value;
    if (!dashboard) return html`<h1>Now</h1>${this.dashboard.error ? refusal(this.dashboard.error) : loading}`;
    if (!dashboard.totals.tasks_total && !dashboard.totals.draft_tasks) {
      return html`<h1>Now</h1>${nothingYet('There are no tasks yet. A task is a piece of work for an agent; agents claim runs of it, and this page shows what needs you.', 'chargehand task create "Say hello" --id hello\nchargehand task start hello')}
        <p><a class="button primary" href="new">Create a task</a></p>`;
    }
    return html`<h1>Now</h1>
      ${refusal(this.dashboard.error)}
      ${this.flow(dashboard)}
      <div class="columns"><div>${this.needs()}</div><div>${this.holders()}${this.charts()}</div></div>
      ${this.counts(dashboard)}`;
  }

  /** The first sentence: does it go on? */
  flow(dashboard) {
    const isPaused = scheduler.value?.paused;
    const { totals, queue, health } = dashboard;
    const active = totals.claimed_runs + totals.starting_runs + totals.running_runs;
    const parts = [];
    if (isPaused) parts.push(html`${plural(active, 'run')} under way, ${number(totals.queued_runs)} waiting.`);
    else if (!active && !totals.queued_runs) parts.push(html`<strong>Nothing is under way</strong>, and nothing waits.`);
    else if (!active) parts.push(html`<strong class="warn">Nobody is working</strong>, and ${plural(totals.queued_runs, 'run')} wait${totals.queued_runs === 1 ? 's' : ''}. <a href="queue">See why</a>`);
    else parts.push(html`<strong class="good">Work flows</strong>: ${plural(active, 'run')} under way, ${number(totals.queued_runs)} waiting.`);
    const last = this.history.value?.minutes.at(-1);
    if (totals.queued_runs && last && last.oldest_claimable_age_ms === undefined && !isPaused) parts.push(html` None of those that wait can be claimed now. <a href="queue">See why</a>`);
    if (queue.total) parts.push(html` The oldest waits for ${duration(queue.oldest_queue_age_ms + this.since(dashboard.freshness.observed_at))}.`);
    if (health.stuck_runs) parts.push(html` <span class="bad">${plural(health.stuck_runs, 'run')} seem stuck.</span>`);
    return html`<p class="headline">${parts}</p>`;
  }

  /** Ages grow while nothing happens. */
  since(iso) { return Math.max(0, nowMs() - Date.parse(iso)); }

  needs() {
    const inbox = this.inbox.value;
    const groups = (inbox?.groups ?? []).filter((group) => NEEDS.includes(group.lane) && group.count);
    const blocked = (inbox?.groups ?? []).find((group) => group.lane === 'blocked')?.count;
    const starved = this.scheduler.value?.starved_run_count;
    const isCalm = inbox && !groups.length && !starved && !this.reviews.value?.length;
    return html`<section aria-labelledby="needs"><h2 id="needs">What needs you</h2>
      ${refusal(this.inbox.error)}
      ${this.verdicts()}
      ${starved ? html`<h3><a href="queue">Nobody can claim <span class="count">${number(starved)}</span></a></h3><p>No session may claim ${starved === 1 ? 'this run' : 'these runs'}. <a href="queue">See what is missing</a></p>` : nothing}
      ${!inbox ? loading : isCalm ? html`<p class="empty calm">Nothing needs you.</p>` : groups.map((group) => html`
        <h3><a href=${to('inbox', { lane: group.lane })}>${LANES[group.lane]} <span class="count">${number(group.count)}</span></a></h3>
        <ul class="brief">${(group.items ?? []).slice(0, SHOWN).map((item) => html`<li>${taskLink(item.task)}
          <small>${item.run?.error ? telling(item.run.error) : item.blocking_reason ? reason(item.blocking_reason) : group.lane === 'my_work' ? 'It is yours alone' : ''} · ${ago(item.latest_activity_at)}</small></li>`)}</ul>
        ${group.count > SHOWN ? html`<p><a href=${to('inbox', { lane: group.lane })}>and ${number(group.count - SHOWN)} more</a></p>` : nothing}`)}
      ${blocked ? html`<p class="quiet"><a href=${to('inbox', { lane: 'blocked' })}>${plural(blocked, 'task')}</a> ${blocked === 1 ? 'is' : 'are'} blocked by others.</p>` : nothing}
    </section>`;
  }

  /** Work that waits for a verdict. */
  verdicts() {
    const reviews = this.reviews.value;
    if (!reviews?.length) return nothing;
    return html`<h3><a href="review">Reviews <span class="count">${number(reviews.length)}</span></a></h3>
      <ul class="brief">${reviews.slice(0, SHOWN).map(({ review, task }) => html`<li><a href=${to('review', { id: review.review_id })}>${title(task.title)}</a>
        <small>A verdict is missing, round ${review.review_round} · ${ago(review.requested_at)}</small></li>`)}</ul>`;
  }

  holders() {
    const runs = this.held.value;
    return html`<section aria-labelledby="held"><h2 id="held"><a href="agents">Who holds what</a></h2>
      ${refusal(this.held.error)}
      ${!runs ? loading : !runs.length ? html`<p class="empty calm">No run is held by anybody.</p>` : html`<ul class="brief">${runs.map((run) => html`<li>
        ${badge(run.status)} <a href=${to('run', { id: run.id })}>${title(run.task.title)}</a>
        <small>${run.claimed_by?.ref ?? '–'} · ${run.lease_until ? left(run.lease_until) : 'no lease'}</small></li>`)}</ul>`}
    </section>`;
  }

  counts({ totals, status_breakdown: shares = [] }) {
    const runs = ['queued', 'claimed', 'starting', 'running', 'completed', 'failed', 'canceled'];
    return html`<div class="columns">
      <section aria-labelledby="runs"><h2 id="runs">Runs</h2><table class="counts"><caption class="offscreen">Runs by status</caption><tbody>${runs.map((status) => html`<tr><th scope="row">${badge(status)}</th>
        <td><a href=${to('work', { show: 'runs', filter: `status:${status}` })}>${number(totals[`${status}_runs`])}</a></td></tr>`)}</tbody></table></section>
      <section aria-labelledby="tasks"><h2 id="tasks">Tasks</h2><table class="counts"><caption class="offscreen">Tasks by status</caption><tbody>${shares.map((share) => html`<tr><th scope="row">${badge(share.status)}</th>
        <td><a href=${to('work', { filter: `status:${share.status}` })}>${number(share.count)}</a></td></tr>`)}</tbody></table></section>
      <section aria-labelledby="waits"><h2 id="waits">Why work waits</h2><table class="counts"><caption class="offscreen">Waiting work by reason</caption><tbody>
        ${[['An approval is missing', totals.awaiting_approval_tasks, to('work', { filter: 'approval:pending' })],
    ['Dependencies are not completed', totals.dependency_blocked_tasks, to('work', { filter: 'status:blocked' })],
    ['Tasks are paused', this.scheduler.value?.paused_task_count, to('queue', { paused: 'true' })],
    ['It is in the queue, which says why', totals.queued_runs, 'queue'],
    ['No session may claim it', this.scheduler.value?.starved_run_count, 'queue'],
    ['A run needs attention', this.scheduler.value?.needs_attention_run_count, to('inbox', { lane: 'failed_runs' })]].map(([text, count, href]) => html`<tr><th scope="row">${text}</th>
        <td>${count ? html`<a href=${href}>${number(count)}</a>` : number(count)}</td></tr>`)}</tbody></table></section></div>`;
  }

  charts() {
    const history = this.history.value;
    if (!history) return html`<section aria-labelledby="hour"><h2 id="hour">The last hour</h2>${this.history.error ? refusal(this.history.error) : loading}</section>`;
    return html`<section aria-labelledby="hour"><h2 id="hour">The last hour</h2>
      <div class="charts">${chartsOf(history)}</div>
      <p class="quiet">Counted since ${ago(history.since)}; a restart of the server starts from nothing.</p></section>`;
  }
}

/** Throughput, queue age and latencies by minute, each with its sentence. */
function chartsOf(history) {
  const { minutes } = history;
  // What is not known, as the server has not run so long, is left blank.
  const unknown = Array(Math.max(0, MINUTES - minutes.length)).fill(0);
  const of = (pick) => [...unknown, ...minutes.map((minute) => pick(minute) ?? 0)];
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  const most = (values) => Math.max(0, ...values);
  const completed = of((minute) => minute.runs_completed);
  const failed = of((minute) => minute.runs_failed);
  const created = of((minute) => minute.tasks_created);
  const age = of((minute) => minute.oldest_claimable_age_ms);
  const wait = of((minute) => minute.queue_wait.p95_ms);
  const work = of((minute) => minute.execution.p95_ms);
  return [
    bars('Tasks created', created, `${plural(sum(created), 'task')}, at most ${number(most(created))} a minute.`),
    bars('Runs ended', completed.map((value, at) => value + failed[at]), `${number(sum(completed))} completed, ${number(sum(failed))} failed (red).`, failed),
    bars('Oldest waiting run', age, most(age) ? `At most ${duration(most(age))} so far.` : 'Nothing waited.'),
    bars('Wait until claimed (95 %)', wait, most(wait) ? `At most ${duration(most(wait))} in a minute.` : 'Nothing was claimed.'),
    bars('Work on a run (95 %)', work, most(work) ? `At most ${duration(most(work))} in a minute.` : 'Nothing has ended.'),
  ];
}
