// The events of all tasks as they are committed, whichever tab reads them.
import { StreamReader } from './stream-reader.js';

let listener = () => {};
let source = null;

const streamUrl = () => new URL('api/stream?changes=true', document.baseURI).href;

/** By a worker that all tabs share. */
class Shared {
  constructor(url) {
    this.worker = new SharedWorker(new URL('./live-worker.js', import.meta.url), { type: 'module', name: 'chargehand' });
    this.worker.onerror = () => { if (source === this) useOwn(url); };
    this.worker.port.onmessage = ({ data }) => { if (source === this) listener(data); };
    this.send({ kind: 'hello', url });
  }

  send(message) { this.worker.port.postMessage(message); }

  wake() { this.send({ kind: 'wake' }); }

  close() { this.send({ kind: 'bye' }); }
}

/** By this tab alone, and only while somebody sees it, as tabs that are hidden would use up the
 * connections of the browser. */
class Own {
  constructor(url) {
    this.url = url;
    this.reader = null;
    this.onVisibility = () => {
      if (document.hidden) this.stop();
      else this.begin();
    };
    document.addEventListener('visibilitychange', this.onVisibility);
    if (!document.hidden) this.begin();
  }

  begin() {
    if (this.reader) return;
    if (this.hasRead) listener({ kind: 'resync' });
    this.hasRead = true;
    this.reader = new StreamReader(this.url, (message) => listener(message));
    this.reader.run();
  }

  stop() {
    this.reader?.stop();
    this.reader = null;
  }

  wake() { this.reader?.wake(); }

  close() {
    this.stop();
    document.removeEventListener('visibilitychange', this.onVisibility);
  }
}

function useOwn(url) {
  source = new Own(url);
}

/** Have `onMessage` called with what the reader emits (see `StreamReader`). */
export function listen(onMessage) {
  listener = onMessage;
  const url = streamUrl();
  const begin = () => {
    try {
      if (typeof SharedWorker === 'undefined') useOwn(url);
      else source = new Shared(url);
    } catch {
      useOwn(url);
    }
  };
  begin();
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    begin();
    listener({ kind: 'resync' });
  });
}

/** Try again now: somebody has signed in, or does not want to wait. */
export const wake = () => source?.wake();
