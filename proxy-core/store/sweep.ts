import { setTimeout } from 'node:timers/promises';
import { createIdSet } from './id-set.ts';
import type { Chore } from './retention-verbs.ts';
import type { Store, VerbInput, VerbOutput } from './store.ts';

/**
 * Remove the blobs that nothing uses any more, and give their room back. Content is stored once for all runs, so what a
 * removed trace used may be another run's too: all that is used is marked first, page by page on the reader's thread,
 * while the writer notes what is used anew (`watchBlobs`); the rest goes, in chores.
 */

/** What every purge is lent. */
export interface PurgePorts {
  readonly store: Pick<Store, 'write' | 'reads'>;
  /** Epoch ms. */
  readonly now: () => number;
  /** Whether to stop between two pieces of work; what is left is found again. */
  readonly stopped: () => boolean;
}

/** Between two chores, ms, at least: the writer's thread is not ours alone, whatever waits. */
const REST_MS = 2;
/** Of what a chore took, from asking to its commit. */
const REST_SHARE = 2;
const PAGE = 5_000;
const RANGES = 64;
/** Free pages that are left in the file for what comes next. */
const KEPT_FREE = 256;

/**
 * Have a chore carried out, and let others go first: the longer it took, the more was going on beside it, or the slower
 * the disk is, and the longer the rest.
 */
export async function doChore<V extends Chore>(
  store: PurgePorts['store'],
  verb: V,
  input: VerbInput<V>,
): Promise<VerbOutput<V>> {
  const began = performance.now();
  const output = await store.write(verb, input).committed;
  await setTimeout(Math.max(REST_MS, REST_SHARE * (performance.now() - began)));
  return output;
}

/** Remove every unused blob. False if it was stopped before the end. */
export async function sweep({ store, now, stopped }: PurgePorts): Promise<boolean> {
  const { upTo } = await store.write('beginSweep', { at: now() }).committed;
  let done = false;
  try {
    const used = createIdSet(upTo);
    for (const user of ['bodies', 'artifacts', 'gates'] as const) {
      for (let after: string | number | null = null; !stopped(); ) {
        const page: { readonly ids: Float64Array; readonly next: string | number | null } = await store.reads.query(
          'blobUses',
          { user, after, limit: PAGE },
        );
        page.ids.forEach(used.add);
        after = page.next;
        if (after === null) break;
      }
    }
    // Stopped while marking: what has not been marked may be in use.
    done = !stopped() && (await removeGaps(store, used.gaps(), stopped));
  } finally {
    await store.write('endSweep', { at: now(), done }).committed;
  }
  return done;
}

type Range = readonly [from: number, to: number];

async function removeGaps(store: PurgePorts['store'], gaps: Iterator<Range>, stopped: () => boolean): Promise<boolean> {
  let ranges: readonly Range[] = [];
  for (;;) {
    if (stopped()) return false;
    ranges = fill(ranges, gaps);
    if (ranges.length === 0) return true;
    const { upTo } = await doChore(store, 'sweepBlobs', { ranges });
    ranges = ranges.filter(([, to]) => to > upTo).map(([from, to]): Range => [Math.max(from, upTo + 1), to]);
  }
}

function fill(ranges: readonly Range[], gaps: Iterator<Range>): readonly Range[] {
  const filled = [...ranges];
  while (filled.length < RANGES) {
    const next = gaps.next();
    if (next.done === true) break;
    filled.push(next.value);
  }
  return filled;
}

/** Give free pages back to the file system, where the file can: those of earlier versions use them again instead. */
export async function giveBack({ store, stopped }: PurgePorts): Promise<void> {
  const { shrinks, free } = await store.reads.query('filePages', {});
  if (!shrinks) return;
  for (let left = free; left > KEPT_FREE && !stopped(); ) {
    const step = await doChore(store, 'shrink', { keepFree: KEPT_FREE });
    if (step.moved === 0) return;
    left = step.left;
  }
}
