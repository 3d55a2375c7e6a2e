import type { Masked } from './mask.ts';
import { maskJsonText } from './mask-json.ts';
import type { Redactor } from './redactor.ts';

/**
 * Bodies without secrets, for installations that mask already what they store. JSON keeps every byte that is no secret. A
 * streamed answer says a secret in pieces, a few characters a frame: so what its frames say together is masked together,
 * and stands in the first of them.
 */

/** The bytes with secrets masked; the same array where there are none. What is not UTF-8 is masked byte by byte. */
export function maskBody(bytes: Uint8Array, redactor: Redactor): Masked<Uint8Array> {
  const text = readUtf8(bytes);
  const { value, masked } = maskText(text ?? readBytes(bytes), redactor);
  if (masked === 0) return { value: bytes, masked };
  return { value: text === null ? writeBytes(value) : encoder.encode(value), masked };
}

/** JSON text, or any other, with secrets masked. */
export function maskArguments(json: string, redactor: Redactor): Masked<string> {
  const counted = countingRedactor(redactor);
  const value = maskJsonText(json, counted.text, counted.tree);
  return { value, masked: counted.masked() };
}

const EVENT_STREAM = /^\uFEFF?(?:data|event|id|retry)?:/;

const maskText = (text: string, redactor: Redactor): Masked<string> =>
  EVENT_STREAM.test(text) ? maskStream(text, redactor) : maskArguments(text, redactor);

interface Frame {
  readonly line: number;
  /** `data:` and the space behind it. */
  readonly lead: string;
  readonly value: unknown;
  changed: boolean;
}

function maskStream(text: string, redactor: Redactor): Masked<string> {
  const lines = text.split(/(\r\n|\n|\r)/);
  const frames = lines.flatMap((line, index) => readFrame(line, index) ?? []);
  let masked = 0;
  for (const pieces of spokenPieces(frames).values()) {
    const together = maskArguments(pieces.map(({ text: piece }) => piece).join(''), redactor);
    if (together.masked === 0) continue;
    masked += together.masked;
    for (const [index, piece] of pieces.entries()) piece.replace(index === 0 ? together.value : '');
  }
  for (const { line, lead, value, changed } of frames) if (changed) lines[line] = `${lead}${JSON.stringify(value)}`;
  const shown = lines.map((line) => {
    const whole = maskLine(line, redactor);
    masked += whole.masked;
    return whole.value;
  });
  return { value: shown.join(''), masked };
}

const DATA = /^(data: ?)(.*)$/s;

function maskLine(line: string, redactor: Redactor): Masked<string> {
  const [, lead, content] = DATA.exec(line) ?? [];
  if (lead === undefined || content === undefined) return redactor.text(line);
  const { value, masked } = maskArguments(content, redactor);
  return { value: `${lead}${value}`, masked };
}

function readFrame(text: string, line: number): Frame | null {
  const [, lead, content] = DATA.exec(text) ?? [];
  if (lead === undefined || content === undefined || !content.startsWith('{')) return null;
  try {
    return { line, lead, value: JSON.parse(content), changed: false };
  } catch {
    return null;
  }
}

/** A string in a frame that continues what earlier frames said at the same place. */
interface Piece {
  readonly text: string;
  replace(text: string): void;
}

/** Members that say what a frame is, not what is said. */
const NOT_SPOKEN = new Set(['type', 'role', 'id', 'name', 'object', 'finish_reason', 'stop_reason', 'item_id']);

/** What is said in pieces, by where it belongs: the path of its member and the indexes beside it (choice, block, tool call). */
const SPEECH_DEPTH = 64;

function spokenPieces(frames: readonly Frame[]): ReadonlyMap<string, readonly Piece[]> {
  const places = new Map<string, Piece[]>();
  const walk = (frame: Frame, holder: Record<string, unknown>, path: string, spoken: boolean, depth = 0): void => {
    // Speech lies a few levels deep; a frame that goes on for ever says nothing.
    if (depth > SPEECH_DEPTH) return;
    const here = `${path}${indexesOf(holder)}`;
    for (const [name, value] of Object.entries(holder)) {
      const said = spoken || name === 'delta' || (name === 'text' && path.endsWith('choices/'));
      if (typeof value === 'object' && value !== null)
        walk(
          frame,
          value as Record<string, unknown>,
          Array.isArray(holder) ? here : `${here}${name}/`,
          said,
          depth + 1,
        );
      else if (typeof value === 'string' && said && !NOT_SPOKEN.has(name)) {
        const place = `${here}${name}`;
        const piece: Piece = {
          text: value,
          replace(text) {
            holder[name] = text;
            frame.changed = true;
          },
        };
        const known = places.get(place);
        if (known === undefined) places.set(place, [piece]);
        else known.push(piece);
      }
    }
  };
  for (const frame of frames) walk(frame, frame.value as Record<string, unknown>, '', false);
  return places;
}

const indexesOf = (holder: Readonly<Record<string, unknown>>): string =>
  Object.entries(holder)
    .filter(([name, value]) => name.endsWith('index') && typeof value === 'number')
    .map(([name, value]) => `${name}=${String(value)};`)
    .join('');

function countingRedactor(redactor: Redactor) {
  let masked = 0;
  return {
    text(text: string): string {
      const found = redactor.text(text);
      masked += found.masked;
      return found.value;
    },
    tree(value: unknown): unknown {
      const found = redactor.tree(value);
      masked += found.masked;
      return found.value;
    },
    masked: () => masked,
  };
}

const encoder = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readUtf8(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

const CHUNK = 8_192;

/** A character for each byte. */
function readBytes(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  return parts.join('');
}

const writeBytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
