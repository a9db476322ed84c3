// JSON as people read it: folded, in its own order, and numbers as they were written.
import { html, nothing } from '../core/html.js';
import { bytes, cut } from '../core/format.js';
import { copy } from './basic.js';

export const LARGE_BYTES = 32 * 1024; // a result may have 64 KiB; half of it is more than anybody reads folded
const PREVIEW_CHARS = 2000;
const ITEMS_MAX = 200;

/** A number as it was written: JavaScript may hold another one. */
class Written {
  constructor(text) { this.text = text; }
}

const isFolder = (value) => typeof value === 'object' && value !== null && !(value instanceof Written);

/** The value of a JSON text; undefined where a browser without `context` would show another number. */
function read(text) {
  let isExact = true;
  const value = JSON.parse(text, (_, one, context) => {
    if (typeof one !== 'number' || String(one) === context?.source) return one;
    if (context?.source === undefined) {
      if (Number.isInteger(one) && !Number.isSafeInteger(one)) isExact = false;
      return one;
    }
    return new Written(context.source);
  });
  return isExact ? value : undefined;
}

function leaf(value) {
  if (value instanceof Written) return html`<span class="json-value">${value.text}</span>`;
  if (typeof value === 'string') return html`<span class="json-text">${JSON.stringify(cut(value, 4000))}</span>`;
  return html`<span class="json-value">${String(value)}</span>`;
}

function entry(name, value, depth) {
  const label = name === null ? nothing : html`<span class="json-name">${name}</span>: `;
  if (!isFolder(value)) return html`<div class="json-row">${label}${leaf(value)}</div>`;
  const pairs = Object.entries(value);
  const kind = Array.isArray(value) ? `[${pairs.length}]` : `{${pairs.length}}`;
  return html`<details class="json-row" ?open=${depth < 1 && pairs.length <= 20}>
    <summary>${label}<span class="json-kind">${kind}</span></summary>
    <div class="json-inside">${pairs.slice(0, ITEMS_MAX).map(([key, inside]) => entry(key, inside, depth + 1))}
      ${pairs.length > ITEMS_MAX ? html`<div class="json-row">… and ${pairs.length - ITEMS_MAX} more; the whole text is below</div>` : nothing}</div>
  </details>`;
}

/**
 * A value with its text. Numbers that JavaScript cannot hold are shown as they were written.
 * Args: text: the JSON as it came. name: of the file that it is downloaded as.
 */
export function json(text, name) {
  const size = new Blob([text]).size;
  const download = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const buttons = html`<div class="actions"><button type="button" class="small" @click=${download}>Download ${name} (${bytes(size)})</button>
    <button type="button" class="small" @click=${() => copy(text)}>Copy</button></div>`;
  if (size >= LARGE_BYTES) {
    return html`<div class="json large"><p>${bytes(size)}: the first ${PREVIEW_CHARS} characters are shown.</p>
      <pre tabindex="0">${cut(text, PREVIEW_CHARS)}</pre>${buttons}</div>`;
  }
  const value = read(text);
  return html`<div class="json">${value === undefined ? nothing : entry(null, value, 0)}
    <details ?open=${value === undefined}><summary>Text</summary><pre tabindex="0">${text}</pre></details>${buttons}</div>`;
}

/** The text of one member of a JSON text, as it was written there; undefined where it is not there.
 * Args: path: the names on the way. */
export function textOf(source, path) {
  let at = 0;
  const blank = () => { while (/\s/.test(source[at])) at += 1; };
  const string = () => {
    const begin = at;
    at += 1;
    while (source[at] !== '"') at += source[at] === '\\' ? 2 : 1;
    at += 1;
    return source.slice(begin, at);
  };
  const skip = () => {
    blank();
    const begin = at;
    if (source[at] === '"') string();
    else if (source[at] === '{' || source[at] === '[') {
      let depth = 0;
      do {
        if (source[at] === '"') { string(); continue; }
        if (source[at] === '{' || source[at] === '[') depth += 1;
        else if (source[at] === '}' || source[at] === ']') depth -= 1;
        at += 1;
      } while (depth > 0);
    } else while (at < source.length && !',}]'.includes(source[at])) at += 1;
    return source.slice(begin, at).trim();
  };
  const find = (names) => {
    blank();
    if (!names.length) return skip();
    if (source[at] !== '{') return undefined;
    at += 1;
    for (;;) {
      blank();
      if (source[at] === '}' || at >= source.length) return undefined;
      const name = JSON.parse(string());
      blank();
      at += 1; // the colon
      if (name === names[0]) return find(names.slice(1));
      skip();
      blank();
      if (source[at] === ',') at += 1;
    }
  };
  return find(path);
}
