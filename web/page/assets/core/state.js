// What all parts of the page know.
export const app = {
  tokenRequired: false,
  isOpen: true, // the session, where a token is needed
  isPaused: false,
  stream: 'reconnecting', // or 'live'
  streamSince: Date.now(),
  isReadOnly: false,
  inboxCount: 0,
  reviewCount: 0,
  rows: 0, // of the list that is shown
};
