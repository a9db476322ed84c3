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
import { Part, seldom } from './base.js';

const LOOK_APART_MS = 300;
const DEPENDS_ON = { name: 'depends_on', label: 'Depends on', kind: 'lines', only: 'page', hint: 'Ids or identifiers of tasks, one on each line.' };
const FIELDS = [
  { name: 'title', label: 'Title', kind: 'text', required: true },
  { name: 'description', label: 'Description', kind: 'long', hint: 'What is to be done.' },
  { name: 'priority', label: 'Priority', kind: 'choice', choices: PRIORITIES },
  DEPENDS_ON,
  { name: 'start', label: 'Queue a run of it', kind: 'flag', only: 'page', when: (texts) => texts.draft !== 'true', hint: 'Agents may claim it once nothing holds the task up.' },
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

/** The task that a line names: `{id}`, or `{fault}` in words. */
async function named(line) {
  const { tasks } = (await get('api/tasks', { query: line, include_drafts: true, limit: 1000 })).body;
  const found = ['id', 'identifier'].map((member) => tasks.filter((task) => task[member] === line)).find((some) => some.length) ?? [];
  if (found.length === 1) return { id: found[0].id };
  return { fault: `“${line}” is ${found.length ? 'the identifier of several tasks: name one by its id' : 'no id or identifier of a task'}` };
}

export class New {
  constructor(params) {
    this.params = params;
    this.texts = { priority: 'medium', start: 'true' };
    this.error = null;
    this.busy = false;
    this.key = newKey();
    this.made = null;
    this.id = `task-${newKey().slice(-24)}`;
    this.found = new Map();
    this.findSoon = seldom(LOOK_APART_MS, () => this.find(), LOOK_APART_MS);
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

  close() { this.findSoon.cancel(); }

  blockers() { return bodyOf([{ ...DEPENDS_ON, only: undefined }], this.texts).depends_on ?? []; }

  /** Identifiers become ids, also for what is shown; what names no task is looked for again. */
  async find() {
    await Promise.all(this.blockers().filter((line) => !this.found.get(line)?.id).map(async (line) => {
      this.found.set(line, await named(line).catch((error) => ({ fault: error.message })));
    }));
    drawNow();
  }

  /** Why the calls are not known, or undefined. */
  unknown() {
    const line = this.blockers().find((one) => !this.found.get(one)?.id);
    return line && (this.found.get(line)?.fault ?? `Looking for “${line}” …`);
  }

  /** All that is to be done, in order: the task with its dependencies is made at once or not at all, and
   * no run of it is queued before its profile is there. */
  calls() {
    const { texts, made, params: { parent } } = this;
    const body = bodyOf(FIELDS, texts);
    body.scope = body.workspace ? 'workspace' : 'global';
    body.title ??= 'TITLE'; // what is shown is whole; it is not sent without one
    const profile = texts.profile?.trim() && JSON.parse(texts.profile);
    if (profile) body.id ??= this.id;
    const id = made?.id ?? body.id;
    const path = `api/tasks/${encodeURIComponent(id)}`;
    const starts = texts.start === 'true' && texts.draft !== 'true';
    const isQueued = starts && !profile && !made;
    const ids = [...new Set(this.blockers().map((line) => this.found.get(line)?.id))];
    const calls = [];
    if (!made && (isQueued || ids.length)) {
      const item = { ...body };
      if (parent) item.parent_task_id = parent;
      if (ids.length) item.depends_on = ids.map((one) => ({ task_id: one }));
      if (isQueued) item.enqueue = true;
      calls.push({ method: 'POST', path: 'api/tasks/batch', body: { items: [item] }, words: chargehand(['task', 'create-batch', JSON.stringify([item])]) });
    } else if (!made) {
      const { scope: _, title, ...flags } = body;
      calls.push(parent
        ? { method: 'POST', path: `api/tasks/${encodeURIComponent(parent)}/children`, body, words: chargehand(['task', 'add-child', parent, title], flags) }
        : { method: 'POST', path: 'api/tasks', body, words: chargehand(['task', 'create', title], flags) });
    }
    if (profile) calls.push({ method: 'PUT', path: `${path}/execution-profile`, body: profile, words: chargehand(['profile', 'set', id, JSON.stringify(profile)]) });
    if (starts && !isQueued) calls.push({ method: 'POST', path: `${path}/runs`, body: {}, words: chargehand(['task', 'enqueue', id]) });
    return calls;
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
    try {
      await this.find();
      const unknown = this.unknown();
      if (unknown) throw new Error(unknown);
      for (const [at, call] of this.calls().entries()) {
        const { task, results } = await write(call.method, call.path, call.body, `${this.key}-${at}`);
        this.made ??= task ?? results[0].task;
      }
      say('The task is created.');
      navigate('task', { id: this.made.id });
    } catch (error) {
      error.message = error.message.replace(/^item 0: /, '');
      this.error = error;
    } finally {
      this.busy = false;
      drawNow();
    }
  }

  render() {
    const fault = faultOf(FIELDS.filter((field) => !field.required), this.texts);
    const unknown = this.unknown();
    const calls = fault || unknown ? [] : this.calls();
    // The first refusal stops the rest.
    const typed = (words) => calls.map(words).join(' &&\n');
    return html`<h1>${this.title()}</h1>
      ${this.params.parent ? html`<p>Below ${this.parent.value ? taskLink(this.parent.value) : this.params.parent}</p>${refusal(this.parent.error)}` : nothing}
      <form class="new" @submit=${(event) => this.submit(event)} novalidate>
        ${fieldRows(FIELDS, this.texts, () => { this.error = null; this.key = newKey(); if (this.unknown()) this.findSoon(); drawNow(); })}
        ${refusal(this.error)}
        ${this.made ? html`<p><a href=${to('task', { id: this.made.id })}>The task</a> is created; what follows was refused. Correct it here and send it again, or go on with the task.</p>` : nothing}
        <div class="actions"><button type="submit" class="primary" ?disabled=${this.busy}>Create the task</button></div>
      </form>
      ${calls.length || unknown ? html`<section class="same-call" aria-labelledby="same"><h2 id="same">The same by the command line</h2>
        ${unknown ? html`<p>${unknown}</p>` : html`${reachingNote()}
        ${command(typed((call) => call.words), 'Copy the chargehand commands')}
        <h2>The same by curl</h2>${command(typed((call) => `${curl(call, app.tokenRequired)} --fail-with-body`), 'Copy the curl commands')}`}</section>` : nothing}`;
  }
}
