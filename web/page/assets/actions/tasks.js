// What can be done with a task.
import { get } from '../core/api.js';
import { plural } from '../core/format.js';
import { ENDED_TASK } from '../core/words.js';
import { OWNERS, PRIORITIES, channel, key, metadata, reason } from './fields.js';

const path = (task, rest = '') => `api/tasks/${encodeURIComponent(task.id)}${rest}`;
const isDraft = (task) => task.status === 'draft';
const isOver = (task) => ENDED_TASK.has(task.status);
const awaitsApproval = (task) => task.approval_state === 'pending' && !isDraft(task) && !isOver(task);
const queueing = [key, channel, metadata];

async function below(task) {
  const { body } = await get(path(task, '/tree'));
  return (body.tree.descendants ?? []).filter((node) => !ENDED_TASK.has(node.task.status)).length;
}

export const approve = {
  label: 'Approve', done: 'Approved', first: awaitsApproval, when: awaitsApproval,
  says: () => 'Approves the task, so that agents may claim it, and queues a run of it.',
  path: (task) => path(task, '/approve'), fields: queueing, command: (task) => ['task', 'approve', task.id],
};
export const reject = {
  label: 'Reject', done: 'Rejected', danger: true, first: awaitsApproval, when: awaitsApproval,
  says: () => 'Refuses the approval. The task stays, and no agent is given it.',
  path: (task) => path(task, '/reject'), command: (task) => ['task', 'reject', task.id],
};
export const cancel = {
  label: 'Cancel task', done: 'Canceled', danger: true, when: (task) => !isOver(task),
  says: (task) => `Cancels “${task.title}” and everything below it that has not ended; runs under way are canceled, too.`,
  consequence: async (task) => `This cancels ${plural(1 + await below(task), 'task')}.`,
  path: (task) => path(task, '/cancel'), fields: [reason(), metadata], command: (task) => ['task', 'cancel', task.id],
};
export const pause = {
  label: 'Pause', done: 'Paused', when: (task) => !task.paused && !isOver(task),
  says: () => 'Holds the task and everything below it: agents finish what they hold and claim nothing more of it.',
  path: (task) => path(task, '/pause'), fields: [reason(true), metadata], command: (task) => ['task', 'pause', task.id],
};
export const resume = {
  label: 'Resume', done: 'Resumed', first: (task) => task.paused, when: (task) => task.paused,
  says: (task) => `Lets it go on.${task.paused_reason ? ` It was paused because: ${task.paused_reason}` : ''}`,
  path: (task) => path(task, '/resume'), fields: [metadata], command: (task) => ['task', 'resume', task.id],
};
export const archive = {
  label: 'Archive', done: 'Archived', says: () => 'Moves it out of your inbox, until you look there.',
  path: (task) => path(task, '/triage/archive'), command: (task) => ['inbox', 'archive', task.id],
};

export const TASK_ACTIONS = [
  approve,
  reject,
  {
    label: 'Publish', done: 'Published', first: isDraft, when: isDraft,
    says: () => 'Makes the draft a task that agents may be given, and queues a run of it.',
    path: (task) => path(task, '/publish'), fields: queueing, command: (task) => ['task', 'publish', task.id],
  },
  resume,
  {
    label: 'Start', done: 'A run is queued', first: (task) => task.status === 'ready' && !task.active_run && !task.latest_failed, when: (task) => !isDraft(task) && !isOver(task) && !task.active_run,
    says: () => 'Queues a run of the task, if none is open.',
    path: (task) => path(task, '/start'), fields: queueing, command: (task) => ['task', 'start', task.id],
  },
  {
    label: 'Queue a run', done: 'A run is queued', when: (task) => !isDraft(task) && !task.active_run,
    says: () => 'Queues a run of the task.',
    path: (task) => path(task, '/runs'), fields: queueing, command: (task) => ['task', 'enqueue', task.id],
  },
  pause,
  {
    label: 'Change', done: 'Changed', method: 'PATCH',
    says: () => 'Changes what is filled in and leaves the rest.',
    initial: (task) => ({ title: task.title, priority: task.priority, max_attempts: String(task.max_attempts) }),
    path: (task) => path(task),
    fields: [
      { name: 'title', label: 'Title', kind: 'text' },
      { name: 'description', label: 'Description', kind: 'long' },
      { name: 'priority', label: 'Priority', kind: 'choice', choices: PRIORITIES },
      { name: 'max_attempts', label: 'Max attempts', kind: 'number' },
      { name: 'owner', label: 'Owner', kind: 'owner', hint: `KIND:REF, as pool:builders. Kinds: ${OWNERS.join(', ')}.` },
      { name: 'clear_owner', label: 'Remove the owner', kind: 'flag', rare: true },
      { name: 'approval_policy', label: 'Approval', kind: 'choice', choices: ['none', 'manual'], rare: true },
      { name: 'auto_enqueue_on_ready', label: 'Queue a run when it becomes ready', kind: 'choice', choices: ['true', 'false'], rare: true },
      channel, metadata,
    ],
    body: (typed, task) => {
      const body = { ...typed };
      if (typed.title === task.title) delete body.title;
      if (typed.priority === task.priority) delete body.priority;
      if (typed.max_attempts === task.max_attempts) delete body.max_attempts;
      if (typed.auto_enqueue_on_ready !== undefined) body.auto_enqueue_on_ready = typed.auto_enqueue_on_ready === 'true';
      return body;
    },
    command: (task) => ['task', 'update', task.id],
  },
  {
    label: 'Add a dependency', done: 'Added', when: (task) => !isOver(task),
    says: () => 'Makes the task wait until another one is completed.',
    path: (task) => path(task, '/dependencies'),
    fields: [{ name: 'depends_on_task_id', label: 'Task to wait for', kind: 'text', required: true, hint: 'Its id.' }],
    command: (task, texts) => ['task', 'add-dependency', task.id, texts.depends_on_task_id ?? 'ID'], flags: () => ({}),
  },
  {
    label: 'Mark as read', done: 'Marked', says: () => 'You have seen it; it counts as unread again when something happens.',
    path: (task) => path(task, '/triage/read'), command: (task) => ['inbox', 'read', task.id],
  },
  archive,
  {
    label: 'Dismiss', done: 'Dismissed', says: () => 'Removes it from your inbox until something new happens with it.',
    path: (task) => path(task, '/triage/dismiss'), command: (task) => ['inbox', 'dismiss', task.id],
  },
  cancel,
  {
    label: 'Delete', done: 'Deleted', danger: true, method: 'DELETE',
    says: (task) => `Deletes “${task.title}” with its runs, events and reviews. It cannot be brought back.`,
    path: (task) => path(task), command: (task) => ['task', 'delete', task.id],
  },
];

