import type { KeyObject } from 'node:crypto';
import type { ExportFormat } from '../contract/operations/exports.ts';

/** What the export thread is given and what it says back. */
export interface ExportJob {
  /** The store's file. */
  readonly store: string;
  /** The file to write; files it needs on the way lie beside it under names that begin with it. */
  readonly path: string;
  readonly format: ExportFormat;
  readonly prompts: boolean;
  readonly paper: 'A4' | 'Letter';
  readonly of: ExportSubject;
  readonly version: string;
  /** Epoch ms. */
  readonly exportedAt: number;
  readonly timeZone: string;
  readonly key: { readonly fingerprint: string; readonly raw: string; readonly privateKey: KeyObject };
  /** The operator's redaction patterns, beside the built-in ones. */
  readonly patterns: readonly string[];
  /** Whether somebody answers `print`. */
  readonly prints: boolean;
  /** Shared with the asking thread; see `CONTROL`. */
  readonly control: SharedArrayBuffer;
}

export type ExportSubject =
  | { readonly kind: 'run'; readonly runId: string }
  /** Runs that began in this time, both ends inclusive, epoch ms. */
  | { readonly kind: 'range'; readonly since: number; readonly until: number };

/** Places in the shared numbers: whether to stop, and what became of the last `print`. */
export const CONTROL = { cancel: 0, printed: 1, size: 2 } as const;
export const PRINT = { waiting: 0, done: 1, failed: 2 } as const;

export type FromExport =
  | { readonly kind: 'progress'; readonly done: number; readonly of: number }
  /** Print `html` to `pdf`, then set `CONTROL.printed` and notify: the thread waits. */
  | { readonly kind: 'print'; readonly html: string; readonly pdf: string }
  | {
      readonly kind: 'done';
      readonly fileName: string;
      readonly contentType: string;
      readonly bytes: number;
      readonly sha256: string;
      readonly runs: number;
      readonly masked: number;
      /** The seal lies beside it, as `path`.sig. */
      readonly sealBeside: boolean;
    }
  | { readonly kind: 'failed'; readonly reason: ExportFault; readonly message: string };

/** Why an export ended without a file. */
export type ExportFault = 'not_found' | 'cancelled' | 'cannot_print' | 'too_large' | 'unwritable' | 'broken';
