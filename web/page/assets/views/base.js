// What the views have in common.
import { CallError } from '../core/api.js';
import { arrived, changed } from '../core/paint.js';

/** A function that is called `afterMs` after it is asked for, and at most once in `apartMs`. */
export function seldom(apartMs, act, afterMs = 0) {
  let due = null;
  let last = -apartMs;
  const asked = () => {
    if (due !== null) return;
    due = setTimeout(() => {
      due = null;
      last = performance.now();
      if (!document.hidden) act();
      else asked.isStale = true;
    }, Math.max(afterMs, last + apartMs - performance.now()));
  };
  asked.cancel = () => clearTimeout(due);
  return asked;
}

/** A part of a view that is read by itself: what it has, and why it has not more. */
export class Part {
  constructor(read) {
    this.read = read;
    this.value = null;
    this.error = null;
    this.version = 0;
  }

  /** Something newer than what is being read has come by another way. */
  take(value) {
    this.version += 1;
    this.value = value;
  }

  async load() {
    const version = ++this.version;
    const isFirst = this.value === null;
    try {
      const value = await this.read();
      if (version !== this.version) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (version !== this.version) return;
      this.error = error instanceof CallError ? error : new CallError(0, '', String(error), '', null);
    }
    if (isFirst) arrived();
    else changed();
  }
}
