// A call as it is typed elsewhere: by curl, and by the command `chargehand`.

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** What a person types to make the call. */
export function curl({ method, path, body }, tokenRequired) {
  const parts = ['curl', '-X', method, quoted(new URL(path, document.baseURI).href)];
  if (tokenRequired) parts.push('-H', '"Authorization: Bearer $CHARGEHAND_TOKEN"');
  if (body !== undefined) parts.push('-H', quoted('Content-Type: application/json'), '-d', quoted(JSON.stringify(body)));
  return parts.join(' ');
}

const USUAL = 'http://127.0.0.1:2123';

/** What makes the commands reach this server, where they would not without; else ''. */
export function reaching(tokenRequired) {
  const here = new URL('.', document.baseURI).href.replace(/\/$/, '');
  const needed = [...(here === USUAL ? [] : [`CHARGEHAND_URL=${quoted(here)}`]), ...(tokenRequired ? ['CHARGEHAND_TOKEN=…'] : [])];
  return needed.length ? `export ${needed.join(' ')}` : '';
}

const FLAGS = {
  idempotency_key: 'key', network_channel: 'channel', auto_enqueue_on_ready: 'auto-enqueue',
  review_round: 'round', deadline_at: 'deadline', parent_review_id: 'parent', peer_id: 'peer',
  group_id: 'group', thread_id: 'thread', subscription_id: 'id', review_text: 'text',
  next_round_guidance: 'guidance', timeout_seconds: 'timeout-seconds',
  delivery_mode: 'mode', missing_work: 'missing',
};

/** Their values are any JSON, so lists and flags, too, are one value. */
const JSON_MEMBERS = new Set(['metadata', 'result']);

function words(name, value) {
  const flag = `--${FLAGS[name] ?? name.replaceAll('_', '-')}`;
  if (JSON_MEMBERS.has(name)) return [flag, quoted(JSON.stringify(value))];
  if (value === true) return [flag];
  if (value === false) return [`--no-${flag.slice(2)}`];
  if (Array.isArray(value)) return value.flatMap((one) => words(name, one));
  if (name === 'owner') return [flag, quoted(`${value.kind}:${value.ref}`)];
  return [flag, quoted(typeof value === 'object' ? JSON.stringify(value) : String(value))];
}

/**
 * `chargehand NOUN VERB ARGUMENTS --FLAGS`.
 * Args: parts: noun, verb and arguments. body: members that are flags.
 */
export function chargehand(parts, body = {}) {
  const flags = Object.entries(body).flatMap(([name, value]) => words(name, value));
  return ['chargehand', ...parts.map((part) => quoted(String(part))), ...flags].join(' ');
}
