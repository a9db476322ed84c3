// One action on many: on the rows that are selected, or on all that match a filter. A preview first,
// then what became of each, and once more for those that were refused.
import { html, nothing, repeat } from '../core/html.js';
import { newKey, write } from '../core/api.js';
import { cut, number, plural } from '../core/format.js';
import { drawNow } from '../core/paint.js';
import { badge, refusal } from '../parts/basic.js';
import { closeDialog, showDialog } from '../parts/dialog.js';
import { say } from '../parts/speak.js';
import { faultOf, fieldRows } from './fields.js';
import { reason } from './fields.js';

const PREVIEWED = 10;
const SLICE = 500;
const REFUSED_SHOWN = 100;

const tasks = (name, label, verb, done, more = {}) => ({ label, verb, done, noun: 'task', path: `api/tasks/bulk/${name}`, ...more });
const runs = (name, label, verb, done, more = {}) => ({ label, verb, done, noun: 'run', path: `api/runs/bulk/${name}`, ...more });

export const BULK_TASKS = [
  tasks('approve', 'Approve', 'Approves', 'approved'),
  tasks('pause', 'Pause', 'Pauses', 'paused', { fields: [reason(true)] }),
  tasks('resume', 'Resume', 'Resumes', 'resumed'),
  tasks('archive', 'Archive', 'Moves out of your inbox', 'archived'),
  tasks('cancel', 'Cancel', 'Cancels, with everything below them,', 'canceled', { fields: [reason()], danger: true }),
];
export const BULK_RUNS = [
  runs('retry', 'Retry', 'Queues a new run in place of', 'retried'),
  runs('cancel', 'Cancel', 'Cancels', 'canceled', { fields: [reason()], danger: true }),
];
/** The contract's own two take ids alone, fifty at once. */
const FIFTY = 50;
export const HELD_RUNS = [
  runs('release', 'Release', 'Takes from their holders, back into the queue,', 'released', { fields: [reason()], danger: true, slice: FIFTY }),
  runs('fail', 'Fail by force', 'Fails', 'failed', { fields: [reason(true)], danger: true, slice: FIFTY }),
];

const chunks = (items, size) => Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));

/**
 * Args:
 *   target: {rows: [{id, title, status}]}, or {filter, words, count}: all that match it.
 *   onResults: called as soon as there are results. onDone: called when the dialog closes after something was done.
 */
