// The page: what frames each view, and where its events, keys and addresses come in.
import { html, nothing, render } from './core/html.js';
import { onReadOnly, onUnauthorized, session, get, CallError } from './core/api.js';
import { changed, drawNow, setDraw, ticked } from './core/paint.js';
import { HELP, start as startKeys } from './core/keys.js';
import { listen, wake } from './core/live.js';
import { applyTheme, prefs, setTheme, setZone } from './core/prefs.js';
import { roughly } from './core/format.js';
import { current, navigate, start as startRouter, to } from './core/router.js';
import { loadNeeds, scheduler } from './core/needs.js';
import { app } from './core/state.js';
import { seldom } from './views/base.js';
import { paused, refusal } from './parts/basic.js';
import { dialog, showDialog } from './parts/dialog.js';
import { statusLine } from './parts/speak.js';

/** Each view is loaded when it is first shown. */
const VIEWS = {
  now: async () => (await import('./views/now.js')).Now,
  inbox: async () => (await import('./views/inbox.js')).Inbox,
  work: async () => (await import('./views/work.js')).Work,
  queue: async () => (await import('./views/queue.js')).Queue,
  agents: async () => (await import('./views/agents.js')).Agents,
  task: async () => (await import('./views/task.js')).Task,
  run: async () => (await import('./views/run.js')).Run,
  review: async () => (await import('./views/review.js')).Review,
  scheduler: async () => (await import('./views/scheduler.js')).Scheduler,
  new: async () => (await import('./views/new.js')).New,
};
const MENU = [['now', 'Now'], ['inbox', 'Inbox'], ['work', 'Work'], ['queue', 'Queue'], ['agents', 'Agents'], ['scheduler', 'Scheduler'], ['new', 'New task']];
const TICK_MS = 1000;

let place = current();
let view = null;
let turn = 0; // the latest wins, whichever is loaded first

/** Stands for a view that could not be loaded. A browser may never try again, but it does for a new page. */
class Away {
  title() { return 'No answer'; }

  load() {}

  render() { return html`<h1>No answer</h1>${refusal({ message: 'The server cannot be reached. This view is shown as soon as it can be.' })}`; }
}

/** Show the view of an address. One that only gets other parameters keeps what it has. */
async function go(next) {
  const isSame = view !== null && next.view === place.view && view.follow?.(next.params);
  place = next;
  const mine = ++turn;
  if (isSame) {
    drawNow();
    return;
  }
  let View;
  try {
    View = await VIEWS[next.view]();
  } catch {
    // The server has another version of the page by now, or it is away.
    if (await fetch('healthz', { cache: 'no-store' }).then(({ ok }) => ok, () => false)) {
      location.reload();
      return;
    }
    View = Away;
  }
  if (mine !== turn) return;
  const isFirst = view === null;
  view?.close?.();
  view = new View(next.params);
  if (app.isOpen) loadAll();
  drawNow();
  if (isFirst) return;
  scrollTo(0, 0);
  document.getElementById('main')?.focus({ preventScroll: true });
}

/** Have the view read what it shows, and what stands above it, unless it does that itself. */
function loadAll() {
  const { version } = scheduler;
  view?.load();
  if (scheduler.version === version) scheduler.load();
}

function onChanged(what) {
  if (what === 'scheduler') scheduler.load();
  view?.onChanged?.(what);
}

/** One word of how fresh the page is. */
function statusWord() {
  if (app.isPaused) return ['Paused', 'warn', 'Updates are paused. Press p to go on.'];
  if (app.stream !== 'live') return [`Reconnecting (${roughly(Date.now() - app.streamSince)})`, 'bad', 'The server cannot be reached; what you see is from before.'];
  if (app.isReadOnly) return ['Read-only', 'warn', 'The server takes no changes at the moment.'];
  return ['Live', 'good', 'Changes are shown as they happen.'];
}

