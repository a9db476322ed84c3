// A list of rows that stays as it is while somebody reads it: cells change where they are, and the
// order does not while the pointer is in the table or rows are selected.
import { html, live, nothing, repeat } from '../core/html.js';
import { CallError } from '../core/api.js';
import { arrived, changed, drawNow } from '../core/paint.js';
import { cut, plural } from '../core/format.js';
import { app } from '../core/state.js';
import { loading, refusal } from './basic.js';

const RELOAD_APART_MS = 1000;

/**
 * Args:
 *   load(cursor): a page: {rows, next, total?}.
 *   keyOf(row): what a row is known by.
 *   patch(row, event): the row after an event that is about it; null: it is no longer one.
 *   keysOf(event): the keys of the rows that it is about.
 *   mayBeNew(event): whether it may bring a row that is not there yet, or move one.
 *   columns: {head, cell(row), className?}.
 *   label: of the table. nameOf(row): of a row, for people.
 *   empty(): what to show without rows.
 */
export class List {
  constructor(options) {
    Object.assign(this, { selectable: true, mayBeNew: () => false, patch: null, keysOf: () => [], groupActions: null }, options);
    this.rows = [];
    this.next = null;
    this.total = undefined;
    this.isLoaded = false;
    this.error = null;
    this.selection = new Set();
    this.allMatching = null; // how many, once somebody has selected all that match
    this.isPointerInside = false;
    this.fresh = new Set();
    this.version = 0;
    this.reloadDue = null;
    this.reloadedAt = 0;
    this.isClosed = false;
  }

  get isFrozen() { return this.isPointerInside || this.selection.size > 0 || this.allMatching !== null || this.hasMore; }

  close() {
    this.isClosed = true;
    clearTimeout(this.reloadDue);
  }

  /** Read the first page anew; the rows stay until it is there. */
  async reload() {
    clearTimeout(this.reloadDue);
    this.reloadDue = null;
    this.reloadedAt = performance.now();
    const version = ++this.version;
    const isFirst = !this.isLoaded;
    this.seen = [];
    try {
      const page = await this.load(null);
      if (version !== this.version || this.isClosed) return;
      this.rows = page.rows;
      this.next = page.next;
      this.total = page.total;
      this.hasMore = false;
      this.error = null;
      this.isLoaded = true;
      this.fresh.clear();
      // What came while the page was read may be newer than the page.
      const seen = this.seen;
      this.seen = null;
      this.apply(seen);
      const there = new Set(this.rows.map(this.keyOf));
      for (const key of this.selection) if (!there.has(key)) this.selection.delete(key);
    } catch (error) {
      if (version !== this.version) return;
      this.error = error instanceof CallError ? error : new CallError(0, '', String(error), '', null);
      this.seen = null;
    }
    app.rows = this.rows.length;
    if (isFirst) await this.comeBack();
    else changed();
  }

  /** To where somebody was before. */
  async comeBack() {
    const { y, rows } = history.state ?? {};
    while (this.rows.length < rows && this.next && !this.error && !this.isClosed) await this.more();
    arrived();
    if (y) requestAnimationFrame(() => scrollTo(0, y));
  }

  async more() {
    const cursor = this.next;
    const version = this.version;
    try {
      const page = await this.load(cursor);
      if (version !== this.version) return;
      const there = new Set(this.rows.map(this.keyOf));
      this.rows = [...this.rows, ...page.rows.filter((row) => !there.has(this.keyOf(row)))];
      this.next = page.next;
      this.hasMore = true;
      this.error = null;
      app.rows = this.rows.length;
    } catch (error) {
      this.error = error;
    }
    drawNow();
  }

  /** Read it anew soon, and at most once a second. */
  reloadSoon() {
    if (this.reloadDue !== null || this.isClosed) return;
    const wait = Math.max(0, this.reloadedAt + RELOAD_APART_MS - performance.now());
    this.reloadDue = setTimeout(() => {
      this.reloadDue = null;
      if (document.hidden) { this.isStale = true; return; }
      if (!this.isFrozen) this.reload();
    }, wait);
  }

  onEvents(events) {
    this.seen?.push(...events);
    if (!this.isLoaded) return;
    this.apply(events);
    changed();
  }

  apply(events) {
    if (!events.length) return;
    const places = new Map(this.rows.map((row, place) => [this.keyOf(row), place]));
    let isTouched = false;
    let hasMoved = false;
    const rows = this.rows.slice();
    for (const event of events) {
      let found = false;
      for (const key of this.keysOf(event)) {
        const place = places.get(key);
        if (place === undefined) continue;
        found = true;
        const after = this.patch ? this.patch(rows[place], event) : rows[place];
        if (after === null) hasMoved = true;
        else if (after !== rows[place]) { rows[place] = after; isTouched = true; }
      }
      if (!found && this.mayBeNew(event)) {
        hasMoved = true;
        this.fresh.add(event.timeline.task.id);
      } else if (found && this.moves?.(event)) hasMoved = true;
    }
    if (isTouched) this.rows = rows;
    if (hasMoved) this.reloadSoon();
  }

  toggle(key) {
    this.allMatching = null;
    if (this.selection.has(key)) this.selection.delete(key);
    else this.selection.add(key);
    drawNow();
  }

