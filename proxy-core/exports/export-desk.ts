import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Bus } from '../bus.ts';
import type { ExportFormat, PreparedExport } from '../contract/operations/exports.ts';
import type { Clock, Log } from '../ports.ts';
import type { OpenedKey } from '../signing/signing-key.ts';
import { CONTROL, type ExportFault, type ExportJob, type ExportSubject, type FromExport, PRINT } from './export-job.ts';
import type { PrintPdf } from './find-printer.ts';
import { whyUnwritable } from './unwritable.ts';

/**
 * Where exports are made and wait to be fetched. Threat: an export holds what a run said. It is written to a 0600 file in
 * the home folder under the id its caller chose, and is gone when it was fetched, after an hour, and at the next start.
 */
export interface ExportDesk {
  prepare(request: ExportRequest): Promise<ExportResult>;
  /** Stop making it, or remove what was made. False if there is no such export. */
  cancel(exportId: string): boolean;
  /** How far an export is that is being made, in what it counts (steps or runs); null if none is made under this id. */
  progress(exportId: string): { readonly done: number; readonly of: number } | null;
  /** A prepared export, or null. */
  find(exportId: string): ReadyExport | null;
  /** Remove a prepared export. */
  remove(exportId: string): void;
  /** Stop everything and remove every file. */
  close(): Promise<void>;
}

export interface ExportRequest {
  readonly exportId: string;
  readonly of: ExportSubject;
  readonly format: ExportFormat;
  readonly prompts: boolean;
  readonly paper: 'A4' | 'Letter';
}

export interface ReadyExport {
  readonly path: string;
  /** The seal that lies beside it, or null where it is inside. */
  readonly sealPath: string | null;
  readonly prepared: PreparedExport;
}

export type ExportResult =
  | { readonly kind: 'ready'; readonly prepared: PreparedExport }
  | { readonly kind: 'failed'; readonly reason: ExportFault | 'busy' | 'taken' | 'unsigned'; readonly message: string };

export interface ExportDeskOptions {
  readonly home: string;
  /** The store's file. */
  readonly store: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly bus: Pick<Bus, 'publish'>;
  readonly key: OpenedKey;
  readonly patterns: readonly string[];
  /** Looked for when it is needed; null where nothing prints. */
  readonly findPrinter: () => Promise<PrintPdf | null>;
  readonly timeZone: string;
}

/** So long a prepared export waits, ms. */
const KEPT_MS = 3_600_000;
/** So many are made at a time. */
const AT_ONCE = 2;
/** So many wait: whoever prepares exports and fetches none must not fill the disk. The oldest makes room. */
const KEPT_AT_MOST = 16;

interface Making {
  progress: { readonly done: number; readonly of: number };
  readonly control: Int32Array;
}

