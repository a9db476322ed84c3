// What the server makes of a task or a run: what has to happen next, and what is the matter.
import { html, nothing } from '../core/html.js';
import { nextAction } from '../core/words.js';
import { command, note } from './basic.js';

const TONES = { info: 'info', warn: 'warn', error: 'bad', critical: 'bad' };

export function nextStep(value) {
  const { text, tone } = nextAction(value);
  return note(text, tone);
}

/** Diagnostics with the command that each suggests. */
export function diagnostics(list = []) {
  if (!list.length) return nothing;
  return html`<ul class="diagnostics">${list.map((one) => html`<li><strong class=${TONES[one.severity] ?? 'info'}>${one.title}</strong>: ${one.message}
    <code class="code">${one.code}</code>
    ${one.suggested_command ? command(one.suggested_command) : nothing}</li>`)}</ul>`;
}
