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
