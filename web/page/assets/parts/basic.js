// Small things that all views show alike.
import { html, nothing } from '../core/html.js';
import { absolute, cut, duration, isTime, nowMs, relative } from '../core/format.js';
import { reaching } from '../core/same-call.js';
import { app } from '../core/state.js';
import * as words from '../core/words.js';
import { to } from '../core/router.js';

/** A status: word, shape and colour. */
export function badge(value) {
  const { word, shape, tone } = words.status(value);
  return html`<span class="badge ${tone}"><span class="shape" aria-hidden="true">${shape}</span>${word}</span>`;
}

export const note = (text, tone = 'quiet') => html`<span class="badge ${tone}">${text}</span>`;

/** A time as it is, for tables. */
export function at(iso) {
  if (!isTime(iso)) return html`<span class="none">–</span>`;
  return html`<time datetime=${iso} title=${iso}>${absolute(iso)}</time>`;
}

/** A time from now, for glances. It is drawn anew each second. */
export function ago(iso) {
  if (!isTime(iso)) return html`<span class="none">–</span>`;
  return html`<time datetime=${iso} title=${absolute(iso)}>${relative(iso)}</time>`;
}

/** How long until the end of a lease. */
export function left(iso) {
  if (!isTime(iso)) return html`<span class="none">no lease</span>`;
  const ms = Date.parse(iso) - nowMs();
  return ms >= 0
    ? html`<time datetime=${iso} title=${absolute(iso)}>${duration(ms)} left</time>`
    : html`<time datetime=${iso} title=${absolute(iso)} class="bad">expired ${relative(iso)}</time>`;
}

/** A title of whatever length and script, which cannot leave its place. */
export function title(text) {
  return html`<bdi class="title" title=${text && text.length > 80 ? cut(text, 2000) : nothing}>${cut(text || 'Without a title', 200)}</bdi>`;
}

export const taskLink = (task) => html`<a href=${to('task', { id: task.id })}>${title(task.title)}</a>`;

export const runLink = (run, text) => html`<a href=${to('run', { id: run.id })}>${text ?? run.id}</a>`;

/** The same where there is no room for the id: its end, which differs from others' most. */
export const shortRunLink = (run) => html`<a href=${to('run', { id: run.id })} title=${run.id} aria-label=${run.id} class="short">…${run.id.slice(-8)}</a>`;

export const identifier = (id) => html`<code class="id">${id}</code>`;

/** Facts as a list of terms; what is undefined is left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== nothing);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Copies where the browser lets pages write to the clipboard, and else where it lets them select. */
export async function copy(text) {
  if (navigator.clipboard) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed */ }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'offscreen';
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

/** A command with a button that copies it. */
export function command(text, label = 'Copy the command') {
  const press = async (event) => {
    const button = event.currentTarget;
    button.textContent = (await copy(text)) ? 'Copied' : 'Select it to copy';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  };
  return html`<div class="command"><pre tabindex="0">${text}</pre><button type="button" class="small" aria-label=${label} @click=${press}>Copy</button></div>`;
}

/** What has to be typed before commands reach this server. */
export function reachingNote() {
  const typed = reaching(app.tokenRequired);
  return typed ? html`<p><small>Commands reach this server after <code>${typed}</code></small></p>` : nothing;
}

/** A refusal with what to do about it. */
export function refusal(error) {
  if (!error) return nothing;
  return html`<div class="refusal" role="alert"><strong>${error.message.charAt(0).toUpperCase() + error.message.slice(1)}${/[.!?]$/.test(error.message) ? '' : '.'}</strong>
    ${error.nextStep ? html`<span> Next: ${error.nextStep.startsWith('chargehand ') ? html`<code>${error.nextStep}</code>` : error.nextStep}.</span>` : nothing}
    ${error.code ? html` <code class="code">${error.code}</code>` : nothing}</div>`;
}

/** Who has paused dispatch, since when and why. */
export const paused = (status, most = 200) => html`<strong class="warn">Dispatch is paused</strong> by ${status.paused_by ?? 'somebody'} since ${at(status.paused_at)}${status.paused_reason ? html`: <bdi>${cut(status.paused_reason, most)}</bdi>` : nothing}.`;

export const loading = html`<p class="empty" data-empty="loading">Loading …</p>`;

/** Nothing was ever made: what this is, and what to type. */
export function nothingYet(text, typed) {
  return html`<div class="empty" data-empty="nothing"><p>${text}</p>${typed ? html`${reachingNote()}${command(typed)}` : nothing}</div>`;
}

/** Nothing matches: how to see everything again. */
export function noMatch(clear) {
  return html`<div class="empty" data-empty="no-match"><p>Nothing matches this filter.</p>
    <button type="button" @click=${clear}>Clear the filter</button></div>`;
}
