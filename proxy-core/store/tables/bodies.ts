import { cutBody } from '../body-cuts.ts';
import type { Readable, Writable } from '../handle.ts';
import { packIds, unpackIds } from '../id-list.ts';
import { blobSize, putBlob, readBlob } from './blobs.ts';

/**
 * Bodies are lists of blobs. A conversation's next request repeats most of the one before, so its row names that
 * one (`base_body`), how many blobs it shares at either end, and only the blobs between: what is stored grows with
 * what is new. After `MAX_DEPTH` such steps a row holds its whole list, which bounds the work of reading one.
 */
const MAX_DEPTH = 64;
/** Conversations of one run that are told apart at a time (a main agent and its subagents take turns). */
const BASES_PER_RUN = 4;
const RUNS_REMEMBERED = 64;

/** A stored body that a later one may build on. */
export interface BodyList {
  readonly bodyId: number;
  readonly blobs: readonly number[];
  readonly depth: number;
}

/** The latest bodies of the latest runs. Forget everything when a transaction was rolled back: the rows are gone. */
export interface RecentBodies {
  of(runId: string): readonly BodyList[] | undefined;
  add(runId: string, body: BodyList): void;
  /** Forget a run's: its bodies are being removed. */
  drop(runId: string): void;
  forget(): void;
}

export function createRecentBodies(): RecentBodies {
  const runs = new Map<string, readonly BodyList[]>();
  return {
    of: (runId) => runs.get(runId),
    add(runId, body) {
      const others = (runs.get(runId) ?? []).slice(0, BASES_PER_RUN - 1);
      runs.delete(runId);
      runs.set(runId, [body, ...others]);
      const [oldest] = runs.keys();
      if (runs.size > RUNS_REMEMBERED && oldest !== undefined) runs.delete(oldest);
    },
    drop: (runId) => void runs.delete(runId),
    forget: () => runs.clear(),
  };
}

interface BodyRow {
  readonly size: number;
  readonly base_body: number | null;
  readonly keep_head: number;
  readonly keep_tail: number;
  readonly depth: number;
  readonly middle: Buffer;
}

const SELECT_BODY = 'SELECT size, base_body, keep_head, keep_tail, depth, middle FROM bodies WHERE body_id = +?';

/** Store a request body as the next of its run's; returns its id. */
export function insertRequestBody(db: Writable, recent: RecentBodies, runId: string, bytes: Uint8Array): number {
  const blobs = cutBody(bytes).map(([start, end]) => putBlob(db, bytes.subarray(start, end)).blobId);
  const base = closest(recent.of(runId) ?? lastBody(db, runId), blobs);
  const depth = base === null ? 0 : base.list.depth + 1;
  const bodyId = insertBody(db, bytes.length, blobs, base);
  db.run('UPDATE runs SET last_request_body = ? WHERE run_id = +?', bodyId, runId);
  recent.add(runId, { bodyId, blobs, depth });
  return bodyId;
}

/** Store a body that nothing builds on; returns its id. */
export function insertWholeBody(db: Writable, bytes: Uint8Array): number {
  return insertBody(db, bytes.length, bytes.length === 0 ? [] : [putBlob(db, bytes).blobId], null);
}

/** The body's exact bytes. Throws if it is missing or damaged. */
export function readBody(db: Readable, bodyId: number): Uint8Array {
  const { size, blobs } = readList(db, bodyId);
  const bytes = Buffer.concat(blobs.map((blobId) => readBlob(db, blobId)));
  if (bytes.length !== size) throw new Error(`body ${bodyId} is damaged`);
  return bytes;
}

/** Bytes of a body from `offset` on, at most `limit`; only the blobs they lie in are read. Throws if one is missing or damaged. */
export function readBodyPart(
  db: Readable,
  bodyId: number,
  offset: number,
  limit: number,
): { readonly bytes: Uint8Array; readonly total: number } {
  const { size, blobs } = readList(db, bodyId);
  const end = Math.min(size, offset + limit);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const blobId of blobs) {
    if (at >= end) break;
    const length = blobSize(db, blobId);
    if (at + length > offset) parts.push(readBlob(db, blobId).subarray(Math.max(0, offset - at), end - at));
    at += length;
  }
  // In an array of its own: what is sent to another thread takes its whole buffer along.
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    bytes.set(part, filled);
    filled += part.length;
  }
  return { bytes, total: size };
}

