// What the server makes of a task or a run: what has to happen next, and what is the matter.
import { html, nothing } from '../core/html.js';
import { to } from '../core/router.js';
import { nextAction } from '../core/words.js';
import { command, note, reachingNote } from './basic.js';

const TONES = { info: 'info', warn: 'warn', error: 'bad', critical: 'bad' };

export function nextStep(value) {
  const { text, tone } = nextAction(value);
  return note(text, tone);
}

/** A text in which the ids that this server makes are links. */
function linked(text) {
  return text.split(/\b((?:task|run|review)-[0-9a-f]{24})\b/).map((part, at) => (at % 2 ? html`<a href=${to(part.split('-')[0], { id: part })}>${part}</a>` : part));
}

/** A message that does not repeat the ids of what one looks at. */
export function about(message, { taskId, runId } = {}) {
  let text = message;
  if (runId) text = text.replaceAll(`run ${runId}`, 'this run').replaceAll(runId, 'this run');
  if (taskId) text = text.replaceAll(`task ${taskId}`, 'this task').replaceAll(taskId, 'this task');
  return text;
}

/** Diagnostics with the command that each suggests. Args: own: the ids of what one looks at. */
export function diagnostics(list = [], own = {}) {
  if (!list.length) return nothing;
  return html`${list.some((one) => one.suggested_command) ? reachingNote() : nothing}<ul class="diagnostics">${list.map((one) => html`<li><strong class=${TONES[one.severity] ?? 'info'}>${one.title}</strong>: ${linked(about(one.message, own))}
    <code class="code">${one.code}</code>${one.code === 'scheduler_paused' ? html` <a href="scheduler">Resume it</a>` : nothing}
    ${one.suggested_command ? command(one.suggested_command) : nothing}</li>`)}</ul>`;
}
