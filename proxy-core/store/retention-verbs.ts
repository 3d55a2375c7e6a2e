import type { By } from './store.ts';

/** Writes by which retention removes traces. The first three are chores: each a short transaction of its own that lets everything else go first. */
export interface RetentionVerbs {
  /**
   * Remove a part of a run's trace: `more` until all of it is gone. Its record, its budget, its gates and its audit stay;
   * of a run that was open at the beginning also what its client needs to go on: its keys, its tool calls and the answers
   * its gates keep. What a call adds meanwhile stays. `kept`: a call of it is under way, or it is open and not silent
   * (`SILENT_MS` before `at`), or a gate of it waits.
   */
  pruneTrace: {
    input: { readonly at: number; readonly runId: string; readonly by: By };
    output: { readonly kind: 'more' | 'done' | 'kept' };
  };
  /**
   * Remove the blobs of these ranges of ids (both ends inclusive, ascending), but none that has been used since
   * `beginSweep`. `upTo`: everything up to this id is seen to; `removed`: blobs that are gone.
   */
  sweepBlobs: {
    input: { readonly ranges: readonly (readonly [from: number, to: number])[] };
    output: { readonly upTo: number; readonly removed: number };
  };
  /** Give free pages at the file's end back to the file system. `left`: pages still free; `moved`: those given back. */
  shrink: {
    input: { readonly keepFree: number };
    output: { readonly left: number; readonly moved: number };
  };
  /** From now on note which blobs are used. `upTo`: the highest id there is. */
  beginSweep: { input: { readonly at: number }; output: { readonly upTo: number } };
  /** Note it no longer. `done`: every blob that nothing used is gone. */
  endSweep: { input: { readonly at: number; readonly done: boolean }; output: null };
}

/** Verbs that wait until nothing else does. */
export type Chore = 'pruneTrace' | 'sweepBlobs' | 'shrink';
export const CHORES: ReadonlySet<string> = new Set<Chore>(['pruneTrace', 'sweepBlobs', 'shrink']);
