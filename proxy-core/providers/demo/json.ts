/** Reading of JSON whose shape only the demo cares about: whatever is missing or of another kind reads as empty. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object, or an empty one. */
export const objectOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

/** The list, or an empty one. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The text, or an empty one. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A whole number above zero, or null. */
export const countOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;

/** Words in a text: the demo's measure of a token. */
export function countWords(text: string): number {
  let words = 0;
  let inside = false;
  for (let i = 0; i < text.length; i += 1) {
    const blank = text.charCodeAt(i) <= 0x20;
    if (!blank && !inside) words += 1;
    inside = !blank;
  }
  return words;
}

/** Words in every string of the given values, however deep; at least 1. */
export function countAllWords(values: readonly unknown[]): number {
  const rest = [...values];
  let words = 0;
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') words += countWords(value);
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) rest.push(each);
  }
  return Math.max(1, words);
}
