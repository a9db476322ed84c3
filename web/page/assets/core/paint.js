// When the page is drawn: at once where nothing was for a while, and at most four times a second.

const APART_MS = 250;

let draw = () => {};
let last = -APART_MS;
let due = null;

export const setDraw = (drawing) => { draw = drawing; };

function run() {
  due = null;
  last = performance.now();
  draw();
}

/** Have the page drawn soon. */
export function changed() {
  if (due !== null) return;
  const wait = last + APART_MS - performance.now();
  due = wait <= 0 ? requestAnimationFrame(run) : setTimeout(() => { due = requestAnimationFrame(run); }, wait);
}

/** Draw now: somebody has pressed something, and waits for it. */
export function drawNow() {
  last = performance.now();
  draw();
}
