import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Unzip, UnzipInflate, UnzipPassThrough } from 'fflate';

/** A file taken out of a zip. */
export interface Unpacked {
  readonly name: string;
  readonly sha256: string;
}

const READ_BYTES = 256 * 1024;
/** Names that our own zips have; anything else could lead out of the folder. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,250}$/;

/** Take a zip's files out into a folder, streamed, as new private files. Throws on a name that is not plain, or a damaged zip. */
export function unpackZip(zipFile: string, folder: string): readonly Unpacked[] {
  const unpacked: Unpacked[] = [];
  const unzip = new Unzip((entry) => {
    if (!PLAIN_NAME.test(entry.name)) throw new Error(`the zip holds a file of an unusual name: ${entry.name}`);
    const descriptor = openSync(join(folder, entry.name), 'wx', 0o600);
    const hash = createHash('sha256');
    entry.ondata = (error, chunk, final) => {
      if (error !== null) throw error;
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at, chunk.length - at);
      if (!final) return;
      closeSync(descriptor);
      unpacked.push({ name: entry.name, sha256: hash.digest('hex') });
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  unzip.register(UnzipPassThrough);
  const descriptor = openSync(zipFile, 'r');
  try {
    for (;;) {
      const buffer = new Uint8Array(READ_BYTES);
      const read = readSync(descriptor, buffer, 0, READ_BYTES, null);
      unzip.push(buffer.subarray(0, read), read === 0);
      if (read === 0) return unpacked;
    }
  } finally {
    closeSync(descriptor);
  }
}
