// One modal dialog at a time, the browser's own: it keeps the focus inside and gives it back.
import { html, nothing } from '../core/html.js';
import { drawNow } from '../core/paint.js';

let open = null;

/**
 * Show a dialog. Args: label: its heading. body: makes its content, as often as the page is drawn.
 * onClose: called when it is closed, in whatever way.
 */
export function showDialog(label, body, { wide = false, onClose = () => {} } = {}) {
  open = { label, body, wide, onClose };
  drawNow();
  const dialog = document.getElementById('dialog');
  if (!dialog.open) dialog.showModal();
  // A field is a better beginning than the button that closes; so is what would be done.
  const places = ['[autofocus]', 'input, textarea, select', '.action-list button', 'button.primary', 'button[type="button"]'];
  const found = places.flatMap((place) => [...dialog.querySelectorAll(`.dialog-body :is(${place})`)]).find((one) => one.checkVisibility());
  found?.focus();
}

export function closeDialog() {
  document.getElementById('dialog')?.close();
}

export function dialog() {
  const closed = (event) => {
    if (event.target.open) return; // another one was shown before the browser told that this one is closed
    const was = open;
    open = null;
    was?.onClose();
    drawNow();
  };
  return html`<dialog id="dialog" class=${open?.wide ? 'wide' : ''} aria-labelledby="dialog-label" @close=${closed}>
    ${open === null ? nothing : html`
      <header><h2 id="dialog-label">${open.label}</h2>
        <button type="button" class="quiet" aria-label="Close" @click=${closeDialog}>✕</button></header>
      <div class="dialog-body">${open.body()}</div>`}
  </dialog>`;
}