function togglePause() {
  app.isPaused = !app.isPaused;
  if (!app.isPaused) loadAll();
  drawNow();
}

const needsAgain = seldom(10000, loadNeeds, 1000);

function onMessage(message) {
  if (message.kind === 'status') {
    const status = message.status === 'live' ? 'live' : 'reconnecting';
    if (status !== app.stream) {
      app.stream = status;
      app.streamSince = Date.now();
      // What has no number may have changed meanwhile.
      if (status === 'live' && !app.isPaused) for (const what of ['scheduler', 'registry']) onChanged(what);
    }
    if (status === 'live' && view instanceof Away) location.reload();
    if (message.status === 'unauthorized') signedOut();
    changed();
  } else if (message.kind === 'unauthorized') {
    signedOut();
  } else if (app.isPaused || !view) {
    // When updates go on, all is read anew.
  } else if (message.kind === 'resync') {
    loadAll();
  } else if (message.kind === 'changed') {
    onChanged(message.what);
  } else if (message.kind === 'events') {
    view.onEvents?.(message.events);
    needsAgain();
  }
}

/** Where a tab says to those beside it that the session has begun or ended. */
const tabs = new BroadcastChannel(`chargehand ${new URL('.', document.baseURI).pathname}`);

async function signOut() {
  await session.close();
  tabs.postMessage(false);
  signedOut();
}

function signedIn() {
  if (app.isOpen) return;
  app.isOpen = true;
  app.signInError = null;
  wake();
  loadNeeds();
  loadAll();
  drawNow();
}

function signedOut() {
  if (!app.tokenRequired || !app.isOpen) return;
  app.isOpen = false;
  drawNow();
}

const help = () => showDialog('Keys', () => html`<dl class="keys">${HELP.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl>
  <p>Keys do nothing while you type. No key destroys anything.</p>`);

function pressed(key, event) {
  if (!app.isOpen) return false;
  if (key === '?') { help(); return true; }
  if (key === '/') {
    (document.getElementById('filter') ?? document.getElementById('search'))?.focus();
    return true;
  }
  if (key === 'p') { togglePause(); return true; }
  return view?.onKey?.(key, event) ?? false;
}

const THEMES = { system: 'As the system', light: 'Light', dark: 'Dark' };

/** An id of any kind opens what it names; other text is looked for. */
async function jump(text) {
  const id = text.trim();
  if (!id) return;
  if (/^run[-_]/.test(id)) { navigate('run', { id }); return; }
  if (!/\s/.test(id)) {
    for (const [name, path] of [['task', 'api/tasks/'], ['run', 'api/task-runs/'], ['review', 'api/task-reviews/']]) {
      if (name === 'run' && !/\d/.test(id)) continue;
      try {
        const { body } = await get(address(path, id));
        if (body) { navigate(name, { id }); return; }
      } catch (error) {
        if (!(error instanceof CallError) || ![404, 422, 400].includes(error.status)) throw error;
      }
    }
  }
  navigate('work', { filter: id });
}
const address = (path, id) => path + encodeURIComponent(id);

function search(event) {
  event.preventDefault();
  const input = event.target.elements.search;
  jump(input.value).then(() => { input.value = ''; }, () => {});
}

function signIn() {
  const submit = async (event) => {
    event.preventDefault();
    const input = event.target.elements.token;
    try {
      await session.open(input.value);
      tabs.postMessage(true);
      if (place.params.then === 'docs') { location.replace('docs'); return; } // what a person wanted to read
      signedIn();
    } catch (error) {
      app.signInError = error instanceof CallError ? error : new CallError(0, '', 'The server cannot be reached.', '', null);
    }
    drawNow();
  };
  return html`<main id="main" tabindex="-1" class="sign-in"><h1>Chargehand</h1>
    <form @submit=${submit}><p>Enter the token that the server was started with (<code>--token</code> or <code>CHARGEHAND_TOKEN</code>).</p>
      <label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password" autofocus required>
      ${refusal(app.signInError)}
      <div class="actions"><button type="submit" class="primary">Sign in</button></div></form></main>`;
}