export function createExportDesk(options: ExportDeskOptions): ExportDesk {
  const folder = join(options.home, 'exports');
  /** A home that has become read-only keeps what is there; neither a start nor an end may fail by that. */
  const clear = (): void => {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      options.log.warn('export.not_cleared', { error: String(error) });
    }
  };
  // What an earlier start has left behind.
  clear();
  const making = new Map<string, Making>();
  const ready = new Map<string, ReadyExport & { readonly timer: NodeJS.Timeout }>();
  const ends = new Set<Promise<unknown>>();

  const sweep = (exportId: string): void => {
    for (const name of filesOf(folder, exportId)) {
      try {
        rmSync(join(folder, name), { force: true });
      } catch (error) {
        options.log.warn('export.not_removed', { error: String(error) });
      }
    }
  };
  const forget = (exportId: string): void => {
    clearTimeout(ready.get(exportId)?.timer);
    ready.delete(exportId);
  };
  const remove = (exportId: string): void => {
    forget(exportId);
    sweep(exportId);
  };

  const make = async (request: ExportRequest, key: Extract<OpenedKey, { kind: 'opened' }>): Promise<ExportResult> => {
    const { exportId, format, prompts, paper, of } = request;
    const needsPrinter = format === 'pdf' || format === 'bundle';
    const printer = needsPrinter ? await options.findPrinter() : null;
    if (format === 'pdf' && printer === null) return CANNOT_PRINT;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, exportId);
    const control = new SharedArrayBuffer(CONTROL.size * Int32Array.BYTES_PER_ELEMENT);
    const { fingerprint, raw, privateKey } = key.key;
    const job: ExportJob = {
      store: options.store,
      path,
      of,
      format,
      prompts,
      paper,
      version: options.version,
      exportedAt: options.clock.now(),
      timeZone: options.timeZone,
      key: { fingerprint, raw, privateKey },
      patterns: options.patterns,
      prints: printer !== null,
      control,
    };
    const worker = new Worker(workerFile(import.meta.url), {
      workerData: job,
      // A run is never held whole; what is short-lived need not stay resident.
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    const begun: Making = { control: new Int32Array(control), progress: { done: 0, of: 0 } };
    making.set(exportId, begun);
    const report = (done: number, of: number): void => {
      begun.progress = { done, of };
      options.bus.publish('export.progress', { export_id: exportId, done, of });
    };
    const ended = await hear(worker, new Int32Array(control), printer, paper, report, options.log);
    making.delete(exportId);
    if (ended.kind === 'failed') {
      sweep(exportId);
      if (ended.reason === 'broken') options.log.error('export.failed', { error: ended.message });
      return ended;
    }
    const { fileName, contentType, bytes, sha256, runs, masked, sealBeside } = ended;
    const prepared = {
      export_id: exportId,
      file_name: fileName,
      content_type: contentType,
      bytes,
      sha256,
      runs,
      masked,
    };
    const timer = setTimeout(() => remove(exportId), KEPT_MS).unref();
    ready.set(exportId, { path, sealPath: sealBeside ? `${path}.sig` : null, prepared, timer });
    for (const oldest of ready.keys()) if (ready.size > KEPT_AT_MOST) remove(oldest);
    return { kind: 'ready', prepared };
  };

  return {
    async prepare(request) {
      const { key } = options;
      if (key.kind === 'closed') return { kind: 'failed', reason: 'unsigned', message: key.problem };
      if (making.has(request.exportId) || ready.has(request.exportId))
        return { kind: 'failed', reason: 'taken', message: `There is an export ${request.exportId} already.` };
      if (ends.size >= AT_ONCE)
        return { kind: 'failed', reason: 'busy', message: 'Two exports are being made; try again when one is done.' };
      const end = make(request, key).catch((error: unknown): ExportResult => {
        making.delete(request.exportId);
        const why = whyUnwritable(error);
        if (why === null) throw error;
        return { kind: 'failed', reason: 'unwritable', message: why };
      });
      ends.add(end);
      return end.finally(() => ends.delete(end));
    },
    cancel(exportId) {
      const begun = making.get(exportId);
      if (begun !== undefined) {
        Atomics.store(begun.control, CONTROL.cancel, 1);
        Atomics.notify(begun.control, CONTROL.printed);
        return true;
      }
      if (!ready.has(exportId)) return false;
      remove(exportId);
      return true;
    },
    progress: (exportId) => making.get(exportId)?.progress ?? null,
    find: (exportId) => ready.get(exportId) ?? null,
    remove,
    async close() {
      for (const { control } of making.values()) {
        Atomics.store(control, CONTROL.cancel, 1);
        Atomics.notify(control, CONTROL.printed);
      }
      await Promise.allSettled(ends);
      for (const exportId of ready.keys()) forget(exportId);
      clear();
    },
  };
}

const CANNOT_PRINT: ExportResult = {
  kind: 'failed',
  reason: 'cannot_print',
  message: 'There is no browser here that can print a PDF.',
};

/** Files of an export are named after its id, with an ending. */
function filesOf(folder: string, exportId: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name === exportId || name.startsWith(`${exportId}.`));
  } catch {
    return [];
  }
}

type Ended = Extract<FromExport, { kind: 'done' | 'failed' }>;

/** Listen to an export until it has ended, and print for it. */
function hear(
  worker: Worker,
  control: Int32Array,
  printer: PrintPdf | null,
  paper: 'A4' | 'Letter',
  report: (done: number, of: number) => void,
  log: Log,
): Promise<Ended> {
  return new Promise((resolve) => {
    let last: Ended = { kind: 'failed', reason: 'broken', message: 'the export’s thread ended' };
    const answer = (outcome: number): void => {
      Atomics.store(control, CONTROL.printed, outcome);
      Atomics.notify(control, CONTROL.printed);
    };
    const print = async (html: string, pdf: string): Promise<void> => {
      if (printer === null) return answer(PRINT.failed);
      try {
        await writeFile(pdf, await printer(html, paper), { mode: 0o600, flag: 'wx' });
        answer(PRINT.done);
      } catch (error) {
        log.warn('export.print_failed', { error: String(error) });
        answer(PRINT.failed);
      }
    };
    worker.on('message', (message: FromExport) => {
      if (message.kind === 'progress') report(message.done, message.of);
      else if (message.kind === 'print') void print(message.html, message.pdf);
      else last = message;
    });
    worker.on('error', (error: Error) => {
      const why = whyUnwritable(error);
      last =
        why === null
          ? { kind: 'failed', reason: 'broken', message: error.message }
          : { kind: 'failed', reason: 'unwritable', message: why };
    });
    worker.on('exit', () => resolve(last));
  });
}

/** The worker beside this module: its source when Node runs the sources, `export-worker.js` in a bundle. */
const workerFile = (self: string): URL =>
  new URL(self.endsWith('.ts') ? './export-worker.ts' : './export-worker.js', self);
