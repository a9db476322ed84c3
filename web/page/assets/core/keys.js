// Keys: none in inputs, none with modifiers, none that destroys anything.

export const HELP = [
  ['/', 'search'],
  ['?', 'these keys'],
  ['g n', 'Now'], ['g i', 'Inbox'], ['g w', 'Work'], ['g q', 'Queue'], ['g l', 'Agents (leases)'], ['g s', 'Scheduler'], ['g c', 'create a task'],
  ['j / k', 'next, previous row'],
  ['x', 'select the row'],
  ['Enter', 'open the row'],
  ['a', 'what can be done with the row or what is open'],
  ['Esc', 'close, or drop the selection'],
  ['p', 'pause and resume updates'],
];

const GO = { n: 'now', i: 'inbox', w: 'work', q: 'queue', l: 'agents', s: 'scheduler', c: 'new' };
const SEQUENCE_MS = 1500;

const typesText = (target) => target.isContentEditable
  || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !/^(checkbox|radio|button|submit)$/.test(target.type);

/** Args: go: called with a view. press: called with any other key; true where it was of use. */
export function start(go, press) {
  let sinceG = -SEQUENCE_MS;
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return;
    if (typesText(event.target)) {
      if (event.key === 'Escape' && !event.target.closest('dialog')) event.target.blur();
      return;
    }
    if (document.querySelector('dialog[open]')) return;
    const key = event.key;
    if (event.timeStamp - sinceG < SEQUENCE_MS && GO[key]) {
      sinceG = -SEQUENCE_MS;
      event.preventDefault();
      go(GO[key]);
    } else if (key === 'g') {
      sinceG = event.timeStamp;
    } else if (press(key, event)) {
      event.preventDefault();
    }
  });
}
