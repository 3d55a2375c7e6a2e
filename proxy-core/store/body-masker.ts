import { Worker } from 'node:worker_threads';

/** What the masking thread is started with. */
export interface MaskWorkerOptions {
  readonly patterns: readonly string[];
}

export interface MaskRequest {
  readonly id: number;
  readonly body: Uint8Array;
}

export interface MaskReply extends MaskedBody {
  readonly id: number;
}

/** A body without its secrets, and how many there were. */
export interface MaskedBody {
  readonly body: Uint8Array;
  readonly masked: number;
}

/** Masks bodies on a thread of its own, one after the other, in order. */
export interface BodyMasker {
  /** Rejects when the thread has died: the body must not be stored then. */
  mask(body: Uint8Array): Promise<MaskedBody>;
  close(): Promise<void>;
}

/**
 * The thread starts at once, because it may not be to be had later (no descriptor left) and a body that is not masked is not
 * stored; anew with the next body if it has died.
 */
export function createBodyMasker(patterns: readonly string[]): BodyMasker {
  const waiting = new Map<number, PromiseWithResolvers<MaskedBody>>();
  let worker: Worker | null = null;
  let lastId = 0;

  const start = (): Worker => {
    const started = new Worker(workerFile(import.meta.url), {
      workerData: { patterns } satisfies MaskWorkerOptions,
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    const lose = (message: string): void => {
      if (worker !== started) return;
      worker = null;
      for (const { reject } of waiting.values()) reject(new Error(message));
      waiting.clear();
    };
    started.on('message', ({ id, body, masked }: MaskReply) => {
      waiting.get(id)?.resolve({ body, masked });
      waiting.delete(id);
      if (waiting.size === 0) started.unref();
    });
    started.on('error', (error) => lose(`the masking thread died: ${error.message}`));
    started.on('exit', () => lose('the masking thread ended'));
    return started;
  };

  worker = start();
  worker.unref();
  return {
    mask(body) {
      worker ??= start();
      lastId += 1;
      const asked = Promise.withResolvers<MaskedBody>();
      waiting.set(lastId, asked);
      worker.ref();
      worker.postMessage({ id: lastId, body } satisfies MaskRequest);
      return asked.promise;
    },
    async close() {
      const ending = worker;
      worker = null;
      await ending?.terminate();
    },
  };
}

/** The worker beside this module: its source when Node runs the sources, `mask-worker.js` in a bundle. */
const workerFile = (self: string): URL => new URL(self.endsWith('.ts') ? './mask-worker.ts' : './mask-worker.js', self);