function shell() {
  const [word, tone, explained] = statusWord();
  const count = place.view === 'inbox' ? null : app.inboxCount + app.reviewCount;
  return html`
    <a class="skip" href="#main">To the content</a>
    <header class="top">
      <a class="brand" href="now">Chargehand</a>
      <nav aria-label="Views"><ul>${MENU.map(([name, text]) => html`<li><a href=${name} aria-current=${place.view === name ? 'page' : nothing}>${text}${name === 'inbox' && count ? html` <span class="count">${count}</span>` : nothing}</a></li>`)}</ul></nav>
      <form class="search" role="search" aria-label="Everything" @submit=${search}><label class="offscreen" for="search">Search, or jump to an id</label>
        <input id="search" name="search" type="search" placeholder="Search or id" autocomplete="off" spellcheck="false"></form>
      <div class="state"><button type="button" class="live ${tone}" title=${explained} aria-pressed=${app.isPaused} aria-label=${`Updates: ${word}. ${app.isPaused ? 'Go on' : 'Pause'}`} @click=${togglePause}><span class="dot" aria-hidden="true"></span>${word}</button>
        <details class="menu"><summary class="button" aria-label="Settings of this page">⚙</summary><div class="menu-items settings">
          <label for="theme">Colours</label><select id="theme" @change=${(event) => { setTheme(event.target.value); drawNow(); }}>${Object.entries(THEMES).map(([value, text]) => html`<option value=${value} ?selected=${prefs.theme === value}>${text}</option>`)}</select>
          <label for="zone">Times</label><select id="zone" @change=${(event) => { setZone(event.target.value); drawNow(); }}><option value="local" ?selected=${prefs.zone === 'local'}>As the clock here</option><option value="utc" ?selected=${prefs.zone === 'utc'}>UTC</option></select>
          <button type="button" @click=${help}>Keys</button><a href="docs">The API</a>
          ${app.tokenRequired ? html`<button type="button" @click=${signOut}>Sign out</button>` : nothing}
        </div></details></div>
    </header>
    <main id="main" tabindex="-1">${scheduler.value?.paused && place.view !== 'scheduler' ? html`<p class="paused">${paused(scheduler.value)} <a href="scheduler">Resume</a></p>` : nothing}${view?.render() ?? nothing}</main>
    ${statusLine()}
    ${dialog()}`;
}

function draw() {
  const title = app.isOpen && view ? view.title() : 'Sign in';
  document.title = `${title} · Chargehand`;
  render(app.isOpen ? shell() : html`${signIn()}${statusLine()}`, root);
}

let root = null;

async function begin() {
  applyTheme();
  root = document.getElementById('app');
  root.replaceChildren();
  setDraw(draw);
  onUnauthorized(signedOut);
  onReadOnly((isReadOnly) => { if (app.isReadOnly !== isReadOnly) { app.isReadOnly = isReadOnly; changed(); } });
  tabs.onmessage = ({ data: isOpen }) => (isOpen ? signedIn() : signedOut());
  startKeys((name) => navigate(name, {}), pressed);
  // Menus close like menus.
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target) || event.target.closest('.menu-items button')) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    const menu = event.key === 'Escape' && event.target.closest?.('details.menu[open]');
    if (menu) { menu.open = false; menu.querySelector('summary').focus(); }
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    wake();
    view?.shown?.();
    changed();
  });
  setInterval(() => { if (!document.hidden && app.isOpen) ticked(); }, TICK_MS);
  app.tokenRequired = document.querySelector('meta[name="chargehand-token"]').content === 'asked';
  if (app.tokenRequired) app.isOpen = await session.read().then(({ open }) => open, () => true);
  if (app.isOpen && current().view !== 'now') loadNeeds(); // which reads it by itself
  listen(onMessage);
  startRouter(go);
}

begin();
