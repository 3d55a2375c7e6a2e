import { hash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Readable, Writable } from '../handle.ts';

/** Content-addressed bytes: the same content is one row, compressed where that is worth it. */

/** Shorter content is kept as it is: a zstd frame costs more than it saves. */
const WORTH_COMPRESSING = 256;

const PLAIN = 0;
const ZSTD = 1;

interface BlobRow {
  readonly size: number;
  readonly codec: number;
  readonly content: Buffer;
}

/** Store bytes unless they are stored; returns the row and their SHA-256 (32 bytes). */
export function putBlob(db: Writable, bytes: Uint8Array): { readonly blobId: number; readonly sha256: Buffer } {
  const sha256 = hash('sha256', bytes, 'buffer');
  const known = db.one<{ blob_id: number }>(
    'SELECT blob_id FROM blobs WHERE substr(sha256, 1, 8) = +? AND sha256 = +?',
    sha256.subarray(0, 8),
    sha256,
  );
  return { blobId: known?.blob_id ?? insertBlob(db, bytes, sha256), sha256 };
}

function insertBlob(db: Writable, bytes: Uint8Array, sha256: Buffer): number {
  const packed = bytes.length > WORTH_COMPRESSING ? zstdCompressSync(bytes) : null;
  const smaller = packed !== null && packed.length < bytes.length;
  return db.insert(
    'INSERT INTO blobs (sha256, size, codec, content) VALUES (?, ?, ?, ?)',
    sha256,
    bytes.length,
    smaller ? ZSTD : PLAIN,
    smaller ? packed : bytes,
  );
}

/** The bytes of a blob. Throws if it is missing or damaged. */
export function readBlob(db: Readable, blobId: number): Uint8Array {
  const row = db.one<BlobRow>('SELECT size, codec, content FROM blobs WHERE blob_id = +?', blobId);
  if (row === undefined) throw new Error(`no such blob: ${blobId}`);
  const bytes = row.codec === ZSTD ? zstdDecompressSync(row.content, { maxOutputLength: row.size || 1 }) : row.content;
  if (bytes.length !== row.size) throw new Error(`blob ${blobId} is damaged`);
  return bytes;
}
