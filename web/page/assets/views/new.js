// Hand in work: a task or a child, what it waits for, and who may do it; with the same calls as they
// are typed elsewhere.
import { html, nothing } from '../core/html.js';
import { get, newKey, write } from '../core/api.js';
import { drawNow } from '../core/paint.js';
import { navigate, to } from '../core/router.js';
import { app } from '../core/state.js';
import { OWNERS, PRIORITIES, bodyOf, channel, faultOf, fieldRows, metadata } from '../actions/fields.js';
import { chargehand, curl } from '../core/same-call.js';
import { command, reachingNote, refusal, taskLink } from '../parts/basic.js';
import { say } from '../parts/speak.js';
import { Part } from './base.js';

const FIELDS = [
  { name: 'title', label: 'Title', kind: 'text', required: true },
  { name: 'description', label: 'Description', kind: 'long', hint: 'What is to be done.' },
  { name: 'priority', label: 'Priority', kind: 'choice', choices: PRIORITIES },
  { name: 'depends_on', label: 'Depends on', kind: 'lines', only: 'page', hint: 'Ids or identifiers of tasks, one on each line.' },
  { name: 'start', label: 'Queue a run of it', kind: 'flag', only: 'page', hint: 'Agents may claim it once nothing holds the task up.' },
  { name: 'draft', label: 'A draft, to be published later', kind: 'flag', rare: true },
  { name: 'approval_policy', label: 'Approval', kind: 'choice', choices: ['none', 'manual'], rare: true, hint: 'Manual: a person must approve it first.' },
  { name: 'auto_enqueue_on_ready', label: 'Queue a run when it becomes ready', kind: 'flag', rare: true },
  { name: 'max_attempts', label: 'Max attempts', kind: 'number', rare: true },
  { name: 'workspace', label: 'Workspace', kind: 'text', rare: true, hint: 'Id, name or path. Without one the task is global.' },
  { name: 'owner', label: 'Owner', kind: 'owner', rare: true, hint: `KIND:REF, as pool:builders. Kinds: ${OWNERS.join(', ')}.` },
  { name: 'id', label: 'Id', kind: 'text', rare: true, hint: 'One is made otherwise.' },
  { name: 'identifier', label: 'Identifier', kind: 'text', rare: true, hint: 'What it is called elsewhere.' },
  channel,
  metadata,
  { name: 'profile', label: 'Execution profile', kind: 'json', rare: true, only: 'page', hint: 'As {"worker": {"mode": "select", "required_capabilities": ["python"]}}.' },
];

/** An id that says what it is of. */
const slug = (title) => (title ?? '').toLowerCase().match(/[a-z0-9]+/g)?.join('-').slice(0, 40) || 'new-task';

export class New {
  constructor(params) {
    this.params = params;
    this.texts = { priority: 'medium', start: 'true' };
    this.error = null;
    this.busy = false;
    this.key = newKey();
    this.parent = new Part(async () => (await get(`api/tasks/${encodeURIComponent(params.parent)}`)).body.task.summary);
  }

  title() { return this.params.parent ? 'New child' : 'New task'; }

  load() {
    if (this.params.parent) {
      this.parent.load().then(() => {
        if (this.parent.value?.workspace_id) this.texts.workspace ??= this.parent.value.workspace_id;
        drawNow();
      });
    }
  }

  follow(params) { return params.parent === this.params.parent; }

  /** The calls as they are shown: with an id, which those behind the first one need. */
  shownCalls() {
    const needsId = !this.texts.id?.trim() && this.calls().length > 1;
    return this.calls(undefined, needsId ? slug(this.texts.title) : undefined);
  }

