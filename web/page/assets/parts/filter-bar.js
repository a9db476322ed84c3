// A filter as it is typed: `status:failed priority:high` and words; its text is in the address.
import { html, live, nothing } from '../core/html.js';

/** `{tokens, text, unknown}` of what was typed. A value may be quoted. */
export function parse(typed, names) {
  const tokens = {};
  const unknown = [];
  const words = [];
  for (const word of typed.match(/[\w-]+:"[^"]*"|"[^"]*"|\S+/g) ?? []) {
    const found = /^([\w-]+):(.*)$/.exec(word);
    if (found && names[found[1]]) tokens[found[1]] = found[2].replace(/^"|"$/g, '');
    else if (found && /^[a-z]+$/.test(found[1]) && found[2]) unknown.push(found[1]);
    else words.push(word.replace(/^"|"$/g, ''));
  }
  return { tokens, text: words.join(' '), unknown };
}

/** The text of a filter with one token set, or removed where the value is null. */
export function withToken(typed, name, value) {
  const others = (typed.match(/[\w-]+:"[^"]*"|"[^"]*"|\S+/g) ?? []).filter((word) => !word.startsWith(`${name}:`));
  const shown = value !== null && /\s/.test(value) ? `"${value}"` : value;
  return [...others, ...(value === null ? [] : [`${name}:${shown}`])].join(' ');
}

function suggestions(typed, names) {
  const last = /\S*$/.exec(typed)[0];
  const before = typed.slice(0, typed.length - last.length);
  const [name, value] = last.split(':');
  if (value === undefined) return Object.keys(names).filter((one) => one.startsWith(last)).map((one) => `${before}${one}:`);
  return (names[name]?.values ?? []).map((one) => `${before}${name}:${one}`);
}

/**
 * Args: names: of the tokens: {values?: what they may be}. onFilter(text): it is to be used.
 */
export function filterBar(state, typed, names, onFilter, label = 'Filter') {
  state.typed ??= typed;
  if (state.of !== typed) { state.of = typed; state.typed = typed; }
  const submit = (event) => {
    event.preventDefault();
    onFilter(state.typed.trim());
    document.getElementById('main').focus({ preventScroll: true }); // the keys are those of the list again
  };
  const { unknown } = parse(state.typed, names);
  return html`<form class="filter" role="search" @submit=${submit}>
    <label for="filter" class="offscreen">${label}</label>
    <input id="filter" type="search" list="filter-words" autocomplete="off" spellcheck="false" placeholder=${Object.keys(names).map((name) => `${name}:`).join(' ')}
      .value=${live(state.typed)} @input=${(event) => { state.typed = event.target.value; event.target.list.replaceChildren(...suggestions(state.typed, names).map((text) => Object.assign(document.createElement('option'), { value: text }))); }}
      @search=${(event) => { if (!event.target.value) onFilter(''); }}>
    <datalist id="filter-words"></datalist>
    <button type="submit">Filter</button>
    ${typed ? html`<button type="button" class="quiet" @click=${() => onFilter('')}>Clear</button>` : nothing}
    ${unknown.length && state.typed !== typed ? html`<span class="bad" role="alert">No filter is called ${unknown.join(', ')}.</span>` : nothing}
  </form>`;
}
