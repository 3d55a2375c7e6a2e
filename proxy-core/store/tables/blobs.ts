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
  const blobId = known?.blob_id ?? insertBlob(db, bytes, sha256);
  watched.get(db)?.add(blobId);
  return { blobId, sha256 };
}

/** Blobs used while a sweep goes on, by the connection that stores them: what is used anew must not be taken for unused. */
const watched = new WeakMap<Writable, Set<number>>();

/** Note from now on which blobs are used, by this connection: the only one that stores any. */
export const watchBlobs = (db: Writable): void => void watched.set(db, new Set());

export const unwatchBlobs = (db: Writable): void => void watched.delete(db);

/** The highest id, 0 without blobs. */
export const maxBlob = (db: Readable): number =>
  db.one<{ last: number | null }>('SELECT max(blob_id) AS last FROM blobs')?.last ?? 0;

/**
 * Remove up to `limit` of the blobs with ids in a range, both ends inclusive, but none used since `watchBlobs`; nothing
 * unless they are watched. `upTo`: the range is seen to up to here.
 */
export function removeBlobs(
  db: Writable,
  from: number,
  to: number,
  limit: number,
): { readonly upTo: number; readonly removed: number } {
  const used = watched.get(db);
  if (used === undefined) return { upTo: to, removed: 0 };
  const rows = db.all<{ blob_id: number }>(
    'SELECT blob_id FROM blobs WHERE blob_id BETWEEN ? AND ? ORDER BY blob_id LIMIT ?',
    from,
    to,
    limit,
  );
  const unused = rows.filter((row) => !used.has(row.blob_id));
  for (const row of unused) db.run('DELETE FROM blobs WHERE blob_id = +?', row.blob_id);
  return { upTo: rows.length < limit ? to : (rows.at(-1)?.blob_id ?? to), removed: unused.length };
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

/** The size of a blob's bytes. Throws if it is missing. */
export function blobSize(db: Readable, blobId: number): number {
  const row = db.one<{ size: number }>('SELECT size FROM blobs WHERE blob_id = +?', blobId);
  if (row === undefined) throw new Error(`no such blob: ${blobId}`);
  return row.size;
}

/** The bytes of a blob. Throws if it is missing or damaged. */
export function readBlob(db: Readable, blobId: number): Uint8Array {
  const row = db.one<BlobRow>('SELECT size, codec, content FROM blobs WHERE blob_id = +?', blobId);
  if (row === undefined) throw new Error(`no such blob: ${blobId}`);
  const bytes = row.codec === ZSTD ? zstdDecompressSync(row.content, { maxOutputLength: row.size || 1 }) : row.content;
  if (bytes.length !== row.size) throw new Error(`blob ${blobId} is damaged`);
  return bytes;
}
