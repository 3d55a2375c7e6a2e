/** Reading a call's arguments for showing them: each function answers with a usable value, never an error. */

/** The arguments as far as a view needs them. */
export type Args = Readonly<Record<string, unknown>>;

/** The value if it is an object, else null. */
export const asArgs = (value: unknown): Args | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Args) : null;

/** The first text under one of these keys; null without one. An empty text counts. */
export function textUnder(args: Args, keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = Object.hasOwn(args, key) ? args[key] : undefined;
    if (typeof value === 'string') return value;
  }
  return null;
}

/** The value if it is a list of texts, else null. */
export function asTexts(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const texts = value.filter((item) => typeof item === 'string');
  return texts.length === value.length && texts.length > 0 ? texts : null;
}

/** UTF-8 bytes of a text. */
export const utf8Bytes = (text: string): number => new TextEncoder().encode(text).length;
