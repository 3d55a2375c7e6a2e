import type { Writable } from '../handle.ts';
import type { Verb, VerbInput, VerbOutput } from '../store.ts';
import type { RecentBodies } from '../tables/bodies.ts';

/** What a verb works with: it runs inside the worker's open transaction and throws to undo itself. */
export interface Transaction {
  readonly db: Writable;
  readonly recent: RecentBodies;
  /** What the calendar says, epoch ms, where the verb's input does not: budget windows follow it (`steady-clock.ts`). */
  readonly civil: number | null;
}

/** One verb: changes rows and appends their audit records. */
export type VerbBody<V extends Verb> = (tx: Transaction, input: VerbInput<V>) => VerbOutput<V>;
