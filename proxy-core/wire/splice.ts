import { ANSWER_SCAN_LIMITS, type Member, type Span, scanJson } from './json-scan.ts';

/**
 * Edits on the original bytes of a JSON object: one member is set, everything else stays byte for byte. Only for
 * documents that `scanJson` accepts, so that there is one member to mean.
 */

/** Which member: of the top-level object, or of an object inside it. */
export type MemberPath = readonly [key: string] | readonly [parent: string, key: string];

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The bytes with `[start, end)` replaced by `text`. */
export function replaceSpan(bytes: Uint8Array, start: number, end: number, text: string): Uint8Array {
  const middle = encoder.encode(text);
  const spliced = new Uint8Array(bytes.length - (end - start) + middle.length);
  spliced.set(bytes.subarray(0, start), 0);
  spliced.set(middle, start);
  spliced.set(bytes.subarray(end), start + middle.length);
  return spliced;
}

/**
 * Set a member to a JSON literal, inserting it (and its parent, also where that is null) when absent. Returns the new
 * bytes, the same array if the member already has exactly this text, or null if the document is not an object that
 * can be scanned or the parent is neither object nor null.
 */
export function setMember(bytes: Uint8Array, path: MemberPath, literal: string): Uint8Array | null {
  const members = membersOf(bytes);
  if (members === null) return null;
  const [key, child] = path;
  const member = members.find((m) => m.key === key);
  if (child === undefined) {
    return member === undefined ? insertMember(bytes, members, key, literal) : setValue(bytes, member, literal);
  }
  const whole = `{${JSON.stringify(child)}:${literal}}`;
  if (member === undefined) return insertMember(bytes, members, key, whole);
  const inner = bytes.subarray(member.start, member.end);
  if (textOf(inner) === 'null') return replaceSpan(bytes, member.start, member.end, whole);
  const edited = setMember(inner, [child], literal);
  if (edited === null) return null;
  return edited === inner ? bytes : joinBytes([bytes.subarray(0, member.start), edited, bytes.subarray(member.end)]);
}

/** What an output ceiling did to a body. */
export interface CeilingEdit {
  readonly bytes: Uint8Array;
  /** The members that were lowered or inserted. */
  readonly changed: readonly string[];
}

/**
 * Hold a request to `ceiling` output tokens: every member of `keys` that is absent-by-null, not a number or above the
 * ceiling is set to it; if none of them is present the first is inserted. Null if the body cannot be edited.
 */
export function clampOutput(
  bytes: Uint8Array,
  keys: readonly [string, ...string[]],
  ceiling: number,
): CeilingEdit | null {
  const members = membersOf(bytes);
  if (members === null) return null;
  const present = members.filter((m) => keys.includes(m.key) && textOf(bytes.subarray(m.start, m.end)) !== 'null');
  const over = present.filter((m) => !(numberAt(bytes, m) <= ceiling)).map((m) => m.key);
  const changed = present.length === 0 ? [keys[0]] : over;
  let edited: Uint8Array | null = bytes;
  for (const key of changed) edited = edited === null ? null : setMember(edited, [key], String(ceiling));
  return edited === null ? null : { bytes: edited, changed };
}

/** The parts one after the other. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function membersOf(bytes: Uint8Array): readonly Member[] | null {
  const scan = scanJson(bytes, ANSWER_SCAN_LIMITS);
  if (scan.kind === 'refused') return null;
  return scan.members.length > 0 || lastByte(bytes, bytes.length) === CLOSE_OBJECT ? scan.members : null;
}

const CLOSE_OBJECT = 0x7d;

function setValue(bytes: Uint8Array, member: Member, literal: string): Uint8Array {
  if (textOf(bytes.subarray(member.start, member.end)) === literal) return bytes;
  return replaceSpan(bytes, member.start, member.end, literal);
}

/** After the last member, or as the only one. */
function insertMember(bytes: Uint8Array, members: readonly Member[], key: string, literal: string): Uint8Array {
  const member = `${JSON.stringify(key)}:${literal}`;
  const last = members.at(-1);
  if (last !== undefined) return replaceSpan(bytes, last.end, last.end, `,${member}`);
  const close = bytes.lastIndexOf(CLOSE_OBJECT);
  return replaceSpan(bytes, close, close, member);
}

function numberAt(bytes: Uint8Array, member: Member): number {
  const text = textOf(bytes.subarray(member.start, member.end));
  return /^[-0-9]/.test(text) ? Number(text) : Number.NaN;
}

const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

/** The last byte before `end` that is not white space. */
function lastByte(bytes: Uint8Array, end: number): number | undefined {
  let i = end - 1;
  while (i >= 0 && (bytes[i] as number) <= 0x20) i -= 1;
  return bytes[i];
}

/** One replacement in a document: `[start, end)` becomes `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The bytes with all edits made. Edits must not overlap; their order does not matter. The same array if there are none. */
export function applyEdits(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return bytes;
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(bytes.subarray(from, edit.start), encoder.encode(edit.text));
    from = edit.end;
  }
  return joinBytes([...parts, bytes.subarray(from)]);
}

/** Remove the members with these keys from an object, separators included. Null if it cannot be scanned. */
export function removeMembers(bytes: Uint8Array, keys: readonly string[]): Uint8Array | null {
  const members = membersOf(bytes);
  if (members === null) return null;
  const spans = members.map((member): Span => [member.keyStart, member.end]);
  return applyEdits(
    bytes,
    removalsOf(spans, (i) => keys.includes(members[i]?.key ?? '')),
  );
}

/** The edits that remove some of the neighbouring parts (members or elements) and one separator with each. */
export function removalsOf(spans: readonly Span[], isRemoved: (index: number) => boolean): readonly Edit[] {
  let kept = false;
  return spans.flatMap(([start, end], i) => {
    if (!isRemoved(i)) {
      kept = true;
      return [];
    }
    // Behind a part that stays its separator goes too; at the front the one that follows.
    const before = kept ? spans[i - 1]?.[1] : undefined;
    return [{ start: before ?? start, end: before === undefined ? (spans[i + 1]?.[0] ?? end) : end, text: '' }];
  });
}
