import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import Database from 'better-sqlite3';

/** Everything a closed store holds, as text. */
export interface StoredTexts {
  /** Every value of every row, blobs left out. */
  readonly rows: readonly string[];
  /** The bytes of bodies and artifacts, decompressed. */
  readonly blobs: readonly string[];
  /** What gates propose, why, and the answers they keep: exact whatever is masked elsewhere. */
  readonly gateBlobs: readonly string[];
}

/** Read a home's store while no core has it open. */
export function readStoredTexts(home: string): StoredTexts {
  const database = new Database(join(home, 'rungate.db'), { readonly: true });
  const list = <T>(sql: string): readonly T[] => database.prepare<[], T>(sql).all();
  try {
    const tables = list<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'blobs'");
    const rows = tables
      .flatMap(({ name }) => list<object>(`SELECT * FROM ${name}`))
      .flatMap((row) => Object.values(row))
      .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)));
    const gates = new Set(
      list<Record<string, number | null>>('SELECT actions_blob, explanation_blob, kept_blob FROM gates').flatMap(
        (row) => Object.values(row),
      ),
    );
    const blobs = list<{ blob_id: number; codec: number; content: Buffer }>(
      'SELECT blob_id, codec, content FROM blobs',
    );
    const read = (ofGates: boolean): readonly string[] =>
      blobs
        .filter(({ blob_id: id }) => gates.has(id) === ofGates)
        .map(({ codec, content }) => (codec === 0 ? content : zstdDecompressSync(content)).toString('latin1'));
    return { rows, blobs: read(false), gateBlobs: read(true) };
  } finally {
    database.close();
  }
}
