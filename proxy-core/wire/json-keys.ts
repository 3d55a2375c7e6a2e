/** The keys of the objects that a scan is in: equal ones are found by what they mean, not how they are spelled. */

/** Keys of one open object or the position in one open array. */
export interface Level {
  array: boolean;
  /** Keys seen (object) or the index of the current element (array). */
  count: number;
  readonly keyStarts: number[];
  readonly keyEnds: number[];
  /** Decoded keys, once there are many of them or one is not plain ASCII. */
  names: Set<string> | null;
}

/** Up to this many plain keys are compared pairwise; beyond, in a set. */
const FEW_KEYS = 24;
const BACKSLASH = 0x5c;
/** Longer keys are compared decoded, and cut when shown. */
const SHORT_KEY = 64;
const SHOWN_PATH = 256;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Whether the object has no equal key yet; null if the key is not a valid string. */
export function isNewKey(bytes: Uint8Array, level: Level, start: number, end: number): boolean | null {
  if (level.names === null && level.count < FEW_KEYS && isPlain(bytes, start, end)) {
    for (let i = 0; i < level.count; i += 1) {
      if (sameBytes(bytes, level.keyStarts[i] as number, level.keyEnds[i] as number, start, end)) return false;
    }
    return true;
  }
  level.names ??= decodedKeys(bytes, level);
  const name = keyText(bytes, start, end);
  if (name === null) return null;
  const before = level.names.size;
  return level.names.add(name).size > before;
}

function decodedKeys(bytes: Uint8Array, level: Level): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i < level.count; i += 1) {
    names.add(keyText(bytes, level.keyStarts[i] as number, level.keyEnds[i] as number) ?? '');
  }
  return names;
}

/** A short key of ASCII without escapes, so that equal keys are equal bytes. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT_KEY) return false;
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i] as number;
    if (byte === BACKSLASH || byte >= 0x80) return false;
  }
  return true;
}

function sameBytes(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = 0; i < aEnd - aStart; i += 1) if (bytes[aStart + i] !== bytes[bStart + i]) return false;
  return true;
}

/** The key between its quotes as JavaScript reads it, or null if an escape is invalid. */
export function keyText(bytes: Uint8Array, start: number, end: number): string | null {
  if (isPlain(bytes, start, end)) return asciiText(bytes, start, end);
  const text = decoder.decode(bytes.subarray(start, end));
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return null;
  }
}

/** Short ASCII text, faster than a decoder call. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i += 1) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** The path that ends at the last key or element of these levels: `messages[2].content`, at most 256 characters. */
export function pathOf(bytes: Uint8Array, levels: readonly Level[]): string {
  let text = '';
  for (const level of levels) {
    if (level.array) text += `[${level.count}]`;
    else {
      const start = level.keyStarts[level.count - 1] as number;
      const end = Math.min(level.keyEnds[level.count - 1] as number, start + SHORT_KEY);
      const key = decoder.decode(bytes.subarray(start, end));
      text += text === '' ? key : `.${key}`;
    }
  }
  return text.length > SHOWN_PATH ? `${text.slice(0, SHOWN_PATH - 1)}…` : text;
}
