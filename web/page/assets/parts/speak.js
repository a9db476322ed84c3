// The one place that tells screen readers, and everybody, what has just happened.
import { html } from '../core/html.js';
import { changed } from '../core/paint.js';

let text = '';
let timer = null;

/** Say something for a while: a summary, never a row. */
export function say(words) {
  text = words;
  clearTimeout(timer);
  timer = setTimeout(() => { text = ''; changed(); }, 8000);
  changed();
}

export const statusLine = () => html`<div role="status" id="said" class=${text ? 'said' : 'said nothing-said'}>${text}</div>`;
