// Times, numbers and texts as people read them.
import { prefs } from './prefs.js';

const two = (number) => String(number).padStart(2, '0');

/** How far the server's clock is ahead of the browser's, in ms; leases end by the server's. */
let aheadMs = 0;
export const setServerTime = (iso) => {
  const ms = Date.parse(iso) - Date.now();
  // An answer under way makes a second of difference; what differs more is a clock.
  if (Number.isFinite(ms)) aheadMs = Math.abs(ms) > 1500 ? ms : 0;
};
export const nowMs = () => Date.now() + aheadMs;

export const isTime = (iso) => Boolean(iso) && !iso.startsWith('0001-');

/** `2026-11-29 07:15:02`, in UTC or as the clock on the wall here. */
export function absolute(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  if (prefs.zone === 'utc') return `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** A length of time: `850 ms`, `4.2 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return '–';
  const s = Math.abs(ms) / 1000;
  if (s < 1) return `${Math.round(Math.abs(ms))} ms`;
  if (s < 10) return `${Number(s.toFixed(1))} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return Math.floor(s % 60) ? `${minutes} min ${Math.floor(s % 60)} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

/** The same without what changes each second, for what is drawn seldom. */
export function roughly(ms) {
  const s = Math.abs(ms) / 1000;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

export function relative(iso) {
  const ms = nowMs() - Date.parse(iso);
  if (Math.abs(ms) < 1000) return 'now';
  return ms > 0 ? `${roughly(ms)} ago` : `in ${roughly(ms)}`;
}

const grouped = new Intl.NumberFormat('en');
export const number = (value) => (value === undefined || value === null ? '–' : grouped.format(value));

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** At most so many characters of a text; what the rest is belongs into a `title`. */
export function cut(text, most = 300) {
  const characters = Array.from(String(text ?? '').slice(0, most * 2 + 2));
  return characters.length <= most ? characters.join('') : `${characters.slice(0, most).join('')}…`;
}

/** What tells most of an error in a line: of a traceback of Python that is the last one. */
export const telling = (error) => cut(error.trim().split('\n').at(error.includes('Traceback (most') ? -1 : 0).trim(), 200);

export const bytes = (count) => (count < 1024 ? `${count} B`
  : count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(1)} MiB`);
