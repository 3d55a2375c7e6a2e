import type { Writable } from '../handle.ts';
import type { By } from '../store.ts';
import { appendAudit } from '../tables/audit.ts';
import { maxBlob, removeBlobs, unwatchBlobs, watchBlobs } from '../tables/blobs.ts';
import { saveSetting } from '../tables/settings.ts';
import {
  dropArtifacts,
  dropKeptAnswers,
  dropSteps,
  dropTexts,
  dropToolCalls,
  findPrunable,
  markPruned,
  markPruning,
  type PrunableRun,
  SILENT_MS,
} from '../tables/traces.ts';
import type { VerbBody } from './transaction.ts';

/**
 * Retention's work, in pieces so short that no call waits for one noticeably: each piece looks at the clock of this
 * thread, and its transaction carries nothing else.
 */

/** How long one piece may take, ms, without its commit. */
const PIECE_MS = 3;
/** Ids of one range that are looked for at a time. */
const FEW = 16;

/** The setting that says that blobs may be stored which nothing uses. */
export const SWEEP_SETTING = 'retention.sweep';

const PARTS: readonly ((db: Writable, run: PrunableRun) => boolean)[] = [
  dropSteps,
  dropToolCalls,
  dropArtifacts,
  dropKeptAnswers,
  dropTexts,
];

export const pruneTrace: VerbBody<'pruneTrace'> = ({ db, recent }, { at, runId, by }) => {
  const until = performance.now() + PIECE_MS;
  const found = findPrunable(db, runId, at - SILENT_MS);
  if (found === null) return { kind: 'kept' };
  const run = found.pruning === 1 ? found : begin(db, found, at, by);
  recent.drop(runId);
  for (const drop of PARTS) while (drop(db, run)) if (performance.now() >= until) return { kind: 'more' };
  markPruned(db, runId);
  return { kind: 'done' };
};

/** Mark the run, and what of it goes: all there is now. */
function begin(db: Writable, run: PrunableRun, at: number, by: By): PrunableRun {
  markPruning(db, run.run_id, at);
  saveSetting(db, SWEEP_SETTING, true, at);
  const since = run.ended_at === null ? { silent_since: run.last_activity_at } : { ended_at: run.ended_at };
  appendAudit(db, {
    at,
    kind: 'run.trace_removed',
    by,
    runId: run.run_id,
    fields: { ...since, steps: run.steps },
  });
  return { ...run, pruned_steps: run.steps, pruned_open: run.ended_at === null ? 1 : 0 };
}

export const sweepBlobs: VerbBody<'sweepBlobs'> = ({ db }, { ranges }) => {
  const until = performance.now() + PIECE_MS;
  let removed = 0;
  for (const [from, to] of ranges) {
    for (let at = from; at <= to; ) {
      const { upTo, removed: gone } = removeBlobs(db, at, to, FEW);
      removed += gone;
      at = upTo + 1;
      if (performance.now() >= until) return { upTo, removed };
    }
  }
  return { upTo: ranges.at(-1)?.[1] ?? 0, removed };
};

export const shrink: VerbBody<'shrink'> = ({ db }, { keepFree }) => {
  const until = performance.now() + PIECE_MS;
  const free = (): number => db.one<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0;
  const before = free();
  // One page each: better-sqlite3 runs a statement to its first row, and this one has a row for every page.
  for (let left = before; left > keepFree && performance.now() < until; left -= 1)
    db.run('PRAGMA incremental_vacuum(1)');
  const left = free();
  return { left, moved: before - left };
};

export const beginSweep: VerbBody<'beginSweep'> = ({ db }) => {
  watchBlobs(db);
  return { upTo: maxBlob(db) };
};

export const endSweep: VerbBody<'endSweep'> = ({ db }, { at, done }) => {
  unwatchBlobs(db);
  if (done) saveSetting(db, SWEEP_SETTING, false, at);
  return null;
};
