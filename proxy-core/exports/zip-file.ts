import { closeSync, openSync, readSync } from 'node:fs';
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { renderSeal } from '../audit/seal.ts';
import { createSink } from './digest-sink.ts';
import { type SealingJob, statementOf, type WrittenFile } from './sealed-file.ts';

/** A member of a zip: a file on the disk, its SHA-256 known, or a text. */
export interface ZipMember {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** It is compressed already. */
  readonly packed?: boolean;
}

/** The list of what is in a zip, itself its last member. */
export const MANIFEST = 'manifest.json';
const READ_BYTES = 256 * 1024;
/** The end record: its last two bytes are the length of the comment that follows (APPNOTE 4.3.16). */
const COMMENT_LIMIT = 65_535;
/** Without the 64-bit extensions a zip holds fewer members and bytes than this. */
const MEMBER_LIMIT = 65_000;
const SIZE_LIMIT = 4_000_000_000;

/** A zip of these would not fit the format. */
export class ZipTooLarge extends Error {}

/**
 * Write a zip of files, streamed, with a manifest of their hashes. Its seal is the archive's comment: it covers every
 * byte before it, the comment's length included, and is the last thing in the file.
 */
export function writeZip(path: string, format: string, members: Iterable<ZipMember>, job: SealingJob): WrittenFile {
  const sink = createSink(path);
  try {
    let held: Uint8Array = new Uint8Array();
    const zip = new Zip((error, chunk) => {
      if (error !== null) throw error;
      if (held.length > 0) sink.write(held);
      held = chunk;
    });
    const listed: Pick<ZipMember, 'name' | 'bytes' | 'sha256'>[] = [];
    let size = 0;
    for (const member of members) {
      const { name, bytes, sha256 } = member;
      size += bytes;
      if (listed.length >= MEMBER_LIMIT || size > SIZE_LIMIT)
        throw new ZipTooLarge('this is too much for one zip: export a shorter time range');
      addFile(zip, member, job);
      listed.push({ name, bytes, sha256 });
    }
    addText(zip, MANIFEST, `${JSON.stringify({ format, files: listed }, null, 1)}\n`, job.facts.exported_at);
    zip.end();
    const sealText = (sha256: string, bytes: number): string =>
      renderSeal(job.sign(statementOf(format, job, { bytes, sha256, parts: [] })));
    // The seal's length is part of what it covers; it depends on no hash, so any will do to find it.
    sink.write(held.subarray(0, -2));
    const bytes = sink.covered().bytes + 2;
    const length = Buffer.byteLength(sealText('0'.repeat(64), bytes));
    if (length > COMMENT_LIMIT) throw new ZipTooLarge('the seal does not fit the zip');
    sink.write(Uint8Array.of(length & 255, length >> 8));
    const text = sealText(sink.covered().sha256, bytes);
    if (Buffer.byteLength(text) !== length) throw new Error('the length of a seal has changed');
    sink.writeUncovered(text);
    return { ...sink.close(), masked: job.masked() };
  } finally {
    sink.abandon();
  }
}

function addFile(zip: Zip, { name, file, packed }: ZipMember, { facts, check }: SealingJob): void {
  const entry = packed === true ? new ZipPassThrough(name) : new ZipDeflate(name, { level: 6 });
  entry.mtime = facts.exported_at;
  zip.add(entry);
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      check();
      const buffer = new Uint8Array(READ_BYTES);
      const read = readSync(descriptor, buffer, 0, READ_BYTES, null);
      entry.push(buffer.subarray(0, read), read === 0);
      if (read === 0) return;
    }
  } finally {
    closeSync(descriptor);
  }
}

function addText(zip: Zip, name: string, text: string, at: number): void {
  const entry = new ZipDeflate(name, { level: 6 });
  entry.mtime = at;
  zip.add(entry);
  entry.push(Buffer.from(text), true);
}
