import { Worker } from 'node:worker_threads';
import type { ReadInput, ReadName, ReadOutput, Reads } from './reads.ts';

/** What the reading thread is started with. */
export interface ReaderOptions {
  readonly path: string;
}

export interface ReadRequest<N extends ReadName = ReadName> {
  readonly id: number;
  readonly name: N;
  readonly input: ReadInput<N>;
}

export type ReadReply =
  | { readonly id: number; readonly kind: 'done'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string };

/**
 * Reads of an existing store. The thread starts with the first query, and anew with the next one if it has died. It
 * keeps the process alive only while an answer is awaited.
 */
export function openReads(path: string): Reads {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let worker: Worker | null = null;
  let lastId = 0;
  let closed = false;

  const fail = (message: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };

  const start = (): Worker => {
    const started = new Worker(workerFile(import.meta.url), {
      workerData: { path } satisfies ReaderOptions,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    const lose = (message: string): void => {
      if (worker !== started) return;
      worker = null;
      fail(message);
    };
    started.on('message', (reply: ReadReply) => {
      const asked = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
      if (reply.kind === 'done') asked?.resolve(reply.value);
      else asked?.reject(new Error(reply.message));
    });
    started.on('error', (error) => lose(`the store's reader died: ${error.message}`));
    started.on('exit', () => lose("the store's reader ended"));
    return started;
  };

  return {
    query<N extends ReadName>(name: N, input: ReadInput<N>): Promise<ReadOutput<N>> {
      if (closed) return Promise.reject(new Error('the store has been closed'));
      worker ??= start();
      lastId += 1;
      const asked = Promise.withResolvers<unknown>();
      waiting.set(lastId, asked);
      worker.ref();
      worker.postMessage({ id: lastId, name, input } satisfies ReadRequest<N>);
      return asked.promise as Promise<ReadOutput<N>>;
    },
    async close() {
      closed = true;
      const ending = worker;
      worker = null;
      fail('the store has been closed');
      await ending?.terminate();
    },
  };
}

/** The worker beside this module: its source when Node runs the sources, `reader-worker.js` in a bundle. */
function workerFile(self: string): URL {
  return new URL(self.endsWith('.ts') ? './reader-worker.ts' : './reader-worker.js', self);
}