  /** All the calls that are made, in order. Args: id: of the task, as it stands in an address. */
  calls(id, madeUp) {
    const body = bodyOf(FIELDS, this.texts);
    if (madeUp) body.id = madeUp;
    id ??= encodeURIComponent(body.id ?? 'ID');
    body.scope = body.workspace ? 'workspace' : 'global';
    body.title ??= 'TITLE'; // what is shown is whole; it is not sent without one
    const parent = this.params.parent;
    const { scope: _, title, ...flags } = body;
    const calls = [parent
      ? { method: 'POST', path: `api/tasks/${encodeURIComponent(parent)}/children`, body, words: chargehand(['task', 'add-child', parent, title], flags) }
      : { method: 'POST', path: 'api/tasks', body, words: chargehand(['task', 'create', title], flags) }];
    const path = `api/tasks/${id}`;
    if (this.texts.profile?.trim()) {
      const profile = JSON.parse(this.texts.profile);
      calls.push({ method: 'PUT', path: `${path}/execution-profile`, body: profile, words: chargehand(['profile', 'set', id, JSON.stringify(profile)]) });
    }
    for (const blocker of (this.texts.depends_on ?? '').split('\n').map((line) => line.trim()).filter(Boolean)) {
      calls.push({ method: 'POST', path: `${path}/dependencies`, body: { depends_on_task_id: blocker }, words: chargehand(['task', 'add-dependency', id, blocker]) });
    }
    if (this.texts.start === 'true') {
      calls.push(this.texts.draft === 'true'
        ? { method: 'POST', path: `${path}/publish`, body: {}, words: chargehand(['task', 'publish', id]) }
        : { method: 'POST', path: `${path}/runs`, body: {}, words: chargehand(['task', 'enqueue', id]) });
    }
    return calls;
  }

  /** Identifiers become ids; what names no task, or several, stays, and is refused as it is. */
  async resolveDependencies() {
    const lines = (this.texts.depends_on ?? '').split('\n').map((line) => line.trim()).filter(Boolean);
    this.texts.depends_on = (await Promise.all(lines.map(async (line) => {
      if (/^task-[0-9a-f]{24}$/.test(line)) return line;
      const { body } = await get('api/tasks', { query: line, include_drafts: true, limit: 50 });
      const found = body.tasks.filter((task) => task.identifier === line);
      return body.tasks.some((task) => task.id === line) || found.length !== 1 ? line : found[0].id;
    }))).join('\n');
  }

  async submit(event) {
    event.preventDefault();
    if (this.busy) return;
    const fault = faultOf(FIELDS, this.texts);
    if (fault) {
      this.error = { message: fault.message };
      drawNow();
      document.getElementById(`field-${fault.field.name}`)?.focus();
      return;
    }
    this.busy = true;
    this.error = null;
    drawNow();
    let made = null;
    try {
      await this.resolveDependencies();
      const [first] = this.calls();
      made = (await write(first.method, first.path, first.body, this.key)).task;
      for (const [at, call] of this.calls(encodeURIComponent(made.id)).slice(1).entries()) {
        await write(call.method, call.path, call.body, `${this.key}-${at}`);
      }
      say('The task is created.');
      navigate('task', { id: made.id });
    } catch (error) {
      this.error = error;
      this.made = made;
      if (made === null) this.key = newKey();
    } finally {
      this.busy = false;
      drawNow();
    }
  }

  render() {
    const fault = faultOf(FIELDS.filter((field) => !field.required), this.texts);
    const calls = fault ? [] : this.shownCalls();
    return html`<h1>${this.title()}</h1>
      ${this.params.parent ? html`<p>Below ${this.parent.value ? taskLink(this.parent.value) : this.params.parent}</p>${refusal(this.parent.error)}` : nothing}
      <form class="new" @submit=${(event) => this.submit(event)} novalidate>
        ${fieldRows(FIELDS, this.texts, () => { this.error = null; if (!this.made) this.key = newKey(); drawNow(); })}
        ${refusal(this.error)}
        ${this.made ? html`<p><a href=${to('task', { id: this.made.id })}>The task</a> is created; what follows was refused. Correct it here and send it again, or go on with the task.</p>` : nothing}
        <div class="actions"><button type="submit" class="primary" ?disabled=${this.busy}>Create the task</button></div>
      </form>
      ${calls.length ? html`<section class="same-call" aria-labelledby="same"><h2 id="same">The same by the command line</h2>
        ${reachingNote()}
        ${command(calls.map((call) => call.words).join('\n'), 'Copy the chargehand commands')}
        <h2>The same by curl</h2>${command(calls.map((call) => curl(call, app.tokenRequired)).join('\n'), 'Copy the curl commands')}</section>` : nothing}`;
  }
}
