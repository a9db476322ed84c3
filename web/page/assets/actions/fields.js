// The fields of a form: what is typed, and what is sent of it.
import { html, live, nothing } from '../core/html.js';

export const reason = (required = false) => ({
  name: 'reason', label: 'Reason', kind: 'long', required, hint: 'For those who read it later.',
});
export const metadata = { name: 'metadata', label: 'Metadata', kind: 'json', hint: 'Any JSON.', rare: true };
export const key = { name: 'idempotency_key', label: 'Idempotency key', kind: 'text', rare: true, hint: 'Sent again, the same key has the same effect.' };
export const channel = { name: 'network_channel', label: 'Channel', kind: 'text', rare: true, hint: 'Of the agents that may do it.' };
export const PRIORITIES = ['low', 'medium', 'high', 'urgent'];
export const OWNERS = ['human', 'pool', 'agent_session', 'automation', 'extension', 'network_peer'];

/** What is wrong with a field's text, or null. */
function fault(field, text) {
  if (field.required && !text.trim()) return `${field.label} is required.`;
  if (!text.trim()) return null;
  if (field.kind === 'json') {
    try { JSON.parse(text); } catch { return `${field.label} is not JSON.`; }
  }
  if ((field.kind === 'number' || field.kind === 'fraction') && !Number.isFinite(Number(text))) return `${field.label} is not a number.`;
  if (field.kind === 'owner' && !/^[a-z_]+:.+/.test(text.trim())) return `${field.label} is KIND:REF, as pool:builders.`;
  return null;
}

/** A number goes as it was typed, also where JavaScript has none like it. */
const asTyped = (name, value, { source } = {}) => (typeof value === 'number' && source && JSON.rawJSON ? JSON.rawJSON(source) : value);

function value(field, text) {
  switch (field.kind) {
    case 'json': return JSON.parse(text, asTyped);
    case 'number': case 'fraction': return Number(text);
    case 'lines': return text.split('\n').map((line) => line.trim()).filter(Boolean);
    case 'owner': {
      const [kind, ...ref] = text.trim().split(':');
      return { kind, ref: ref.join(':') };
    }
    case 'flag': return text === 'true';
    default: return text;
  }
}

/** The body that a form makes: what is blank is left out. `inside` is the member that a field is in;
 * `when` says of the other fields whether it is there. */
export function bodyOf(fields, texts) {
  const body = {};
  for (const field of fields.filter((one) => !one.when || one.when(texts))) {
    const text = texts[field.name] ?? '';
    if (field.only === 'page' || !text.trim() || (field.kind === 'flag' && text !== 'true' && !field.both)) continue;
    const target = field.inside ? (body[field.inside] ??= {}) : body;
    target[field.name] = value(field, text);
  }
  return body;
}

/** The first thing that is wrong, or null. */
export function faultOf(fields, texts) {
  for (const field of fields.filter((one) => !one.when || one.when(texts))) {
    const found = fault(field, texts[field.name] ?? '');
    if (found) return { field, message: found };
  }
  return null;
}

function input(field, texts, onInput) {
  const id = `field-${field.name}`;
  const text = texts[field.name] ?? '';
  const change = (event) => {
    texts[field.name] = field.kind === 'flag' ? String(event.target.checked) : event.target.value;
    onInput();
  };
  const hint = field.hint ? `${id}-hint` : nothing;
  switch (field.kind) {
    case 'long': case 'json': case 'lines':
      return html`<textarea id=${id} rows=${field.kind === 'json' ? 4 : 3} spellcheck=${field.kind !== 'json'} ?required=${field.required}
        aria-describedby=${hint} .value=${live(text)} @input=${change}></textarea>`;
    case 'choice':
      return html`<select id=${id} aria-describedby=${hint} @change=${change}>
        ${field.required ? nothing : html`<option value="" ?selected=${!text}></option>`}
        ${field.choices.map((choice) => html`<option value=${choice} ?selected=${choice === text}>${choice.replaceAll('_', ' ')}</option>`)}</select>`;
    case 'flag':
      return html`<input type="checkbox" id=${id} aria-describedby=${hint} .checked=${live(text === 'true')} @change=${change}>`;
    default:
      return html`<input type="text" id=${id} inputmode=${field.kind === 'number' || field.kind === 'fraction' ? 'decimal' : 'text'}
        autocomplete="off" ?required=${field.required} aria-describedby=${hint} .value=${live(text)} @input=${change}>`;
  }
}

function row(field, texts, onInput) {
  const id = `field-${field.name}`;
  return html`<div class="field kind-${field.kind}">
    <label for=${id}>${field.label}${field.required ? html` <span class="needed">required</span>` : nothing}</label>
    ${input(field, texts, onInput)}
    ${field.hint ? html`<small id="${id}-hint">${field.hint}</small>` : nothing}</div>`;
}

/** The fields; those that are rarely wanted are folded. */
export function fieldRows(all, texts, onInput) {
  const fields = all.filter((field) => !field.when || field.when(texts));
  const rare = fields.filter((field) => field.rare);
  return html`${fields.filter((field) => !field.rare).map((field) => row(field, texts, onInput))}
    ${rare.length ? html`<details class="more"><summary>More</summary>${rare.map((field) => row(field, texts, onInput))}</details>` : nothing}`;
}
