import { Worker } from 'node:worker_threads';
import type { FailPoint, FromWorker, StoreLimits, StoreNote, ToWorker, WorkerOptions } from './messages.ts';
import { openReads } from './open-reads.ts';
import { createOutbox } from './outbox.ts';
import { openReader } from './reader.ts';
import type { Reads } from './reads.ts';
import { StoreRefused } from './refusal.ts';
import type { Receipt, Store, StoreTrouble, Verb, VerbInput, VerbOutput } from './store.ts';
import { createSubmissions, refusedReceipt } from './submissions.ts';

export interface OpenStoreOptions {
  /** The database file in the home folder; both are created if they do not exist. */
  readonly path: string;
  /** Epoch ms. Verbs carry their own instant; this decides which budget windows reads show. */
  readonly clock: () => number;
  /** The system clock as it stands (`steady-clock.ts`): budget windows follow it. Absent: what verbs and `clock` say. */
  readonly civil?: () => number;
  /** Told what a person running the store may want to know. */
  readonly onNote?: (note: StoreNote) => void;
  readonly limits?: Partial<StoreLimits>;
  /** For tests only: where the process is to be killed. */
  readonly failPoint?: FailPoint;
  /** For tests only: how well the medium is, shared (`MEDIUM` in `fail-points.ts`). */
  readonly medium?: SharedArrayBuffer;
}

const LIMITS: StoreLimits = { idlePages: 256, busyPages: 8_192, alarmPages: 65_536 };

const CLOSED: StoreTrouble = { reason: 'closed', detail: 'the store has been closed' };

/**
 * Open the store: start the worker with the only writing connection, then a reading connection on this thread.
 * Rejects with StoreRefused, whose message says what to do, and then has changed nothing.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const worker = new Worker(workerFile(import.meta.url), {
    // Its garbage is short-lived; a large young generation only keeps memory resident (measured: 70 MiB less).
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
    workerData: {
      path: options.path,
      now: options.clock(),
      failPoint: options.failPoint ?? null,
      medium: options.medium ?? null,
      limits: { ...LIMITS, ...options.limits },
    } satisfies WorkerOptions,
  });
  await whenReady(worker);
  try {
    const reader = openReader(options.path, options.clock, options.civil);
    return storeOver(worker, reader, openReads(options.path), options);
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/** The worker beside this module: its source when Node runs the sources, `store-worker.js` in a bundle. */
function workerFile(self: string): URL {
  return new URL(self.endsWith('.ts') ? './worker.ts' : './store-worker.js', self);
}

function whenReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error("the store's worker ended before it was ready")));
    worker.once('message', (message: FromWorker) => {
      worker.off('error', reject);
      if (message.kind === 'ready') resolve();
      else if (message.kind !== 'refused') reject(new Error(`unexpected from the store: ${message.kind}`));
      else reject(message.code === null ? new Error(message.message) : new StoreRefused(message.code, message.message));
    });
  });
}

function storeOver(
  worker: Worker,
  reader: ReturnType<typeof openReader>,
  reads: Reads,
  { onNote, civil }: Pick<OpenStoreOptions, 'onNote' | 'civil'>,
): Store {
  const submissions = createSubmissions();
  const outbox = createOutbox(worker);
  const ended = Promise.withResolvers<void>();
  let trouble: StoreTrouble | null = null;
  let closing: Promise<void> | null = null;

  const end = (why: StoreTrouble): void => {
    trouble = why;
    submissions.fail(why);
    ended.resolve();
  };

  const hear = (message: FromWorker): void => {
    switch (message.kind) {
      case 'replies':
        submissions.answer(message.batch, message.replies);
        break;
      case 'durable':
        submissions.settle(message.batch);
        break;
      case 'trouble':
        trouble = message.trouble;
        if (message.trouble !== null && message.final) submissions.fail(message.trouble);
        break;
      case 'note':
        onNote?.(message.note);
        break;
      case 'closed':
        end(CLOSED);
        break;
      case 'ready':
      case 'refused':
        break;
    }
  };
  worker.on('message', hear);
  worker.on('error', (error) => end({ reason: 'io_error', detail: `the store's worker died: ${error.message}` }));
  worker.on('exit', () => end(trouble ?? { reason: 'io_error', detail: "the store's worker ended" }));

  const shutDown = async (): Promise<void> => {
    outbox.flush();
    await submissions.all().catch(() => undefined); // whoever waits for a write has been told
    reader.close();
    await reads.close();
    worker.postMessage({ kind: 'close' } satisfies ToWorker);
    await ended.promise;
  };

  return {
    read: reader.read,
    reads,
    get trouble() {
      return trouble;
    },
    write<V extends Verb>(verb: V, input: VerbInput<V>): Receipt<VerbOutput<V>> {
      if (closing !== null) return refusedReceipt(CLOSED);
      const { id, receipt } = submissions.open<VerbOutput<V>>();
      if (id !== null) outbox.add({ id, verb, input, civil: civil?.() ?? null });
      return receipt;
    },
    durable: () => submissions.all(),
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}
