import type { ArtifactRecord, RunRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import type { By, RunStart, VerbInput } from '../store.ts';
import { findArtifactNamed, insertArtifact } from '../tables/artifacts.ts';
import { appendAudit } from '../tables/audit.ts';
import { putBlob } from '../tables/blobs.ts';
import { openAccount } from '../tables/budgets.ts';
import { advanceRun, closeRun, fileKeys, findRun, insertRun, type RunHead, setRunPaused } from '../tables/runs.ts';
import { insertSeen } from '../tables/seen.ts';
import { insertStep } from '../tables/steps.ts';
import { cancelPending } from './gates.ts';
import type { VerbBody } from './transaction.ts';

/** Begin a run with its account and audit record. */
export function beginRun(db: Writable, agentId: string, start: RunStart, at: number, by: By): RunHead {
  const run = insertRun(db, agentId, start, at);
  const { runId, cap, alertAt } = start;
  openAccount(db, { scope: 'run', subject: runId, window: 'total', cap, alertAt }, at);
  appendAudit(db, {
    at,
    kind: 'run.started',
    by,
    runId,
    fields: { agent_id: agentId, policy: start.policy, cap_nano: cap, labels: start.labels },
  });
  return run;
}

export const startRun: VerbBody<'startRun'> = ({ db }, { at, agentId, start, by }) => {
  const existing = findRun(db, start.runId);
  if (existing !== null) return { created: false, run: existing };
  beginRun(db, agentId, start, at, by);
  return { created: true, run: requireRun(db, start.runId) };
};

export const fileKeysOf: VerbBody<'fileKeys'> = ({ db }, { at, agentId, runId, keys }) => {
  fileKeys(db, agentId, runId, keys, at);
  return null;
};

export const noteSeen: VerbBody<'noteSeen'> = ({ db }, { at, agentId, values }) => {
  insertSeen(db, agentId, values, at);
  return null;
};

export const endRun: VerbBody<'endRun'> = ({ db }, { at, runId, state, by }) => {
  const changed = closeRun(db, runId, state, at);
  const run = requireRun(db, runId);
  if (changed) appendAudit(db, { at, kind: `run.${state}`, by, runId, fields: { spent_nano: run.spent_nano } });
  if (changed) cancelPending(db, { column: 'run_id', id: runId }, at, 'run_ended', by);
  return { changed, run };
};

/** Pause or resume a run that has not ended. Asking for what it is already changes and records nothing. */
export const pauseRun: VerbBody<'pauseRun'> = ({ db }, { at, runId, paused, by }) => {
  const { state, spent_nano } = requireRun(db, runId);
  const ended = state === 'completed' || state === 'stopped';
  const changed = !ended && setRunPaused(db, runId, paused);
  if (changed) appendAudit(db, { at, kind: paused ? 'run.paused' : 'run.resumed', by, runId, fields: { spent_nano } });
  return { changed, run: requireRun(db, runId) };
};

/** Store an artifact. Handing in what already is the latest under its name returns that one. */
export const putArtifact: VerbBody<'putArtifact'> = ({ db }, input) => keepArtifact(db, input, null, {});

/** Store an artifact that a call has brought, or somebody has handed in; `origin` says in its step where it is from. */
export function keepArtifact(
  db: Writable,
  input: VerbInput<'putArtifact'>,
  exchangeId: string | null,
  origin: Readonly<Record<string, unknown>>,
): ArtifactRecord {
  const { at, runId, name, by } = input;
  const { blobId, sha256 } = putBlob(db, input.body);
  const artifact = {
    artifact_id: input.artifactId,
    run_id: runId,
    name,
    content_type: input.contentType,
    bytes: input.body.length,
    sha256: sha256.toString('hex'),
    created_at: at,
  };
  const latest = findArtifactNamed(db, runId, name);
  if (latest?.sha256 === artifact.sha256 && latest.content_type === artifact.content_type) return latest;
  insertArtifact(db, artifact, blobId);
  const { artifact_id, bytes, sha256: digest } = artifact;
  const step = advanceRun(db, runId, { steps: 1, exchanges: 0, at });
  const detail = { artifact_id, content_type: input.contentType, bytes, sha256: digest, ...origin };
  insertStep(db, { runId, step, kind: 'artifact', at, exchangeId, summary: name, detail });
  appendAudit(db, { at, kind: 'artifact.stored', by, runId, fields: { artifact_id, name, bytes, sha256: digest } });
  return artifact;
}

export const addStep: VerbBody<'addStep'> = ({ db }, input) => {
  const { at, runId, kind, exchangeId, summary, detail, audit } = input;
  const step = advanceRun(db, runId, { steps: 1, exchanges: 0, at });
  insertStep(db, { runId, step, kind, at, exchangeId, summary, detail });
  if (audit !== null) appendAudit(db, { at, kind: audit.kind, by: audit.by, runId, fields: { summary, detail } });
  return { step };
};

function requireRun(db: Readable, runId: string): RunRecord {
  const run = findRun(db, runId);
  if (run === null) throw new Error(`no such run: ${runId}`);
  return run;
}
