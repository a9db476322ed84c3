// What is missing, and does it go round in circles?
import { html, nothing } from '../core/html.js';
import { get, getText } from '../core/api.js';
import { cut, isTime } from '../core/format.js';
import { to } from '../core/router.js';
import { reason } from '../core/words.js';
import { actionButtons, chooseAction } from '../actions/perform.js';
import { verdict } from '../actions/runs.js';
import { ago, at, badge, facts, identifier, loading, refusal, runLink, taskLink, title } from '../parts/basic.js';
import { json, textOf } from '../parts/json.js';
import { List } from '../parts/list.js';
import { Part, seldom } from './base.js';

/** One review; without an id all that wait for a verdict. */
export class Review {
  constructor(params) {
    this.params = params;
    if (!params.id) {
      this.list = new List({
        name: 'reviews', label: 'Reviews', selectable: false, nameOf: (row) => row.task.title,
        keyOf: (row) => row.review.review_id,
        mayBeNew: (event) => event.timeline.event_type.includes('review'),
        load: async (cursor) => {
          const { body, next } = await get('api/task-reviews', { status: params.status, limit: 50, cursor });
          return { rows: body.reviews, next };
        },
        empty: () => html`<p class="empty calm" data-empty="nothing">No review was asked for.</p>`,
        columns: [
          { head: 'Task', className: 'wide', cell: (row) => html`<a href=${to('review', { id: row.review.review_id })}>${cut(row.task.title, 200)}</a>` },
          { head: 'Status', cell: (row) => badge(row.review.status) },
          { head: 'Round', cell: (row) => row.review.review_round },
          { head: 'Outcome', cell: (row) => (row.review.outcome ? reason(row.review.outcome) : '–') },
          { head: 'Requested', cell: (row) => at(row.review.requested_at) },
        ],
      });
      return;
    }
    this.review = new Part(async () => {
      const { review } = (await get(`api/task-reviews/${encodeURIComponent(params.id)}`)).body;
      this.taskId = review.task_id;
      this.runId = review.run_id;
      this.rounds.load();
      this.work.load();
      return review;
    });
    this.work = new Part(async () => {
      const source = await getText(`api/task-runs/${encodeURIComponent(this.runId)}`);
      return { source, ...JSON.parse(source).run };
    });
    this.rounds = new Part(async () => (await get(`api/tasks/${encodeURIComponent(this.taskId)}/reviews`, { limit: 100 })).body.reviews
      .sort((one, other) => one.review_round - other.review_round || one.attempt - other.attempt));
    this.done = () => this.load();
    this.again = seldom(1000, () => this.load());
  }

  title() { return this.params.id ? 'Review' : 'Reviews'; }

  load() { (this.list ? this.list.reload() : this.review.load()); }

  shown() { this.load(); }

  close() {
    this.list?.close();
    this.again?.cancel();
  }

  onEvents(events) {
    if (this.list) this.list.onEvents(events);
    else if (events.some((event) => event.timeline.task.id === this.taskId)) this.again();
  }

  onKey(key) {
    if (this.list) return this.list.onKey(key);
    if (key !== 'a' || !this.review.value) return false;
    chooseAction('Review', [verdict], this.review.value, this.done);
    return true;
  }

  render() {
    if (this.list) return html`<h1>Reviews</h1>${this.list.table()}`;
    const review = this.review.value;
    if (!review) return html`<h1>Review</h1>${this.review.error ? refusal(this.review.error) : loading}`;
    const task = this.work.value?.task;
    return html`<p class="path"><a href="review">Reviews</a> › ${task ? taskLink(task) : html`<a href=${to('task', { id: review.task_id })}>${review.task_id}</a>`}</p>
      <div class="heading"><h1>Review of ${task ? title(task.title) : 'a run'}, round ${review.review_round}</h1>${badge(review.status)}${review.outcome ? html`<strong>${reason(review.outcome)}</strong>` : nothing}</div>
      ${refusal(this.review.error)}
      ${actionButtons([verdict], review, this.done)}
      ${review.reason ? html`<p class="text"><bdi>${cut(review.reason, 5000)}</bdi></p>` : nothing}
      ${(review.missing_work ?? []).length ? html`<section aria-labelledby="missing"><h2 id="missing">What is missing</h2><ul>${review.missing_work.map((item) => html`<li><bdi>${cut(item, 1000)}</bdi></li>`)}</ul></section>` : nothing}
      ${review.next_round_guidance ? html`<section aria-labelledby="guidance"><h2 id="guidance">Guidance for the next round</h2><p class="text"><bdi>${cut(review.next_round_guidance, 5000)}</bdi></p></section>` : nothing}
      ${review.review_text ? html`<section aria-labelledby="whole"><h2 id="whole">The whole review</h2><p class="text"><bdi>${cut(review.review_text, 20000)}</bdi></p></section>` : nothing}
      ${this.judged()}
      ${facts([['Review', identifier(review.review_id)], ['Run', runLink({ id: review.run_id })], ['Policy', review.policy.replaceAll('_', ' ')],
    ['Requested', at(review.requested_at)], ['Deadline', at(review.deadline_at)], ['Reviewed', at(review.reviewed_at)],
    ['By', review.reviewed_by?.ref ?? review.reviewer_agent_name], ['Confidence', review.confidence]])}
      <section aria-labelledby="rounds"><h2 id="rounds">Rounds</h2>${this.roundList(review)}</section>`;
  }

  /** What there is to judge. */
  judged() {
    const work = this.work.value;
    if (!work) return this.work.error ? refusal(this.work.error) : loading;
    return html`<section aria-labelledby="work"><h2 id="work">What was done</h2>
      <p>${runLink(work.run, `Attempt ${work.run.attempt}`)} ${badge(work.run.status)} by ${work.run.claimed_by?.ref ?? '–'}</p>
      ${work.run.error ? html`<pre class="error-text" tabindex="0">${cut(work.run.error, 4000)}</pre>` : nothing}
      ${work.run.result === undefined ? html`<p class="empty calm">It has left no result.</p>` : json(textOf(work.source, ['run', 'run', 'result']), `${work.run.id}-result.json`)}</section>`;
  }

  /** All rounds of the task; what was missing before, and is again, is marked. */
  roundList(current) {
    const rounds = this.rounds.value;
    if (!rounds) return this.rounds.error ? refusal(this.rounds.error) : loading;
    const seen = new Set();
    return html`<ol class="story">${rounds.map((one) => {
    const items = (one.missing_work ?? []).map((item) => ({ item, isAgain: seen.has(item) }));
    items.forEach(({ item }) => seen.add(item));
    return html`<li><a href=${to('review', { id: one.review_id })} aria-current=${one.review_id === current.review_id ? 'true' : nothing}>Round ${one.review_round}</a> ${badge(one.status)}
      ${one.outcome ? reason(one.outcome) : nothing}${one.reason ? html`: <bdi>${cut(one.reason, 300)}</bdi>` : nothing} <small>${ago(isTime(one.reviewed_at) ? one.reviewed_at : one.requested_at)}</small>
      ${items.length ? html`<ul>${items.map(({ item, isAgain }) => html`<li>${isAgain ? html`<strong class="warn">again: </strong>` : nothing}<bdi>${cut(item, 300)}</bdi></li>`)}</ul>` : nothing}
      ${one.next_round_guidance ? html`<p class="text"><bdi>${cut(one.next_round_guidance, 1000)}</bdi></p>` : nothing}</li>`;
  })}</ol>`;
  }
}