  togglePage() {
    const all = this.rows.every((row) => this.selection.has(this.keyOf(row)));
    this.allMatching = null;
    this.selection = new Set(all ? [] : this.rows.map(this.keyOf));
    drawNow();
  }

  select(rows) {
    this.allMatching = null;
    this.selection = new Set(rows.map(this.keyOf));
    drawNow();
  }

  clearSelection() {
    this.selection.clear();
    this.allMatching = null;
    if (this.fresh.size) this.reloadSoon();
    drawNow();
  }

  selected() { return this.rows.filter((row) => this.selection.has(this.keyOf(row))); }

  /** A key that was pressed; true where it was of use. */
  onKey(key) {
    const links = [...document.querySelectorAll(`[data-list="${this.name}"] [data-row] a[href]:first-of-type, [data-list="${this.name}"] [data-row] button.row-link`)]
      .filter((link, index, all) => all.findIndex((other) => other.closest('[data-row]') === link.closest('[data-row]')) === index);
    const row = document.activeElement?.closest?.('[data-row]');
    const place = links.findIndex((link) => link.closest('[data-row]') === row);
    if (key === 'j' || key === 'k') {
      const next = place < 0 ? (key === 'j' ? 0 : links.length - 1) : place + (key === 'j' ? 1 : -1);
      links[next]?.focus();
      links[next]?.scrollIntoView({ block: 'nearest' });
      return links.length > 0;
    }
    if (key === 'x' && row && this.selectable) {
      this.toggle(row.dataset.row);
      return true;
    }
    if (key === 'a' && row && this.actOn) {
      const found = this.rows.find((one) => String(this.keyOf(one)) === row.dataset.row);
      if (found) this.actOn(found);
      return Boolean(found);
    }
    if (key === 'Escape' && (this.selection.size || this.allMatching !== null)) {
      this.clearSelection();
      return true;
    }
    return false;
  }

  table() {
    if (!this.isLoaded) return this.error ? refusal(this.error) : loading;
    const enter = () => { this.isPointerInside = true; };
    const leave = () => {
      this.isPointerInside = false;
      if (this.fresh.size && !this.isFrozen) this.reloadSoon();
    };
    const fresh = this.fresh.size && this.isFrozen
      ? html`<button type="button" class="fresh" @click=${() => { this.hasMore = false; this.reload(); }}>${this.fresh.size} new · show</button>` : nothing;
    if (!this.rows.length) return html`${refusal(this.error)}${this.empty()}`;
    const isAll = this.rows.every((row) => this.selection.has(this.keyOf(row)));
    return html`${refusal(this.error)}${fresh}
      <div class="table-frame" data-list=${this.name} tabindex="0" role="group" aria-label=${`${this.label}, scrollable`} @pointerenter=${enter} @pointerleave=${leave}><table>
        <caption class="offscreen">${this.label}</caption>
        <thead><tr>${this.selectable ? html`<th scope="col" class="check"><input type="checkbox" aria-label="Select the page" .checked=${live(isAll)} @change=${() => this.togglePage()}></th>` : nothing}
          ${this.columns.map((column) => html`<th scope="col" class=${column.className ?? ''}>${column.head}</th>`)}</tr></thead>
        <tbody>${repeat(this.rows, this.keyOf, (row) => this.row(row))}</tbody>
      </table></div>
      <div class="foot">${plural(this.rows.length, 'row')}${this.total !== undefined && this.total > this.rows.length ? html` of ${this.total}` : nothing}
        ${this.next ? html`<button type="button" @click=${() => this.more()}>Show more</button>` : nothing}</div>`;
  }

  row(row) {
    const key = this.keyOf(row);
    const isSelected = this.selection.has(key) || this.allMatching !== null;
    return html`<tr data-row=${key} class=${isSelected ? 'selected' : ''}>
      ${this.selectable ? html`<td class="check"><input type="checkbox" aria-label=${`Select ${cut(this.nameOf(row), 100)}`} .checked=${live(isSelected)} @change=${() => this.toggle(key)}></td>` : nothing}
      ${this.columns.map((column) => html`<td class=${column.className ?? ''} data-head=${column.head}>${column.cell(row)}</td>`)}</tr>
      ${this.below?.(row) ?? nothing}`;
  }
}

/** What an event says of a task, put into a row that has its members. */
export function patchedTask(task, event) {
  const { timeline } = event;
  if (event.sequence <= (task.patchedSeq ?? 0) || timeline.task.latest_event_seq < task.latest_event_seq) return task;
  const { id: _, ...members } = timeline.task;
  const after = { ...task, paused: undefined, effective_paused: undefined, paused_by_task_id: undefined, ...members, last_activity_at: timeline.timestamp, patchedSeq: event.sequence };
  if (timeline.event_type === 'task.approved') after.approval_state = 'approved';
  if (timeline.event_type === 'task.rejected') after.approval_state = 'rejected';
  const run = timeline.run;
  if (run) {
    const isOpen = ['queued', 'claimed', 'starting', 'running', 'needs_attention'].includes(run.status);
    if (isOpen) after.active_run = run;
    else if (after.active_run?.id === run.id) after.active_run = undefined;
  }
  return after;
}
