// Reads GET /api/stream and goes on where it stopped, without a gap or a repeat.
//
// By fetch, as EventSource must know each event's name before, and hides why it was refused.

const WAITS_MS = [250, 500, 1000, 2000, 4000];
const POST_APART_MS = 100;
const SILENT_MS = 45000; // the server sends something at least every 15 s

/**
 * Args: url: of the stream. emit: called with {kind, ...}:
 *   events: some events that came, in order.
 *   status: 'live' or 'reconnecting'.
 *   resync: what was missed cannot be sent any more, or nobody knows whether something was missed.
 *   unauthorized: the server wants a session first; the reader waits until `wake`.
 */
export class StreamReader {
  constructor(url, emit) {
    this.url = url;
    this.emit = emit;
    this.last = null;
    this.failures = 0;
    this.isStopped = false;
    this.pending = [];
    this.postedAt = 0;
    this.timer = null;
    this.wakeUp = () => {};
  }

  /** Try again now. */
  wake() {
    this.failures = 0;
    this.wakeUp();
  }

  stop() {
    this.isStopped = true;
    this.abort?.abort();
    this.wakeUp();
  }

  async run() {
    while (!this.isStopped) {
      const waitMs = await this.readOnce();
      if (this.isStopped) break;
      await new Promise((resolve) => {
        this.wakeUp = resolve;
        if (waitMs !== null) setTimeout(resolve, waitMs);
      });
    }
  }

  /** Read until the connection ends; how long to wait then, or null: until somebody wakes us. */
  async readOnce() {
    const abort = new AbortController();
    this.abort = abort;
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENT_MS);
    };
    try {
      heard();
      const headers = this.last === null ? {} : { 'Last-Event-ID': String(this.last) };
      const response = await fetch(this.url, { headers, signal: abort.signal, credentials: 'same-origin', cache: 'no-store' });
      if (response.status === 401) {
        this.emit({ kind: 'unauthorized' });
        return null;
      }
      if (response.status === 409) {
        this.last = null;
        this.mustResync = true;
        return 0;
      }
      if (!response.ok) throw new Error(`status ${response.status}`);
      // Who connects anew without a number may have missed something.
      if (this.mustResync || (this.wasLive && this.last === null)) this.emit({ kind: 'resync' });
      this.mustResync = false;
      this.wasLive = true;
      this.failures = 0;
      this.emit({ kind: 'status', status: 'live' });
      await this.readEvents(response.body.pipeThrough(new TextDecoderStream()).getReader(), heard);
    } catch {
      // Hung up, refused, silent: all the same.
    } finally {
      clearTimeout(silence);
      abort.abort();
      this.flush();
    }
    if (!this.isStopped) this.emit({ kind: 'status', status: 'reconnecting' });
    const waitMs = WAITS_MS[Math.min(this.failures, WAITS_MS.length - 1)];
    this.failures += 1;
    return waitMs;
  }

  async readEvents(reader, heard) {
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const lines = (rest + value).split('\n\n');
      rest = lines.pop();
      lines.forEach((block) => this.take(block));
    }
  }

  take(block) {
    let data = '';
    let id = null;
    for (const line of block.split('\n')) {
      if (line.startsWith('data:')) data += line.slice(5).trimStart();
      else if (line.startsWith('id:')) id = line.slice(3).trim();
    }
    if (!data) {
      // Where the stream begins: who loses the connection before the first event misses nothing.
      if (id !== null && this.last === null) this.last = Number(id);
      return;
    }
    const event = JSON.parse(data);
    const sequence = Number(id ?? event.sequence);
    if (this.last !== null && sequence <= this.last) return;
    this.last = sequence;
    this.pending.push(event);
    this.post();
  }

  /** The first at once, many together. */
  post() {
    if (this.timer !== null) return;
    const waitMs = this.postedAt + POST_APART_MS - performance.now();
    if (waitMs <= 0) this.flush();
    else this.timer = setTimeout(() => this.flush(), waitMs);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    this.postedAt = performance.now();
    if (this.pending.length) this.emit({ kind: 'events', events: this.pending.splice(0) });
  }
}
