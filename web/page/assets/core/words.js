// Statuses and reasons in words. A status is always a word, a shape and a colour together; what this
// page does not know yet is shown as it came.

const STATUS = {
  draft: ['Draft', '◌', 'quiet'],
  pending: ['Pending', '○', 'quiet'],
  blocked: ['Blocked', '⊘', 'warn'],
  ready: ['Ready', '◔', 'info'],
  in_progress: ['In progress', '◑', 'busy'],
  completed: ['Completed', '●', 'good'],
  failed: ['Failed', '✕', 'bad'],
  canceled: ['Canceled', '⊖', 'quiet'],
  queued: ['Queued', '○', 'info'],
  claimed: ['Claimed', '◔', 'busy'],
  starting: ['Starting', '◑', 'busy'],
  running: ['Running', '◕', 'busy'],
  needs_attention: ['Needs attention', '▲', 'bad'],
  requested: ['Requested', '○', 'info'],
  routed: ['Routed', '◔', 'info'],
  in_review: ['In review', '◑', 'busy'],
  recorded: ['Judged', '●', 'quiet'],
  circuit_opened: ['Circuit opened', '▲', 'bad'],
};

const plain = (word) => word.charAt(0).toUpperCase() + word.slice(1).replaceAll('_', ' ');

/** `{word, shape, tone}` of a status of a task, a run or a review. */
export function status(value) {
  const [word, shape, tone] = STATUS[value] ?? [plain(String(value)), '◇', 'quiet'];
  return { word, shape, tone };
}

export const ACTIVE_RUN = new Set(['claimed', 'starting', 'running']);
export const OPEN_RUN = new Set(['queued', 'claimed', 'starting', 'running', 'needs_attention']);
export const ENDED_TASK = new Set(['completed', 'failed', 'canceled']);

export const LANES = {
  my_work: 'My work',
  approvals: 'Approvals',
  failed_runs: 'Failed',
  blocked: 'Blocked',
  archived: 'Archived',
};

const REASONS = {
  awaiting_approval: 'An approval is missing',
  approval_rejected: 'The approval was refused',
  awaiting_review: 'A required review is open',
  awaiting_dependencies: 'Dependencies are not completed',
  dependency_deleted_undone: 'A dependency was deleted undone',
  latest_run_failed: 'The latest run failed',
  needs_attention: 'The latest run needs attention',
  run_without_lease: 'Nobody touches the run',
};

export const reason = (code) => REASONS[code] ?? plain(code);

const NEXT = {
  recovery_required: ['Needs somebody', 'bad'],
  stranded: ['No session is there that may claim it', 'warn'],
  claim_available: ['An agent can claim it now', 'good'],
  waiting_for_session: ['Waiting', 'info'],
  running: ['Somebody is working on it', 'busy'],
  terminal: ['It has ended', 'quiet'],
};

/** What has to happen next with a task or run: `{text, tone}`. */
export function nextAction(value) {
  const [text, tone] = NEXT[value] ?? [plain(String(value)), 'quiet'];
  return { text, tone };
}

const EVENTS = {
  'task.run_operator_retry': 'Run retried by an operator',
  'task.run_review_retry_enqueued': 'Run queued after a review',
  'task.run_review_recorded': 'Verdict recorded',
  'task.run_review_requested': 'Review requested',
};

/** An event's type for people: `task.run_claimed` is "Run claimed". */
export const eventName = (type) => EVENTS[type] ?? plain(type.replace(/^task\./, ''));

export const actorName = (actor) => (actor ? `${actor.ref}` : '–');
