import type { Worker } from 'node:worker_threads';
import type { Request, ToWorker } from './messages.ts';
import type { Verb } from './store.ts';

/** Requests on their way to the worker: what one turn of the event loop submits leaves in one message. */
export interface Outbox {
  add<V extends Verb>(request: Request<V>): void;
  /** Send what has gathered now. */
  flush(): void;
}

export function createOutbox(worker: Worker): Outbox {
  let requests: Request[] = [];
  let transfers: ArrayBuffer[] = [];
  let turn: NodeJS.Immediate | null = null;

  const flush = (): void => {
    if (turn !== null) clearImmediate(turn);
    turn = null;
    if (requests.length === 0) return;
    worker.postMessage({ kind: 'requests', requests } satisfies ToWorker, transfers);
    requests = [];
    transfers = [];
  };

  return {
    add(request) {
      if ('body' in request.input) {
        // Copied once, here: the caller keeps its buffer, and the copy changes threads without another one.
        const body = new Uint8Array(request.input.body);
        transfers.push(body.buffer);
        requests.push({ ...request, input: { ...request.input, body } });
      } else requests.push(request);
      turn ??= setImmediate(flush);
    },
    flush,
  };
}
