import { type ArtifactRecord, artifactRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';

/** What agents handed in. The bytes are blobs, stored once per content. */

const SELECT_ARTIFACT = `SELECT artifact_id, run_id, name, content_type, bytes, sha256, created_at FROM artifacts`;

export function insertArtifact(db: Writable, artifact: ArtifactRecord, blobId: number): void {
  db.run(
    `INSERT INTO artifacts (artifact_id, run_id, name, content_type, bytes, sha256, blob_id, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    artifact.artifact_id,
    artifact.run_id,
    artifact.name,
    artifact.content_type,
    artifact.bytes,
    artifact.sha256,
    blobId,
    artifact.created_at,
  );
}

/** The latest artifact of a run under a name, or null; none while its trace is going: it may be gone in a moment. */
export function findArtifactNamed(db: Readable, runId: string, name: string): ArtifactRecord | null {
  const row = db.one(
    `${SELECT_ARTIFACT} WHERE run_id = +? AND name = +?
       AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.run_id = artifacts.run_id AND r.pruning = 1)
     ORDER BY created_at DESC, artifact_id DESC LIMIT 1`,
    runId,
    name,
  );
  return row === undefined ? null : artifactRecord.parse(row);
}

/** A run's artifacts, oldest first. */
export function listArtifacts(db: Readable, runId: string): readonly ArtifactRecord[] {
  return db
    .all(`${SELECT_ARTIFACT} WHERE run_id = +? ORDER BY created_at, artifact_id`, runId)
    .map((row) => artifactRecord.parse(row));
}

export const countArtifacts = (db: Readable, runId: string): number =>
  db.one<{ count: number }>('SELECT count(*) AS count FROM artifacts WHERE run_id = +?', runId)?.count ?? 0;

/** Where an artifact's bytes are and what they are, or null. */
export function findArtifactPlace(
  db: Readable,
  artifactId: string,
): { readonly blobId: number; readonly contentType: string } | null {
  const row = db.one<{ blob_id: number; content_type: string }>(
    'SELECT blob_id, content_type FROM artifacts WHERE artifact_id = +?',
    artifactId,
  );
  return row === undefined ? null : { blobId: row.blob_id, contentType: row.content_type };
}
