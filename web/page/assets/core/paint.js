// When the page is drawn: at once where nothing was for a while, and at most four times a second for
// what comes by itself.

const APART_MS = 250;

let draw = () => {};
let last = -APART_MS;
let frame = null;
let timer = null;

export const setDraw = (drawing) => { draw = drawing; };

function run() {
  frame = null;
  last = performance.now();
  draw();
}

/** Have it drawn with the next frame: somebody waits for what has come. */
export function arrived() {
  clearTimeout(timer);
  timer = null;
  frame ??= requestAnimationFrame(run);
}

/** Have it drawn soon. */
export function changed() {
  if (frame !== null || timer !== null) return;
  const wait = last + APART_MS - performance.now();
  if (wait <= 0) arrived();
  else timer = setTimeout(arrived, wait);
}

/** Draw now: somebody has pressed something. */
export function drawNow() {
  last = performance.now();
  draw();
}
