import { visible } from '../../contract/visible.ts';

/** HTML that a renderer has written itself; only `escapeHtml` and `html` make it. */
export interface Html {
  readonly html: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML text: nothing in it is markup, and characters that would not show are written out (faults E10). */
export const escapeHtml = (text: string): string =>
  text
    .split(/([\n\t])/)
    .map((piece) => (piece === '\n' || piece === '\t' ? piece : visible(piece)))
    .join('')
    .replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);

type Value = Html | string | number | null | readonly Html[];

/** A template whose values are escaped unless they are HTML already. */
export function html(texts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let out = texts[0] ?? '';
  values.forEach((value, index) => {
    out += render(value) + (texts[index + 1] ?? '');
  });
  return { html: out };
}

function render(value: Value): string {
  if (value === null) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if ('html' in value) return value.html;
  return value.map((one) => one.html).join('');
}

/** JSON inside a script element: what could end it is written as an escapeHtml. */
export const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');
