import type { RefusalCode } from './refusal.ts';
import type { StoreTrouble, Verb, VerbInput } from './store.ts';

/** What the caller's thread and the worker say to each other. Both sides batch: one message carries what one turn gathered. */

/** Places where a test may have the worker killed. */
export const FAIL_POINTS = [
  'before-commit',
  'after-commit',
  'before-fsync',
  'after-fsync',
  'mid-checkpoint',
  'mid-migration',
] as const;
export type FailPointName = (typeof FAIL_POINTS)[number];

/** Kill this process (SIGKILL) when the point is passed for the `pass`-th time, from 1. */
export interface FailPoint {
  readonly at: FailPointName;
  readonly pass: number;
}

/** What the worker is started with. */
export interface WorkerOptions {
  readonly path: string;
  readonly now: number;
  readonly failPoint: FailPoint | null;
  /** For tests only (`fail-points.ts`). */
  readonly medium: SharedArrayBuffer | null;
  readonly limits: StoreLimits;
}

/** When the write-ahead log is carried over into the database, in its pages of 4 KiB. */
export interface StoreLimits {
  /** Once nothing is waiting and at least this much is in the log. */
  readonly idlePages: number;
  /** Even while writes are waiting. */
  readonly busyPages: number;
  /** The log is this long although it was carried over: someone reads for too long. Raised, and the log cut when possible. */
  readonly alarmPages: number;
}

export interface Request<V extends Verb = Verb> {
  readonly id: number;
  readonly verb: V;
  readonly input: VerbInput<V>;
  /** The calendar's instant, which budget windows follow, epoch ms; null: as the input says. */
  readonly civil: number | null;
}

export type ToWorker =
  | { readonly kind: 'requests'; readonly requests: readonly Request[] }
  | { readonly kind: 'close' };

export type Reply =
  | { readonly id: number; readonly kind: 'done'; readonly value: unknown }
  /** The verb refused its input: a bug, or a race its caller lost. Nothing of it is stored. */
  | { readonly id: number; readonly kind: 'failed'; readonly message: string }
  | { readonly id: number; readonly kind: 'unavailable'; readonly trouble: StoreTrouble };

/** Something a person running the store may want to know. */
export interface StoreNote {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: 'wal_alarm' | 'wal_reset' | 'unavailable' | 'available';
  readonly detail: string;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly code: RefusalCode | null; readonly message: string }
  /** One transaction: its replies. What is `done` is committed, and durable once its batch is. */
  | { readonly kind: 'replies'; readonly batch: number; readonly replies: readonly Reply[] }
  | { readonly kind: 'durable'; readonly batch: number }
  | { readonly kind: 'trouble'; readonly trouble: StoreTrouble | null; readonly final: boolean }
  | { readonly kind: 'note'; readonly note: StoreNote }
  | { readonly kind: 'closed' };
