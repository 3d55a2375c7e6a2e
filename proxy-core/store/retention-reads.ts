import type { BlobUser, FilePages, QuietRun, TraceSizes } from './tables/traces.ts';

/** What retention reads, in pages: nobody else's question waits long behind one of them. */
export interface RetentionReads {
  /** Ended and silent runs that have a trace, the longest quiet first: see `listPrunable`. */
  prunable: {
    input: {
      readonly endedBy: number;
      readonly silentBy: number;
      readonly after: QuietRun | null;
      readonly limit: number;
    };
    output: readonly QuietRun[];
  };
  /** Runs whose trace a purge that did not end has begun to remove. */
  halfPruned: { input: Readonly<Record<string, never>>; output: readonly string[] };
  /** When the earliest run that still has a trace began, or null. */
  oldestTrace: { input: Readonly<Record<string, never>>; output: number | null };
  traceSizes: { input: { readonly runIds: readonly string[] }; output: TraceSizes };
  /** Blob ids in use by rows behind `after`; `next` null: those were the last. */
  blobUses: {
    input: { readonly user: BlobUser; readonly after: string | number | null; readonly limit: number };
    output: { readonly ids: Float64Array; readonly next: string | number | null };
  };
  filePages: { input: Readonly<Record<string, never>>; output: FilePages };
  /** Bytes of a table with its indexes. */
  tableBytes: { input: { readonly table: string }; output: number };
}
