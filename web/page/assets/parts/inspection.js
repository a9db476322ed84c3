// What the server makes of a task or a run: what has to happen next, and what is the matter.
import { html, nothing } from '../core/html.js';
import { to } from '../core/router.js';
import { nextAction } from '../core/words.js';
import { command, note } from './basic.js';

const TONES = { info: 'info', warn: 'warn', error: 'bad', critical: 'bad' };

export function nextStep(value) {
  const { text, tone } = nextAction(value);
  return note(text, tone);
}

/** A text in which the ids that this server makes are links. */
function linked(text) {
  return text.split(/\b((?:task|run|review)-[0-9a-f]{24})\b/).map((part, at) => (at % 2 ? html`<a href=${to(part.split('-')[0], { id: part })}>${part}</a>` : part));
}

/** Diagnostics with the command that each suggests. */
export function diagnostics(list = []) {
  if (!list.length) return nothing;
  return html`<ul class="diagnostics">${list.map((one) => html`<li><strong class=${TONES[one.severity] ?? 'info'}>${one.title}</strong>: ${linked(one.message)}
    <code class="code">${one.code}</code>
    ${one.suggested_command ? command(one.suggested_command) : nothing}</li>`)}</ul>`;
}
