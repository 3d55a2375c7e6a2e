import type { Reads } from './reads.ts';
import type { By } from './store.ts';
import { doChore, giveBack, type PurgePorts, sweep } from './sweep.ts';
import { type QuietRun, SILENT_MS, type TraceSizes } from './tables/traces.ts';

/**
 * Retention's work from end to end. It can stop, or be killed, anywhere: a run whose trace is going is marked first, so
 * nobody takes what is left of it for the whole, and `resumePurge` finishes it. The audit, budgets, gates and the runs'
 * own records are never touched.
 */

/**
 * Which traces go: those of runs that ended by an instant, and the longest quiet while the store is larger than so many
 * bytes. A run that is open counts as ended when it was last active, once it is silent.
 */
export interface PurgeLimits {
  /** Epoch ms; null: their age does not count. */
  readonly endedBy: number | null;
  readonly maxBytes: number | null;
}

export interface Purge extends PurgePorts {
  readonly by: By;
  /** A run's trace is being removed. */
  readonly onRun: (runId: string) => void;
}

/** How many traces went, or would go, and the bytes of the store that are in use before and (in a plan, about) after. */
export interface PurgeOutcome {
  readonly runs: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

const RUNS_PER_PAGE = 200;
/** Runs that are chosen together where only their age counts. */
const RUNS_PER_LOOK = 20;

/** Bytes of the store's pages that hold something. */
export async function bytesInUse(reads: Reads): Promise<number> {
  const { pages, free, pageSize } = await reads.query('filePages', {});
  return (pages - free) * pageSize;
}

/** What a purge would do. The size after it is about right: what other runs use as well is not told apart. */
export async function planPurge(ports: PurgePorts, limits: PurgeLimits): Promise<PurgeOutcome> {
  const bytesBefore = await bytesInUse(ports.store.reads);
  let runs = 0;
  let freed = 0;
  for await (const chosen of chooseRuns(ports, limits, bytesBefore, true)) {
    runs += chosen.runIds.length;
    freed += chosen.bytes;
  }
  return { runs, bytesBefore, bytesAfter: Math.max(0, bytesBefore - freed) };
}

/** Remove traces, and record in the audit that and what was removed. Stopped, it tells of what was done until then. */
export async function purge(ports: Purge, limits: PurgeLimits): Promise<PurgeOutcome> {
  const bytesBefore = await bytesInUse(ports.store.reads);
  let runs = 0;
  let bytesAfter = bytesBefore;
  // What was chosen may share more with other runs than was thought: then the store is still too large, and more is chosen.
  for (let before = -1; before !== runs && !ports.stopped(); ) {
    before = runs;
    for await (const { runIds } of chooseRuns(ports, limits, bytesAfter, false))
      for (const runId of runIds) runs += (await prune(ports, runId)) ? 1 : 0;
    if (runs > before) await clear(ports);
    bytesAfter = await bytesInUse(ports.store.reads);
    if (limits.maxBytes === null) break;
  }
  if (runs > 0) await record(ports, { runs, bytesBefore, bytesAfter });
  return { runs, bytesBefore, bytesAfter };
}

/** Finish what an earlier purge has left: half-removed traces, unused blobs. Returns how many traces it finished. */
export async function resumePurge(ports: Purge, sweepPending: boolean): Promise<number> {
  const half = await ports.store.reads.query('halfPruned', {});
  if (half.length === 0 && !sweepPending) return 0;
  const bytesBefore = await bytesInUse(ports.store.reads);
  let runs = 0;
  for (const runId of half) runs += (await prune(ports, runId)) ? 1 : 0;
  await clear(ports);
  if (runs > 0) await record(ports, { runs, bytesBefore, bytesAfter: await bytesInUse(ports.store.reads) });
  return runs;
}

async function record(ports: Purge, { runs, bytesBefore, bytesAfter }: PurgeOutcome): Promise<void> {
  const fields = { runs, bytes_before: bytesBefore, bytes_after: bytesAfter };
  await ports.store.write('recordFact', { at: ports.now(), kind: 'retention.purged', by: ports.by, fields }).durable;
}

/** Remove one run's trace. False if it may not be removed, or not all of it was. */
async function prune(ports: Purge, runId: string): Promise<boolean> {
  for (let told = false; !ports.stopped(); ) {
    const { kind } = await doChore(ports.store, 'pruneTrace', { at: ports.now(), runId, by: ports.by });
    if (kind === 'kept') return false;
    if (!told || kind === 'done') ports.onRun(runId);
    told = true;
    if (kind === 'done') return true;
  }
  return false;
}

async function clear(ports: PurgePorts): Promise<void> {
  if (ports.stopped()) return;
  await sweep(ports);
  await giveBack(ports);
}

interface Chosen {
  readonly runIds: readonly string[];
  /** What their traces take, about; 0 where nobody asked. */
  readonly bytes: number;
}

/** The runs whose traces go, the longest quiet first, in small portions. */
async function* chooseRuns(
  ports: PurgePorts,
  { endedBy, maxBytes }: PurgeLimits,
  inUse: number,
  measured: boolean,
): AsyncGenerator<Chosen> {
  const seen = new Set<number>();
  const sized = maxBytes !== null;
  let left = inUse;
  const portions = quietRuns(ports, sized ? ports.now() : (endedBy ?? ports.now()), sized ? 1 : RUNS_PER_LOOK);
  for await (const portion of portions) {
    const tooLarge = sized && left > maxBytes;
    const chosen = tooLarge ? portion : portion.filter(({ since }) => endedBy !== null && since <= endedBy);
    if (chosen.length === 0) return;
    const runIds = chosen.map(({ runId }) => runId);
    const bytes = measured || sized ? newBytes(await ports.store.reads.query('traceSizes', { runIds }), seen) : 0;
    left -= bytes;
    yield { runIds, bytes };
  }
}

async function* quietRuns(ports: PurgePorts, endedBy: number, portion: number): AsyncGenerator<readonly QuietRun[]> {
  for (let after: QuietRun | null = null; !ports.stopped(); ) {
    const page: readonly QuietRun[] = await ports.store.reads.query('prunable', {
      endedBy,
      silentBy: ports.now() - SILENT_MS,
      after,
      limit: RUNS_PER_PAGE,
    });
    for (let at = 0; at < page.length && !ports.stopped(); at += portion) yield page.slice(at, at + portion);
    after = page.at(-1) ?? null;
    if (page.length < RUNS_PER_PAGE) return;
  }
}

/** Bytes of traces whose blobs have not been counted before. */
function newBytes({ rows, blobs, sizes }: TraceSizes, seen: Set<number>): number {
  let bytes = rows;
  blobs.forEach((blobId, index) => {
    if (!seen.has(blobId)) bytes += sizes[index] ?? 0;
    seen.add(blobId);
  });
  return bytes;
}
