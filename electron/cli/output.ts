import { nanoToUsd, nanoUsd, showUsd } from '../../proxy-core/contract/money.ts';

/**
 * What people and programs read. Threat: names, labels and summaries come from models and agents; a control
 * or bidi character in them would rewrite the terminal and show another action than the real one.
 */

// Controls but the line break, which our own text uses; format characters (bidi, zero-width, tags); line separators.
const UNSAFE = /[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text with every character that a terminal would act on or hide written as `\u{…}`; line breaks stay. */
export const escapeText = (text: string): string =>
  text.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** The same on one line. */
export const escapeCell = (text: string): string => escapeText(text).replaceAll('\n', '\\n');

/** One JSON document on one line; the same characters are written as JSON escapes. */
export function renderJson(value: unknown): string {
  const units = (text: string) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return JSON.stringify(value).replace(UNSAFE, (character) =>
    units(character)
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** A table with a header and columns padded to their widest cell; numbers (`right`) are aligned to the right. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const lines = [header, ...rows.map((row) => row.map(escapeCell))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}

/** `name  value` lines, values aligned. */
export function renderFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${escapeCell(value)}`).join('\n');
}

/** Nano-USD for people; `none` without an amount. */
export const renderUsd = (nano: number | null): string => (nano === null ? 'none' : showUsd(nanoUsd(nano)));

/** An instant (epoch ms) in local time, `2026-11-22 14:03:07`; `-` without one. */
export function renderTime(at: number | null): string {
  if (at === null) return '-';
  const time = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/**
 * A record as it leaves the product: fields in nano-USD (`…_nano`) become USD numbers (`…_usd`), instants
 * (`…_at`, epoch ms) become RFC 3339 texts, as in the agent API's bodies.
 */
export function renderRecord(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renderRecord);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => renderField(key, field)));
}

// ECMAScript's time range, in ms from the epoch.
const LAST_INSTANT = 8.64e15;

function renderField(key: string, field: unknown): [string, unknown] {
  if (key.endsWith('_nano')) {
    const name = `${key.slice(0, -'_nano'.length)}_usd`;
    return [name, Number.isSafeInteger(field) ? nanoToUsd(nanoUsd(Number(field))) : field];
  }
  if (key.endsWith('_at') && typeof field === 'number' && Math.abs(field) <= LAST_INSTANT)
    return [key, new Date(field).toISOString()];
  return [key, renderRecord(field)];
}
