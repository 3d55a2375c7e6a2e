import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes that are read where they are needed: a file's, or those of a zip's member. */
export interface ByteSource {
  readonly size: number;
  /** Exactly these bytes. Throws RangeError beyond the end. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** A file's bytes. Throws the system's error if it cannot be read. */
export function openFileSource(path: string): ByteSource {
  const descriptor = openSync(path, 'r');
  const facts = fstatSync(descriptor);
  if (!facts.isFile()) {
    closeSync(descriptor);
    throw new Error(`${path} is not a file`);
  }
  return {
    size: facts.size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const read = readSync(descriptor, bytes, at, length - at, offset + at);
        if (read === 0) throw new RangeError('the file ends before it should');
        at += read;
      }
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}

/** Bytes in memory. */
export const memorySource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read(offset, length) {
    if (offset + length > bytes.length) throw new RangeError('the bytes end before they should');
    return bytes.subarray(offset, offset + length);
  },
  close: () => undefined,
});

const CHUNK = 1_048_576;

/** The bytes from `start` to `end`, in pieces. */
export function* chunksOf(source: ByteSource, start: number, end: number): Generator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK) yield source.read(at, Math.min(CHUNK, end - at));
}