export const removeDependency = (blocker) => ({
  label: 'Remove the dependency', done: 'Removed', method: 'DELETE', danger: true,
  says: (task) => `“${task.title}” no longer waits for “${blocker.title ?? blocker.id}”.`,
  path: (task) => path(task, `/dependencies/${encodeURIComponent(blocker.id)}`),
  command: (task) => ['task', 'remove-dependency', task.id, blocker.id],
});

export const setProfile = {
  label: 'Set the execution profile', done: 'The profile is set', method: 'PUT',
  says: () => 'Who may work on the task, with what, and who reviews it. It replaces the profile that is there.',
  initial: (task) => ({ profile: JSON.stringify(task.profile ?? { worker: { mode: 'select', required_capabilities: [] }, review: {} }, null, 2) }),
  path: (task) => path(task, '/execution-profile'),
  fields: [{ name: 'profile', label: 'Profile', kind: 'json', required: true, hint: 'Members: coordinator, worker, review, participants, sandbox, runtime.' }],
  body: (typed) => typed.profile,
  command: (task, texts) => ['profile', 'set', task.id, JSON.stringify(JSON.parse(texts.profile))], flags: () => ({}),
};
export const deleteProfile = {
  label: 'Delete the execution profile', done: 'The profile is deleted', method: 'DELETE', danger: true, when: (task) => Boolean(task.profile),
  says: () => 'Any agent that may see the task may claim it then.',
  path: (task) => path(task, '/execution-profile'), command: (task) => ['profile', 'delete', task.id],
};
export const subscribe = {
  label: 'Subscribe a webhook', done: 'Subscribed',
  says: () => 'Sends a message through a bridge when the task ends.',
  path: (task) => path(task, '/notifications/bridges'),
  fields: [
    { name: 'bridge_instance_id', label: 'Bridge', kind: 'text', required: true, hint: 'The name of a bridge that the server is configured with.' },
    { name: 'delivery_mode', label: 'Delivery', kind: 'choice', required: true, choices: ['direct-send', 'reply'] },
    { name: 'peer_id', label: 'Person', kind: 'text', rare: true },
    { name: 'group_id', label: 'Group', kind: 'text', rare: true },
    { name: 'thread_id', label: 'Thread', kind: 'text', rare: true },
    { name: 'subscription_id', label: 'Id', kind: 'text', rare: true },
  ],
  command: (task, texts) => ['bridge', 'subscribe', task.id, texts.bridge_instance_id || 'BRIDGE'],
  flags: ({ bridge_instance_id: _, ...texts }) => Object.fromEntries(Object.entries(texts).filter(([, text]) => text)),
};
export const unsubscribe = (subscription) => ({
  label: 'Unsubscribe', done: 'Unsubscribed', method: 'DELETE', danger: true,
  says: () => `Nothing more is sent to ${subscription.bridge_instance_id}.`,
  path: (task) => path(task, `/notifications/bridges/${encodeURIComponent(subscription.subscription_id)}`),
  command: (task) => ['bridge', 'unsubscribe', task.id, subscription.subscription_id],
});
export const resend = {
  label: 'Send again', done: 'They are sent again',
  says: () => 'Sends the messages again that could not be delivered.',
  path: (task) => path(task, '/notifications/undelivered/resend'), fields: [
    { name: 'delivery_id', label: 'Only this message', kind: 'text', rare: true },
    { name: 'subscription_id', label: 'Only those of this subscription', kind: 'text', rare: true },
  ],
  command: (task) => ['bridge', 'resend', task.id],
  flags: (texts) => ({ ...(texts.delivery_id ? { message: texts.delivery_id } : {}), ...(texts.subscription_id ? { subscription: texts.subscription_id } : {}) }),
};
