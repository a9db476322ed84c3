// What can be done with a run, a review, the scheduler, and a session.
import { absolute } from '../core/format.js';
import { ACTIVE_RUN } from '../core/words.js';
import { key, metadata, reason } from './fields.js';

const forced = (run, rest) => `api/runs/${encodeURIComponent(run.id)}/${rest}`;
const plain = (run, rest) => `api/task-runs/${encodeURIComponent(run.id)}/${rest}`;
const is = (...statuses) => (run) => statuses.includes(run.status);
const isActive = (run) => ACTIVE_RUN.has(run.status);
const endedBadly = (run) => is('failed', 'canceled')(run) && !run.isFollowed;

export const retry = {
  label: 'Retry', done: 'A new run is queued', first: endedBadly, when: endedBadly,
  says: () => 'Queues a new run in place of this one.',
  path: (run) => forced(run, 'retry'), fields: [metadata], command: (run) => ['run', 'retry', run.id],
};
export const recover = {
  label: 'Recover', done: 'A new run is queued', first: is('needs_attention'), when: is('needs_attention'),
  says: () => 'Queues a new run in place of this one, which needs attention.',
  path: (run) => forced(run, 'recover'), fields: [reason(), metadata], command: (run) => ['run', 'recover', run.id],
};
export const release = {
  label: 'Release', done: 'Released', danger: true, first: is('claimed'), when: is('claimed'),
  says: (run) => `Takes the run from ${run.claimed_by?.ref ?? 'its holder'}, back into the queue. Whoever holds it is refused from then on.`,
  path: (run) => forced(run, 'release'), fields: [reason(), metadata], command: (run) => ['run', 'force-release', run.id],
};
export const forceFail = {
  label: 'Fail by force', done: 'Failed', danger: true, when: is('queued', 'claimed', 'needs_attention'),
  says: () => 'Fails the run, whoever has claimed it.',
  path: (run) => forced(run, 'fail'), fields: [reason(true), metadata], command: (run) => ['run', 'force-fail', run.id],
};
export const cancelRun = {
  label: 'Cancel run', done: 'Canceled', danger: true, when: (run) => isActive(run) || is('queued', 'needs_attention')(run),
  says: () => 'Cancels this run. Its task stays.',
  path: (run) => plain(run, 'cancel'), fields: [reason(), metadata], command: (run) => ['run', 'cancel', run.id],
};

const claimAlone = {
  label: 'Claim for myself', done: 'Claimed', when: is('queued'),
  says: () => 'Claims the run for you, without a lease: it is yours until you complete, fail or cancel it.',
  path: (run) => plain(run, 'claim'), fields: [key], command: (run) => ['run', 'claim', run.id],
};
const startRun = {
  label: 'Start', done: 'Started', when: is('claimed'),
  says: () => 'Marks a claimed run as started.',
  path: (run) => plain(run, 'start'), fields: [key], command: (run) => ['run', 'start', run.id],
};
const complete = {
  label: 'Complete', done: 'Completed', when: isActive,
  says: () => 'Completes a run that no agent holds by a lease.',
  path: (run) => plain(run, 'complete'), fields: [{ name: 'result', label: 'Result', kind: 'json', hint: 'Any JSON.' }],
  command: (run) => ['run', 'complete', run.id],
};
/** What a person does with work of their own. */
export const OWN_WORK = [claimAlone, startRun, complete];

export const RUN_ACTIONS = [
  retry,
  recover,
  release,
  claimAlone,
  startRun,
  {
    label: 'Attach a session', done: 'Attached', when: isActive,
    says: () => 'Binds the run to the session that works on it.',
    path: (run) => plain(run, 'attach-session'),
    fields: [{ name: 'session_id', label: 'Session', kind: 'text', required: true, hint: 'Its id.' }],
    command: (run, texts) => ['run', 'attach-session', run.id, texts.session_id || 'SESSION'], flags: () => ({}),
  },
  complete,
  {
    label: 'Fail', done: 'Failed', danger: true, when: isActive,
    says: () => 'Fails a run that no agent holds by a lease.',
    path: (run) => plain(run, 'fail'), fields: [{ name: 'error', label: 'What went wrong', kind: 'long', required: true }, metadata],
    command: (run) => ['run', 'fail', run.id],
  },
  forceFail,
  cancelRun,
  {
    label: 'Request a review', done: 'A review is requested', when: is('completed', 'failed'),
    says: () => 'Asks for a verdict on what the run has done.',
    path: (run) => plain(run, 'reviews'),
    fields: [
      { name: 'reason', label: 'Reason', kind: 'long' },
      { name: 'policy', label: 'For the ends of runs', kind: 'choice', choices: ['on_success', 'on_failure', 'always', 'none'], rare: true },
      { name: 'review_round', label: 'Round', kind: 'number', rare: true },
      { name: 'attempt', label: 'Attempt at judging that round', kind: 'number', rare: true },
      { name: 'deadline_at', label: 'Deadline', kind: 'text', hint: 'As 2027-01-31T12:00:00Z.', rare: true },
      { name: 'parent_review_id', label: 'Review that it follows', kind: 'text', rare: true },
    ],
    command: (run) => ['review', 'request', run.id],
  },
];

