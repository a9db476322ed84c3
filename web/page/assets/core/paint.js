// When the page is drawn. What comes by itself is drawn at once, but no more than four times in any
// second: where a lot comes, at even distances.

const IN_A_SECOND = 4;
const SECOND_MS = 1000;
const APART_MS = SECOND_MS / IN_A_SECOND;

let drawing = () => {};
let drawnAt = -SECOND_MS;
const latest = new Array(IN_A_SECOND).fill(-SECOND_MS); // when what came by itself was drawn, ascending
let frame = null;
let timer = null;

export const setDraw = (how) => { drawing = how; };

/** Draw now: somebody has pressed something. */
export function drawNow() {
  drawnAt = performance.now();
  drawing();
}

/** The moment from which on what comes by itself may be drawn. One drawing alone, as that of each
 * second where nothing happens, does not put off the next. */
function earliest() {
  const [first, , before, last] = latest;
  return Math.max(first + SECOND_MS, last - before < APART_MS * 2 ? last + APART_MS : last);
}

/** Have it drawn with the next frame: somebody waits for what has come. */
export function arrived() {
  clearTimeout(timer);
  timer = null;
  frame ??= requestAnimationFrame(() => {
    frame = null;
    drawNow();
  });
}

function came() {
  latest.shift();
  latest.push(performance.now());
  arrived();
}

/** Have it drawn soon. */
export function changed() {
  if (frame !== null || timer !== null) return;
  const wait = earliest() - performance.now();
  if (wait <= 0) came();
  else timer = setTimeout(came, wait);
}

/** A second has passed, for what counts seconds: what was drawn within it shows them already. */
export function ticked() {
  if (performance.now() - drawnAt >= SECOND_MS * 0.9) changed();
}
