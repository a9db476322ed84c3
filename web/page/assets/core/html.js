// What templates are made of. Text is escaped by lit-html; nothing here makes HTML of a string.
export { html, svg, nothing, render } from '../lit/lit-html.js';
export { repeat } from '../lit/directives/repeat.js';
export { live } from '../lit/directives/live.js';
