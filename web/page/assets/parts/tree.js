// A task and all below it: a tree grid of rows with bars. Only what is open is drawn, and of many
// children the first few, so ten thousand do not hold the page up.
import { html, nothing, repeat, svg } from '../core/html.js';
import { get } from '../core/api.js';
import { drawNow } from '../core/paint.js';
import { cut, number, plural } from '../core/format.js';
import { status } from '../core/words.js';
import { ago, badge, loading, note, refusal, taskLink } from './basic.js';
import { Part } from '../views/base.js';

const OPEN_UP_TO = 200;
const CHILDREN_SHOWN = 100;
const ORDER = ['completed', 'in_progress', 'ready', 'pending', 'blocked', 'draft', 'canceled', 'failed'];

const barPart = (name, x, width) => svg`<rect class=${`part ${status(name).tone}`} x=${x.toFixed(2)} y="0" width=${width.toFixed(2)} height="8"></rect>`;

export class Tree extends Part {
  /** Args: failures: the runs that need somebody, by task. */
  constructor(path, failures) {
    super(async () => (await get(`${path}/tree`)).body.tree);
    this.failures = failures;
    this.folded = new Map(); // what somebody has opened or closed
    this.shown = new Map(); // how many children of a task are shown
  }

  async load() {
    await super.load();
    this.index = null;
    drawNow();
  }

  has(id) { return this.nodes().has(id); }

  nodes() {
    if (this.index && this.index.of === this.value) return this.index.nodes;
    const nodes = new Map();
    const children = new Map();
    const all = this.value ? [this.value.root, ...(this.value.descendants ?? [])] : [];
    for (const node of all) {
      nodes.set(node.task.id, node);
      if (node !== this.value.root) {
        if (!children.has(node.parent_task_id)) children.set(node.parent_task_id, []);
        children.get(node.parent_task_id).push(node);
      }
    }
    // How the whole below each task stands, from the leaves up.
    const sums = new Map();
    for (const node of all.slice().reverse()) {
      const sum = {};
      for (const child of children.get(node.task.id) ?? []) {
        sum[child.task.status] = (sum[child.task.status] ?? 0) + 1;
        for (const [name, count] of Object.entries(sums.get(child.task.id) ?? {})) sum[name] = (sum[name] ?? 0) + count;
      }
      sums.set(node.task.id, sum);
    }
    this.index = { of: this.value, nodes, children, sums, size: all.length };
    return nodes;
  }

  patch(event) {
    const node = this.nodes().get(event.timeline.task.id);
    if (!node) return;
    node.task = event.timeline.task;
    node.active_run = event.timeline.run && !event.timeline.run.ended_at ? event.timeline.run : undefined;
    node.last_activity_at = event.timeline.timestamp;
    this.index = null;
  }

  isOpen(id, depth) { return this.folded.get(id) ?? (this.index.size <= OPEN_UP_TO || depth === 0); }

  render() {
    if (!this.value) return this.error ? refusal(this.error) : loading;
    this.nodes();
    const rows = [];
    this.collect(this.value.root, 0, 1, 1, rows);
    return html`<div class="table-frame" tabindex="0" role="group" aria-label="Tree, scrollable"><table role="treegrid" aria-label="The task and all below it"><thead><tr role="row"><th role="columnheader" scope="col">Task</th><th role="columnheader" scope="col">Status</th><th role="columnheader" scope="col">Below it</th><th role="columnheader" scope="col">Run</th><th role="columnheader" scope="col">Last activity</th></tr></thead>
      <tbody>${repeat(rows, (row) => row.key, (row) => (row.more ? this.moreRow(row) : this.row(row)))}</tbody></table></div>
      <div class="foot">${plural(this.index.size, 'task')}</div>`;
  }

  collect(node, depth, place, of, rows) {
    const children = this.index.children.get(node.task.id) ?? [];
    const isOpen = children.length > 0 && this.isOpen(node.task.id, depth);
    rows.push({ key: node.task.id, node, depth, place, of, children, isOpen });
    if (!isOpen) return;
    const shown = this.shown.get(node.task.id) ?? CHILDREN_SHOWN;
    children.slice(0, shown).forEach((child, at) => this.collect(child, depth + 1, at + 1, children.length, rows));
    if (children.length > shown) rows.push({ key: `${node.task.id}+`, more: children.length - shown, id: node.task.id, shown, depth: depth + 1 });
  }

  row({ node, depth, place, of, children, isOpen }) {
    const toggle = () => { this.folded.set(node.task.id, !isOpen); drawNow(); };
    return html`<tr role="row" aria-level=${depth + 1} aria-posinset=${place} aria-setsize=${of} aria-expanded=${children.length ? String(isOpen) : nothing}>
      <td role="gridcell" data-head="Task" class="wide"><div class="branch depth-${Math.min(depth, 8)}">${children.length ? html`<button type="button" class="small quiet" aria-label=${`${isOpen ? 'Close' : 'Open'} ${cut(node.task.title, 100)}`} @click=${toggle}>${isOpen ? '▾' : '▸'}</button>` : html`<span class="leaf"></span>`}${taskLink(node.task)}</div></td>
      <td role="gridcell" data-head="Status">${badge(node.task.status)}${node.task.effective_paused ? note('Paused', 'warn') : nothing}</td>
      <td role="gridcell" data-head="Below it">${this.bar(node.task.id)}</td>
      <td role="gridcell" data-head="Run">${node.active_run ? badge(node.active_run.status) : this.failures.badge(node.task.id) ?? html`<span class="none">–</span>`}</td>
      <td role="gridcell" data-head="Last activity">${ago(node.last_activity_at)}</td></tr>`;
  }

  moreRow({ id, more, shown }) {
    return html`<tr role="row"><td role="gridcell" colspan="5"><button type="button" @click=${() => { this.shown.set(id, shown + 500); drawNow(); }}>Show ${number(Math.min(500, more))} of ${number(more)} more</button></td></tr>`;
  }

  /** How much of what is below stands how: as a bar, and in words. */
  bar(id) {
    const sums = this.index.sums.get(id);
    const total = Object.values(sums).reduce((all, count) => all + count, 0);
    if (!total) return html`<span class="none">–</span>`;
    let x = 0;
    const parts = ORDER.filter((name) => sums[name]).map((name) => {
      const width = (sums[name] / total) * 100;
      const part = { name, x, width };
      x += width;
      return part;
    });
    const words = parts.map(({ name }) => `${sums[name]} ${status(name).word.toLowerCase()}`).join(', ');
    return html`<span class="progress" title=${words}><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">${parts.map(({ name, x: from, width }) => barPart(name, from, width))}</svg>
      <small>${number(sums.completed ?? 0)} of ${number(total)}${sums.failed ? html`, <span class="bad">${number(sums.failed)} failed</span>` : nothing}</small></span>`;
  }
}
