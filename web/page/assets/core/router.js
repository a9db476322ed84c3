// The address is the whole state of what is shown: a view and its parameters. An entry of the history
// knows besides how far somebody had scrolled, and through how many rows, for who comes back.
import { app } from './state.js';

const VIEWS = ['now', 'inbox', 'work', 'queue', 'agents', 'task', 'run', 'review', 'scheduler', 'new'];

let listener = () => {};

/** What the address shows: `{view, params}`. */
export function current() {
  const last = location.pathname.slice(location.pathname.lastIndexOf('/') + 1);
  return {
    view: VIEWS.includes(last) ? last : 'now',
    params: Object.fromEntries(new URLSearchParams(location.search)),
  };
}

/** The address of a view, relative to every other one. */
export function to(view, params = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const query = new URLSearchParams(kept).toString();
  return query ? `${view}?${query}` : view;
}

function push(url) {
  history.replaceState({ y: scrollY, rows: app.rows }, '');
  history.pushState({}, '', url);
}

export function navigate(view, params, { replace = false } = {}) {
  if (replace) history.replaceState(history.state, '', to(view, params));
  else push(to(view, params));
  listener(current());
}

/** Change parameters of the view that is shown; what is undefined goes. */
export function change(params, { replace = false } = {}) {
  const { view, params: before } = current();
  navigate(view, { ...before, ...params }, { replace });
}

/** Go where an id of this server leads; false where the text is none. */
export function jump(text) {
  const found = /^(task|run|review)-[0-9a-f]{24}$/.exec(text.trim());
  if (found) navigate(found[1], { id: found[0] });
  return found !== null;
}

/** Call `onRoute` with each new place, and follow links within the page without loading it. */
export function start(onRoute) {
  listener = onRoute;
  addEventListener('popstate', () => onRoute(current()));
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || link.download) return;
    const url = new URL(link.href);
    const folder = location.pathname.slice(0, location.pathname.lastIndexOf('/') + 1);
    const name = url.pathname.slice(folder.length);
    if (url.origin !== location.origin || !url.pathname.startsWith(folder) || !VIEWS.includes(name)) return;
    event.preventDefault();
    if (url.href !== location.href) push(url.href);
    onRoute(current());
  });
  onRoute(current());
}
