// Calls of the API. Addresses are relative to the document, so they hold below any prefix.

/** A refusal, or no answer at all (status 0). `nextStep` is what the server advises. */
export class CallError extends Error {
  constructor(status, code, message, nextStep, body) {
    super(message);
    this.status = status;
    this.code = code;
    this.nextStep = nextStep;
    this.body = body;
  }
}

const listeners = { unauthorized: () => {}, readOnly: () => {} };

/** Who wants to know that the session is over, and whether the server takes writes. */
export const onUnauthorized = (listener) => { listeners.unauthorized = listener; };
export const onReadOnly = (listener) => { listeners.readOnly = listener; };

/** An address with those parameters that are set. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) {
      parameters.set(name, String(value));
    }
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** A key by which a write has one effect, however often it is sent. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

async function refusal(response) {
  const text = await response.text();
  let body = null;
  try { body = JSON.parse(text); } catch { /* a proxy may answer with anything */ }
  const diagnostic = body?.diagnostic;
  return new CallError(
    response.status,
    diagnostic?.code ?? `http_${response.status}`,
    diagnostic?.message ?? body?.error ?? `The server answered ${response.status}.`,
    diagnostic?.suggested_command ?? /\(next: (.*)\)$/.exec(body?.error ?? '')?.[1] ?? '',
    body,
  );
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new CallError(0, 'unreachable', 'The server cannot be reached.', '', null);
  }
  if (response.ok) return response;
  const error = await refusal(response);
  if (response.status === 401) listeners.unauthorized();
  if (error.code === 'storage_failed') listeners.readOnly(true);
  throw error;
}

/** The body of an answer and the address of the next page, if there is one. */
export async function get(path, query, signal) {
  const response = await send(address(path, query), { signal });
  const next = /<([^>]*)>; rel="next"/.exec(response.headers.get('Link') ?? '');
  const body = await response.json();
  return { body, next: next ? new URL(next[1], 'http://x').searchParams.get('cursor') : null };
}

/** The text of an answer as it came, for what must not be read as JSON. */
export async function getText(path) {
  return (await send(path, {})).text();
}

/** A write. Sent under a key, so that sending it again does nothing twice. */
export async function write(method, path, body, key = newKey()) {
  const headers = { 'Idempotency-Key': key };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await send(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  listeners.readOnly(false);
  return response.status === 204 ? null : response.json();
}

export const session = {
  read: async () => (await send('session', {})).json(),
  async open(token) {
    const response = await fetch('session', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }),
    });
    if (!response.ok) throw await refusal(response);
  },
  close: () => fetch('session', { method: 'DELETE' }),
};
