// One action on one thing: a dialog that says what it will do, asks what the API takes, and shows the
// same call as it is typed elsewhere.
import { html, nothing } from '../core/html.js';
import { newKey, write } from '../core/api.js';
import { cut } from '../core/format.js';
import { drawNow } from '../core/paint.js';
import { command, reachingNote, refusal } from '../parts/basic.js';
import { closeDialog, showDialog } from '../parts/dialog.js';
import { say } from '../parts/speak.js';
import { bodyOf, faultOf, fieldRows } from './fields.js';
import { chargehand, curl } from '../core/same-call.js';
import { app } from '../core/state.js';

/** The call that an action makes with what was typed. */
export function callOf(action, subject, texts) {
  const fields = action.fields ?? [];
  const typed = bodyOf(fields, texts);
  const made = action.body ? action.body(typed, subject, texts) : typed;
  const sends = fields.length > 0 || action.body;
  return { method: action.method ?? 'POST', path: action.path(subject, texts), body: sends ? made : undefined };
}

export function sameCall(action, subject, texts, call) {
  return html`<details class="same-call"><summary>The same call</summary>
    ${command(curl(call, app.tokenRequired), 'Copy the curl command')}
    ${action.command ? reachingNote() : nothing}
    ${action.command ? command(chargehand(action.command(subject, texts), action.flags ? action.flags(texts, subject) : call.body ?? {}), 'Copy the chargehand command') : nothing}
  </details>`;
}

/**
 * Ask and do. Args: onDone: called with the answer.
 */
export function perform(action, subject, onDone = () => {}) {
  const fields = action.fields ?? [];
  const texts = { ...(action.initial?.(subject) ?? {}) };
  for (const field of fields) {
    if (field.kind === 'choice' && field.required) texts[field.name] ??= field.choices[0];
  }
  const state = { error: null, busy: false, consequence: null, key: newKey() };
  if (action.consequence) {
    Promise.resolve(action.consequence(subject)).then((text) => { state.consequence = text; drawNow(); }, () => {});
  }
  const input = () => { state.error = null; state.key = newKey(); drawNow(); };
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    const fault = faultOf(fields, texts);
    if (fault) {
      state.error = { message: fault.message };
      drawNow();
      document.getElementById(`field-${fault.field.name}`)?.focus();
      return;
    }
    const call = callOf(action, subject, texts);
    state.busy = true;
    state.error = null;
    drawNow();
    try {
      const answer = await write(call.method, call.path, call.body, state.key);
      closeDialog();
      say(`${action.done ?? `${action.label}: done`}.`);
      onDone(answer);
    } catch (error) {
      state.error = error;
    } finally {
      state.busy = false;
      drawNow();
    }
  };
  const name = subject.title ?? subject.id ?? subject.review_id;
  showDialog(action.label, () => {
    const fault = faultOf(fields, texts);
    return html`<form @submit=${submit} novalidate>
      ${name ? html`<p class="subject"><bdi>${cut(name, 200)}</bdi></p>` : nothing}
      <p>${action.says(subject)} ${state.consequence ? html`<strong>${state.consequence}</strong>` : nothing}</p>
      ${fieldRows(fields, texts, input)}
      ${refusal(state.error)}
      <div class="actions"><button type="submit" class=${action.danger ? 'danger' : 'primary'} ?disabled=${state.busy}>${action.label}</button>
        <button type="button" @click=${closeDialog}>Leave it</button></div>
      ${fault ? nothing : sameCall(action, subject, texts, callOf(action, subject, texts))}
    </form>`;
  });
}

/** Buttons of what can be done with a thing: what is most likely wanted is there, the rest is folded. */
export function actionButtons(actions, subject, onDone, { all = false } = {}) {
  const possible = actions.filter((action) => !action.when || action.when(subject));
  const button = (action) => html`<button type="button" class=${action.danger ? 'danger' : action.first?.(subject) ? 'primary' : ''}
    @click=${() => perform(action, subject, onDone)}>${action.label}</button>`;
  if (all) return possible.map(button);
  const first = possible.filter((action) => action.first?.(subject));
  const rest = possible.filter((action) => !action.first?.(subject));
  return html`<div class="actions">${first.map(button)}
    ${rest.length ? html`<details class="menu"><summary class="button">${first.length ? 'More' : 'Actions'}</summary><div class="menu-items">${rest.map(button)}</div></details>` : nothing}</div>`;
}

/** The action on another thing than that of the list which it is in. */
export const ofOther = (action, other) => ({ ...action, subject: other, when: () => !action.when || action.when(other) });

/** The same as a list in a dialog, for the keyboard. */
export function chooseAction(label, actions, subject, onDone) {
  const possible = actions.filter((action) => !action.when || action.when(subject));
  showDialog(label, () => html`<div class="action-list">${possible.map((action) => html`
    <button type="button" class=${action.danger ? 'danger' : ''} @click=${() => { closeDialog(); queueMicrotask(() => perform(action, action.subject ?? subject, onDone)); }}>${action.label}</button>`)}
    ${possible.length ? nothing : html`<p>Nothing can be done with it now.</p>`}</div>`);
}