const OUTCOMES = ['approved', 'rejected', 'blocked', 'error', 'timeout', 'invalid_output'];

/** Only work that goes on has something missing. */
const isNoApproval = (texts) => texts.outcome !== 'approved';

export const verdict = {
  label: 'Give the verdict', done: 'The verdict is recorded', first: () => true,
  when: (review) => ['requested', 'routed', 'in_review'].includes(review.status),
  says: () => 'Approved ends the review. Rejected sends the work into another round, with what is missing.',
  path: (review) => `api/task-reviews/${encodeURIComponent(review.review_id)}/verdict`,
  initial: () => ({ confidence: '1' }),
  fields: [
    { name: 'outcome', label: 'Outcome', kind: 'choice', required: true, choices: OUTCOMES, inside: 'verdict' },
    { name: 'reason', label: 'Reason', kind: 'long', required: true, inside: 'verdict' },
    { name: 'missing_work', label: 'Missing work', kind: 'lines', hint: 'One item on each line.', inside: 'verdict', when: isNoApproval },
    { name: 'next_round_guidance', label: 'Guidance for the next round', kind: 'long', inside: 'verdict', when: isNoApproval },
    { name: 'confidence', label: 'Confidence', kind: 'fraction', required: true, hint: 'From 0 to 1.', inside: 'verdict' },
    { name: 'review_text', label: 'The whole review', kind: 'long', rare: true, inside: 'verdict' },
  ],
  body: (typed, review, texts) => ({
    run_id: review.run_id,
    // One for each time that the form is opened: sending it again is the same verdict.
    verdict: { ...typed.verdict, delivery_id: (texts.delivery_id ??= `page-${Date.now().toString(36)}`) },
  }),
  command: (review, texts) => ['review', 'verdict', review.review_id, review.run_id, texts.outcome ?? 'approved'],
  flags: (texts) => Object.fromEntries(Object.entries({
    confidence: texts.confidence, reason: texts.reason, missing_work: (texts.missing_work ?? '').split('\n').filter(Boolean),
    next_round_guidance: texts.next_round_guidance, review_text: texts.review_text,
  }).filter(([, value]) => value && value.length)),
};

const isPaused = (scheduler) => scheduler.paused;

export const SCHEDULER_ACTIONS = [
  {
    label: 'Resume dispatch', done: 'Dispatch goes on', first: isPaused, when: isPaused,
    says: () => 'Agents are given work again.', path: () => 'api/scheduler/resume', fields: [reason()], command: () => ['scheduler', 'resume'],
  },
  {
    label: 'Pause dispatch', done: 'Dispatch is paused', danger: true, when: (scheduler) => !scheduler.paused,
    says: (scheduler) => `No agent is given anything until it is resumed; ${scheduler.active_claim_count} claims go on.`,
    path: () => 'api/scheduler/pause', fields: [reason()], command: () => ['scheduler', 'pause'],
  },
];

export const drain = {
  label: 'Drain', done: 'Drained', danger: true,
  says: ({ active_claim_count: count, paused, paused_by: by, paused_at: since, paused_reason: why }) => `Pauses dispatch, and waits until the ${count} claims under way have ended.${paused ? ` It takes the place of the pause by ${by} since ${absolute(since)}${why ? `: ${why}` : ''}.` : ''}`,
  path: () => 'api/scheduler/drain',
  initial: (scheduler) => ({ timeout_seconds: '300', reason: scheduler.paused_reason ?? '' }),
  fields: [reason(), { name: 'timeout_seconds', label: 'Timeout', kind: 'number', hint: 'Seconds.' }],
  command: () => ['scheduler', 'drain'],
};

export const endSession = {
  label: 'End session', done: 'The session has ended', method: 'DELETE', danger: true,
  says: (session) => `Ends the session ${session.name ?? session.id} of ${session.agent_name}. Its leases are released at once.`,
  path: (session) => `api/sessions/${encodeURIComponent(session.id)}`, command: (session) => ['session', 'end', session.id],
};
