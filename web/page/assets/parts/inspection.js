// What the server makes of a task or a run: what has to happen next, and what is the matter.
import { html, nothing } from '../core/html.js';
import { to } from '../core/router.js';
import { nextAction } from '../core/words.js';
import { badge, command, note, reachingNote, taskLink } from './basic.js';

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

const NAMED = 3;

/** The tasks that are waited for, by name; undefined where the reason is another one.
 * Args: references: the dependencies. failures: a `Failures`; without it no states are shown. */
export function waitsFor({ code, evidence }, references = [], failures) {
  if (code !== 'task_awaiting_dependencies' || evidence.review_ids) return undefined; // the message says which reviews
  const ids = evidence.depends_on_task_ids.split(' ');
  const tasks = references.map((one) => one.depends_on).filter((one) => ids.includes(one.id));
  if (tasks.length < ids.length) return undefined;
  const state = (task) => failures && (failures.badge(task.id) ?? badge(task.status));
  return html`${tasks.slice(0, NAMED).map((task) => html`${state(task) ?? nothing} ${taskLink(task)} `)}${tasks.length > NAMED ? `and ${tasks.length - NAMED} more` : nothing}`;
}

/** Diagnostics with the command that each suggests. Args: own: the ids of what one looks at.
 * words(one): what is shown of one instead of its message, or undefined. */
export function diagnostics(list = [], own = {}, words = () => undefined) {
  if (!list.length) return nothing;
  return html`${list.some((one) => one.suggested_command) ? reachingNote() : nothing}<ul class="diagnostics">${list.map((one) => html`<li><strong class=${TONES[one.severity] ?? 'info'}>${one.title}</strong>: ${words(one) ?? linked(about(one.message, own))}
    <code class="code">${one.code}</code>${one.code === 'scheduler_paused' ? html` <a href="scheduler">Resume it</a>` : nothing}
    ${one.suggested_command ? command(one.suggested_command) : nothing}</li>`)}</ul>`;
}
