import type { Conversation } from '../contract/conversation.ts';
import type {
  ArtifactRecord,
  AuditRecord,
  BudgetRecord,
  ExchangeRecord,
  GateRecord,
  GrantRecord,
  RunRecord,
  StepRecord,
} from '../contract/records.ts';
import type { Digest } from './digest.ts';
import type { RetentionReads } from './retention-reads.ts';
import type { RunConditions, RunFacets } from './tables/run-list.ts';

/**
 * Reads off the event loop: searches, long lists and bodies, on a thread with a read-only connection of its own. Each
 * query sees one state of the store, which includes every write that was committed before it was asked. Queries are
 * carried out one after the other and their results are pages: a long export lets the console's questions pass in between.
 */
export interface Reads {
  query<N extends ReadName>(name: N, input: ReadInput<N>): Promise<ReadOutput<N>>;
  /** Ends the thread; what is under way rejects. */
  close(): Promise<void>;
}

/** A part of a run's trace: what is behind `afterStep` (0: from the first), at most `limit`. */
export interface TracePage {
  readonly runId: string;
  readonly afterStep: number;
  readonly limit: number;
}

/** A part of stored bytes. `total` and the next part's offset are in bytes. */
export interface BytesPart {
  readonly contentType: string | null;
  readonly bytes: Uint8Array;
  readonly total: number;
}

interface BytesRange {
  readonly offset: number;
  readonly limit: number;
}

/** A run with what is shown beside its trace. */
export interface RunView {
  readonly run: RunRecord;
  readonly budgets: readonly BudgetRecord[];
  readonly exchanges: readonly ExchangeRecord[];
  readonly steps: readonly StepRecord[];
  /** Oldest first. */
  readonly gates: readonly GateRecord[];
  /** Grants given in the run, and those that its agent has beyond it. */
  readonly grants: readonly GrantRecord[];
  readonly artifacts: readonly ArtifactRecord[];
}

/** Every query by name. What does not exist is null or an empty list. */
export interface ReadQueries extends RetentionReads {
  /** Latest start first. `asOf` null: as of now, which the page then names. */
  runs: {
    input: RunConditions & {
      readonly asOf: number | null;
      readonly now: number;
      readonly offset: number;
      readonly limit: number;
    };
    output: { readonly runs: readonly RunRecord[]; readonly total: number; readonly asOf: number };
  };
  facets: { input: Readonly<Record<string, never>>; output: RunFacets };
  run: { input: { readonly runId: string }; output: RunRecord | null };
  /** A run with a page of its steps. */
  runView: { input: TracePage & { readonly now: number }; output: RunView | null };
  steps: { input: TracePage; output: readonly StepRecord[] };
  /** Exchanges whose step is behind `afterStep`, at most `limit`. */
  exchanges: { input: TracePage; output: readonly ExchangeRecord[] };
  /** All gates of a run, oldest first. */
  gates: { input: { readonly runId: string }; output: readonly GateRecord[] };
  grants: { input: { readonly runId: string; readonly now: number }; output: readonly GrantRecord[] };
  artifacts: { input: { readonly runId: string }; output: readonly ArtifactRecord[] };
  /** Audit records behind `afterSeq`, of one run or of all. */
  audit: {
    input: { readonly afterSeq: number; readonly runId?: string; readonly limit: number };
    output: readonly AuditRecord[];
  };
  /** Null: no such exchange, or that side of it is not stored. */
  exchangeBody: {
    input: { readonly exchangeId: string; readonly side: 'request' | 'response' } & BytesRange;
    output: BytesPart | null;
  };
  artifactBody: { input: { readonly artifactId: string } & BytesRange; output: BytesPart | null };
  /** Null: no such exchange. */
  conversation: { input: { readonly exchangeId: string }; output: Conversation | null };
  /** The fingerprint of a stored request (behaviour §6); null where there is none to make. */
  fingerprint: { input: { readonly exchangeId: string }; output: string | null };
  /** What is to be indexed and kept of runs and calls that nobody has looked at since they were settled. */
  digest: { input: { readonly now: number; readonly limit: number }; output: Digest };
}

export type ReadName = keyof ReadQueries;
export type ReadInput<N extends ReadName> = ReadQueries[N]['input'];
export type ReadOutput<N extends ReadName> = ReadQueries[N]['output'];

const STEPS_PER_PAGE = 1_000;
const RECORDS_PER_PAGE = 5_000;
const BYTES_PER_PAGE = 1_048_576;

/** All steps of a run in order, read page by page as they are asked for. */
export async function* stepsOf(reads: Reads, runId: string): AsyncGenerator<StepRecord> {
  for (let afterStep = 0; ; ) {
    const page = await reads.query('steps', { runId, afterStep, limit: STEPS_PER_PAGE });
    yield* page;
    if (page.length < STEPS_PER_PAGE) return;
    afterStep = page.at(-1)?.step ?? afterStep;
  }
}

/** All exchanges of a run in the order of their steps. */
export async function* exchangesOf(reads: Reads, runId: string): AsyncGenerator<ExchangeRecord> {
  for (let afterStep = 0; ; ) {
    const page = await reads.query('exchanges', { runId, afterStep, limit: STEPS_PER_PAGE });
    yield* page;
    if (page.length < STEPS_PER_PAGE) return;
    afterStep = page.at(-1)?.step ?? afterStep;
  }
}

/** Audit records in order, from behind `afterSeq`; of one run, or all. */
export async function* auditOf(
  reads: Reads,
  from: { readonly afterSeq?: number; readonly runId?: string } = {},
): AsyncGenerator<AuditRecord> {
  const of = from.runId === undefined ? {} : { runId: from.runId };
  for (let afterSeq = from.afterSeq ?? 0; ; ) {
    const page = await reads.query('audit', { ...of, afterSeq, limit: RECORDS_PER_PAGE });
    yield* page;
    if (page.length < RECORDS_PER_PAGE) return;
    afterSeq = page.at(-1)?.seq ?? afterSeq;
  }
}

/** One side of an exchange, in pieces of at most 1 MiB; nothing where it is not stored. */
export const exchangeBytes = (
  reads: Reads,
  exchangeId: string,
  side: 'request' | 'response',
): AsyncGenerator<Uint8Array> => pieces((range) => reads.query('exchangeBody', { exchangeId, side, ...range }));

/** An artifact, in pieces of at most 1 MiB; nothing where there is none. */
export const artifactBytes = (reads: Reads, artifactId: string): AsyncGenerator<Uint8Array> =>
  pieces((range) => reads.query('artifactBody', { artifactId, ...range }));

async function* pieces(read: (range: BytesRange) => Promise<BytesPart | null>): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ; ) {
    const part = await read({ offset, limit: BYTES_PER_PAGE });
    if (part === null || part.bytes.length === 0) return;
    yield part.bytes;
    offset += part.bytes.length;
    if (offset >= part.total) return;
  }
}
