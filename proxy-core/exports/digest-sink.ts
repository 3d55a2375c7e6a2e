import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Piece } from '../audit/export/piece.ts';
import type { SealPart } from '../audit/seal.ts';

/** Takes bytes on their way into a private file, hashed as they pass: as a whole, and by part. */
export interface DigestSink {
  write(bytes: Uint8Array | string): void;
  /** A part begins: the one before it is finished. */
  mark(name: string): void;
  /** Bytes that a seal does not cover: its own. */
  writeUncovered(text: string): void;
  /** The last part is finished, its list complete. */
  parts(): readonly SealPart[];
  /** Bytes and hash of everything covered so far, followed by `end`. */
  covered(end?: string): { readonly bytes: number; readonly sha256: string };
  /** The same of the whole file. The file is closed. */
  close(): { readonly bytes: number; readonly sha256: string };
  /** Let go of a file that will not be finished; after `close` it does nothing. */
  abandon(): void;
}

const BUFFER_BYTES = 256 * 1024;

/** Begin a new file, 0600. Throws if there is one of this name. */
export function createSink(path: string): DigestSink {
  const descriptor = openSync(path, 'wx', 0o600);
  const whole = createHash('sha256');
  const sealed = createHash('sha256');
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const finished: SealPart[] = [];
  let open = true;
  let filled = 0;
  let total = 0;
  let coveredBytes = 0;
  let part: { readonly name: string; readonly hash: Hash; bytes: number } | null = null;

  const flush = (): void => {
    for (let at = 0; at < filled; ) at += writeSync(descriptor, buffer, at, filled - at);
    filled = 0;
  };
  const store = (bytes: Uint8Array): void => {
    whole.update(bytes);
    total += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, BUFFER_BYTES - filled);
      buffer.set(bytes.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === BUFFER_BYTES) flush();
    }
  };
  const finishPart = (): void => {
    if (part !== null) finished.push([part.name, part.bytes, part.hash.digest('hex').slice(0, 16)]);
    part = null;
  };
  return {
    write(given) {
      const bytes = typeof given === 'string' ? Buffer.from(given) : given;
      sealed.update(bytes);
      coveredBytes += bytes.length;
      if (part !== null) {
        part.hash.update(bytes);
        part.bytes += bytes.length;
      }
      store(bytes);
    },
    mark(name) {
      finishPart();
      part = { name: name.slice(0, 200), hash: createHash('sha256'), bytes: 0 };
    },
    writeUncovered: (text) => store(Buffer.from(text)),
    parts() {
      finishPart();
      return finished;
    },
    covered(end = '') {
      const sha256 = sealed.copy().update(end).digest('hex');
      return { bytes: coveredBytes + Buffer.byteLength(end), sha256 };
    },
    close() {
      if (!open) throw new Error('the file is closed');
      open = false;
      try {
        flush();
      } finally {
        closeSync(descriptor);
      }
      return { bytes: total, sha256: whole.digest('hex') };
    },
    abandon() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** Write what a renderer yields. `check` is called between pieces and throws to stop. */
export function writePieces(sink: DigestSink, pieces: Iterable<Piece>, check: () => void): void {
  for (const piece of pieces) {
    if (typeof piece === 'string') sink.write(piece);
    else {
      check();
      sink.mark(piece.part);
    }
  }
}
