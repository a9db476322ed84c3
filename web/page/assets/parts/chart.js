// Small charts: bars by minute as inline SVG, each with what it shows in words beside it.
import { html, svg } from '../core/html.js';

const WIDTH = 240;
const HEIGHT = 40;

/**
 * Args: label: what is shown. values: one for each minute, the oldest first. summary: in words.
 * `second`, if given, is drawn over it in the colour of failures.
 */
export function bars(label, values, summary, second = null) {
  const most = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length);
  const bar = (tone) => (value, index) => {
    const height = value ? Math.max(1, (value / most) * HEIGHT) : 0;
    return svg`<rect class=${tone} x=${(index * step).toFixed(2)} y=${(HEIGHT - height).toFixed(2)} width=${Math.max(0.5, step - 0.6).toFixed(2)} height=${height.toFixed(2)}></rect>`;
  };
  return html`<figure class="chart"><figcaption>${label}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <line x1="0" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT}></line>
      ${values.map(bar('bar'))}${second ? second.map(bar('bar over')) : ''}</svg>
    <p>${summary}</p></figure>`;
}
