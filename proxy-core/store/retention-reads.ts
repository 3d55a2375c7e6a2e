import type { BlobUser, EndedRun, FilePages, TraceSizes } from './tables/traces.ts';

/** What retention reads, in pages: nobody else's question waits long behind one of them. */
export interface RetentionReads {
  /** Ended runs that have a trace, the longest ended first: see `listPrunable`. */
  prunable: {
    input: { readonly endedBy: number; readonly after: EndedRun | null; readonly limit: number };
    output: readonly EndedRun[];
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