export function performBulk(action, target, onDone, onResults = () => {}) {
  const fields = action.fields ?? [];
  const texts = {};
  const state = {
    step: 'preview', error: null, preview: target.rows ?? null, count: target.rows?.length ?? target.count,
    done: 0, refused: [], isStopped: false,
  };
  const isOld = action.slice === FIFTY;

  const look = async () => {
    if (target.rows) return;
    const answer = await write('POST', action.path, { filter: target.filter, dry_run: true, limit: PREVIEWED, ...dryReason() });
    state.count = answer.matched;
    state.preview = answer.results;
  };
  // What needs a reason is not refused for its lack while it is only looked at.
  const dryReason = () => (fields.some((field) => field.name === 'reason' && field.required) ? { reason: 'preview' } : {});
  look().then(drawNow, (error) => { state.error = error; drawNow(); });

  const take = (results) => {
    for (const result of results) {
      if (result.ok) state.done += 1;
      else state.refused.push({ id: result.id ?? result.run_id, title: result.title ?? known.get(result.id ?? result.run_id), error: result.error });
    }
    drawNow();
  };
  const known = new Map((target.rows ?? []).map((row) => [row.id, row.title]));
  const asked = () => (texts.reason?.trim() ? { reason: texts.reason } : {});
  const sendIds = async (ids) => {
    for (const some of chunks(ids, action.slice ?? SLICE)) {
      if (state.isStopped) return;
      const body = isOld ? { run_ids: some } : { ids: some };
      take((await write('POST', action.path, { ...body, ...asked() }, newKey())).results);
    }
  };
  const sendFilter = async () => {
    let cursor;
    do {
      if (state.isStopped) return;
      const answer = await write('POST', action.path, { filter: target.filter, limit: SLICE, ...(cursor ? { cursor } : {}), ...asked() }, newKey());
      take(answer.results);
      cursor = answer.next_cursor;
    } while (cursor);
  };
  const run = async (sending) => {
    state.step = 'working';
    state.error = null;
    drawNow();
    try {
      await sending();
    } catch (error) {
      state.error = error;
    }
    state.step = 'results';
    onResults();
    say(`${number(state.done)} ${action.done}${state.refused.length ? `, ${number(state.refused.length)} refused` : ''}.`);
    drawNow();
  };
  const submit = (event) => {
    event.preventDefault();
    const fault = faultOf(fields, texts);
    if (fault) {
      state.error = { message: fault.message };
      drawNow();
      document.getElementById(`field-${fault.field.name}`)?.focus();
      return;
    }
    run(target.rows ? () => sendIds(target.rows.map((row) => row.id)) : sendFilter);
  };
  const again = () => {
    const ids = state.refused.map((row) => row.id);
    state.refused = [];
    run(() => sendIds(ids));
  };

  const many = () => plural(state.count, action.noun);
  const previewRows = () => html`<ol class="preview">${state.preview.slice(0, PREVIEWED).map((row) => html`<li><bdi>${cut(row.title ?? row.id, 120)}</bdi>
      ${row.status ? badge(row.status) : nothing}${row.ok === false && row.error ? html` <small class="bad">${row.error.error}</small>` : nothing}</li>`)}
    ${state.count > PREVIEWED ? html`<li class="rest">… and ${number(state.count - PREVIEWED)} more</li>` : nothing}</ol>`;
  const preview = () => html`<form @submit=${submit} novalidate>
    ${state.preview === null ? html`<p>${state.error ? '' : 'Looking what matches …'}</p>` : html`
      <p>${action.verb} <strong>${many()}</strong>${target.words ? html`, all that match <code>${target.words}</code>` : nothing}.</p>
      ${previewRows()}`}
    ${fieldRows(fields, texts, () => { state.error = null; drawNow(); })}
    ${refusal(state.error)}
    <div class="actions"><button type="submit" class=${action.danger ? 'danger' : 'primary'} ?disabled=${!state.preview || !state.count}>${action.label} ${state.preview ? many() : ''}</button>
      <button type="button" @click=${closeDialog}>Leave it</button></div></form>`;
  const results = () => html`
    <p aria-live="polite"><strong>${number(state.done)}</strong> of ${many()} ${action.done}${state.refused.length ? html`, <strong>${number(state.refused.length)}</strong> refused` : nothing}.</p>
    ${state.step === 'working' ? html`<progress max=${state.count} value=${state.done + state.refused.length} aria-label="Progress"></progress>` : nothing}
    ${refusal(state.error)}
    ${state.refused.length ? html`<ul class="refused">${repeat(state.refused.slice(0, REFUSED_SHOWN), (row) => row.id, (row) => html`<li><bdi>${cut(row.title ?? row.id, 120)}</bdi>: ${row.error?.diagnostic?.message ?? row.error?.error ?? 'refused'}</li>`)}
      ${state.refused.length > REFUSED_SHOWN ? html`<li>… and ${number(state.refused.length - REFUSED_SHOWN)} more</li>` : nothing}</ul>` : nothing}
    <div class="actions">${state.step === 'working' ? html`<button type="button" @click=${() => { state.isStopped = true; }}>Stop</button>` : html`
      <button type="button" class="primary" @click=${closeDialog}>Done</button>
      ${state.refused.length ? html`<button type="button" @click=${again}>Try the ${number(state.refused.length)} refused again</button>` : nothing}`}</div>`;
  showDialog(`${action.label} ${action.noun}s`, () => (state.step === 'preview' ? preview() : results()), {
    wide: true,
    onClose: () => {
      state.isStopped = true;
      if (state.step !== 'preview') onDone();
    },
  });
}

/**
 * The bar above a list with a selection.
 * Args: actions: bulk ones. idOf, titleOf, statusOf: of a row. matching: {filter, words, count()} or null.
 */
export function bulkBar(list, actions, { toRow, matching = null, applies = () => true }) {
  const count = list.allMatching ?? list.selection.size;
  if (!count && list.allMatching === null) return nothing;
  const rows = list.selected();
  const done = () => { list.clearSelection(); list.reload(); };
  const start = (action) => performBulk(
    action,
    list.allMatching === null ? { rows: rows.filter((row) => applies(action, row)).map(toRow) } : { filter: matching.filter, words: matching.words, count: list.allMatching },
    done,
    () => list.reload(),
  );
  const selectAll = async () => {
    list.allMatching = await matching.count();
    drawNow();
  };
  return html`<div class="bulk" role="toolbar" aria-label="Selected rows">
    <strong>${plural(count, 'row')} selected${list.allMatching === null ? '' : ': all that match'}</strong>
    ${matching && list.allMatching === null && (list.next || list.total > list.rows.length) ? html`<button type="button" @click=${selectAll}>Select all that match</button>` : nothing}
    ${actions.map((action) => html`<button type="button" class=${action.danger ? 'danger' : ''} @click=${() => start(action)}>${action.label}</button>`)}
    <button type="button" class="quiet" @click=${() => list.clearSelection()}>Clear</button></div>`;
}
