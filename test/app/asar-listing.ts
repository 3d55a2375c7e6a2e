import { closeSync, openSync, readSync } from 'node:fs';

/** A file of an asar archive: by its path, its size, and whether it lies beside the archive. */
export interface AsarFile {
  readonly path: string;
  readonly size: number;
  readonly unpacked: boolean;
}

type Entry =
  | { readonly files: Readonly<Record<string, Entry>> }
  | { readonly size: number; readonly unpacked?: boolean };

/** The files of an archive. Its header is JSON behind four little-endian lengths (Chromium's Pickle format). */
export function listAsar(path: string): readonly AsarFile[] {
  const file = openSync(path, 'r');
  try {
    const lengths = Buffer.alloc(16);
    readSync(file, lengths, 0, 16, 0);
    const header = Buffer.alloc(lengths.readUInt32LE(12));
    readSync(file, header, 0, header.length, 16);
    return flatten(JSON.parse(header.toString('utf8')) as Entry, '');
  } finally {
    closeSync(file);
  }
}

function flatten(entry: Entry, path: string): readonly AsarFile[] {
  if (!('files' in entry)) return [{ path, size: entry.size, unpacked: entry.unpacked ?? false }];
  return Object.entries(entry.files).flatMap(([name, inner]) => flatten(inner, `${path}/${name}`));
}
