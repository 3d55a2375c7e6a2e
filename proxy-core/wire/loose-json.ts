/** Reading parsed JSON of unknown shape: each function answers with a usable value, never an error. */

/** A JSON object whose members are not known. */
export type JsonRecord = Readonly<Record<string, unknown>>;

const NOTHING: JsonRecord = Object.freeze({});

/** The value if it is an object, else null. */
export const recordOrNull = (value: unknown): JsonRecord | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : null;

/** The value if it is an object, else an empty one. */
export const record = (value: unknown): JsonRecord => recordOrNull(value) ?? NOTHING;

/** The value if it is an array, else an empty one. */
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The elements that are objects. */
export const records = (value: unknown): readonly JsonRecord[] =>
  list(value).filter((element): element is JsonRecord => recordOrNull(element) !== null);

/** The value at a path of keys and array positions; undefined if it is not there. */
export const valueAt = (root: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Readonly<Record<string | number, unknown>>)[key]
        : undefined,
    root,
  );

type Place = readonly [] | readonly [string | number];

/**
 * Where the elements stand of what should be an array, as paths in it: of an object its members, because clients also index it (`x[0]`),
 * or the object itself where it has a member that only an element has.
 */
export function placesIn(value: unknown, marks: readonly string[]): readonly Place[] {
  if (Array.isArray(value)) return value.map((_, i) => [i]);
  const container = recordOrNull(value);
  if (container === null) return [];
  return marks.some((mark) => Object.hasOwn(container, mark)) ? [[]] : Object.keys(container).map((key) => [key]);
}

/** The elements that are objects of what should be an array; see `placesIn`. */
export const elements = (value: unknown, marks: readonly string[]): readonly JsonRecord[] =>
  placesIn(value, marks).flatMap((place) => {
    const element = recordOrNull(valueAt(value, place));
    return element === null ? [] : [element];
  });

/**
 * Whether an object has a member that is one of these names (lower case) but for its letters' case. Some clients take the two
 * for one (Go's `encoding/json`), so what such a member holds is read by them and not by us.
 */
export const hasOtherCase = (value: JsonRecord, names: ReadonlySet<string>): boolean =>
  Object.keys(value).some((key) => !names.has(key) && names.has(key.toUpperCase().toLowerCase()));

/** The value if it is a text, else null. */
export const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The value if it is a text that is not empty, else null. */
export const filledText = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