/** A body with the places in it that an earlier body of its run does not have. */
export interface FreshBody {
  readonly bytes: Uint8Array;
  /** Ascending, `[start, end)`. */
  readonly fresh: readonly (readonly [start: number, end: number])[];
}

/**
 * Read a body and tell what in it is new. It is compared with the body it builds on and with `earlier` ones: after
 * `MAX_DEPTH` steps a conversation builds on none, or on one from some turns ago.
 */
export function readFreshBody(db: Readable, bodyId: number, earlier: readonly number[]): FreshBody {
  const row = db.one<BodyRow>(SELECT_BODY, bodyId);
  const { blobs } = readList(db, bodyId);
  const others = new Set(row?.base_body == null ? earlier : [row.base_body, ...earlier]);
  const known = new Set([...others].flatMap((id) => [...readList(db, id).blobs]));
  const pieces = blobs.map((blobId) => readBlob(db, blobId));
  const fresh: [number, number][] = [];
  let at = 0;
  pieces.forEach((piece, index) => {
    if (!known.has(blobs[index] ?? 0)) fresh.push([at, at + piece.length]);
    at += piece.length;
  });
  return { bytes: Buffer.concat(pieces), fresh };
}

interface Base {
  readonly list: BodyList;
  readonly head: number;
  readonly tail: number;
}

function insertBody(db: Writable, size: number, blobs: readonly number[], base: Base | null): number {
  const middle = base === null ? blobs : blobs.slice(base.head, blobs.length - base.tail);
  return db.insert(
    'INSERT INTO bodies (size, base_body, keep_head, keep_tail, depth, middle) VALUES (?, ?, ?, ?, ?, ?)',
    size,
    base?.list.bodyId ?? null,
    base?.head ?? 0,
    base?.tail ?? 0,
    base === null ? 0 : base.list.depth + 1,
    packIds(middle),
  );
}

/** The candidate that shares most with a list, or null if none shares anything or may be built on. */
function closest(candidates: readonly BodyList[], blobs: readonly number[]): Base | null {
  let best: Base | null = null;
  for (const list of candidates) {
    if (list.depth >= MAX_DEPTH) continue;
    const shared = { list, ...overlap(list.blobs, blobs) };
    if (shared.head + shared.tail > (best === null ? 0 : best.head + best.tail)) best = shared;
  }
  return best;
}

function overlap(a: readonly number[], b: readonly number[]): { readonly head: number; readonly tail: number } {
  const limit = Math.min(a.length, b.length);
  let head = 0;
  while (head < limit && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < limit - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  return { head, tail };
}

/** What a run's next body can build on when nothing of it is remembered: the body stored last. */
function lastBody(db: Readable, runId: string): readonly BodyList[] {
  const row = db.one<{ last: number | null }>('SELECT last_request_body AS last FROM runs WHERE run_id = +?', runId);
  if (row?.last == null) return [];
  const { depth, blobs } = readList(db, row.last);
  return [{ bodyId: row.last, blobs, depth }];
}

function readList(db: Readable, bodyId: number): { size: number; depth: number; blobs: readonly number[] } {
  const rows: BodyRow[] = [];
  for (let id: number | null = bodyId; id !== null; id = rows.at(-1)?.base_body ?? null) {
    const row = db.one<BodyRow>(SELECT_BODY, id);
    if (row === undefined) throw new Error(`no such body: ${id}`);
    rows.push(row);
  }
  let blobs: readonly number[] = [];
  for (const row of rows.toReversed()) {
    const tail = row.keep_tail === 0 ? [] : blobs.slice(-row.keep_tail);
    blobs = [...blobs.slice(0, row.keep_head), ...unpackIds(row.middle), ...tail];
  }
  return { size: rows[0]?.size ?? 0, depth: rows[0]?.depth ?? 0, blobs };
}
