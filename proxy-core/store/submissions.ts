import type { Reply, Request } from './messages.ts';
import { type Receipt, type StoreTrouble, StoreUnavailable } from './store.ts';

/** Writes that have been submitted and are not yet durable, on the caller's side. */
export interface Submissions {
  /** Register a write under a new id; after `fail` there is none and the receipt is refused. */
  open<T>(): { readonly id: number | null; readonly receipt: Receipt<T> };
  /** The replies of one transaction. */
  answer(batch: number, replies: readonly Reply[]): void;
  /** Everything up to this batch is durable. */
  settle(batch: number): void;
  /** Nothing will become durable any more, now or later. */
  fail(trouble: StoreTrouble): void;
  /** Resolves when all that is open now is durable; rejects with the first StoreUnavailable among it. */
  all(): Promise<void>;
}

interface Waiting {
  readonly id: Request['id'];
  value: unknown;
  readonly committed: PromiseWithResolvers<unknown>;
  readonly durable: PromiseWithResolvers<unknown>;
}

export function createSubmissions(): Submissions {
  const unanswered = new Map<number, Waiting>();
  const undurable = new Map<number, readonly Waiting[]>();
  let lastId = 0;
  let failed: StoreTrouble | null = null;

  const answerOne = (reply: Reply): Waiting | null => {
    const waiting = unanswered.get(reply.id);
    if (waiting === undefined) return null;
    unanswered.delete(reply.id);
    if (reply.kind === 'done') {
      waiting.value = reply.value;
      waiting.committed.resolve(reply.value);
      return waiting;
    }
    reject(waiting, reply.kind === 'unavailable' ? new StoreUnavailable(reply.trouble) : new Error(reply.message));
    return null;
  };

  return {
    open<T>() {
      if (failed !== null) return { id: null, receipt: refusedReceipt<T>(failed) };
      lastId += 1;
      const waiting: Waiting = {
        id: lastId,
        value: undefined,
        committed: quietly(Promise.withResolvers()),
        durable: quietly(Promise.withResolvers()),
      };
      unanswered.set(lastId, waiting);
      const receipt = { committed: waiting.committed.promise, durable: waiting.durable.promise } as Receipt<T>;
      return { id: lastId, receipt };
    },
    answer(batch, replies) {
      const done = replies.map(answerOne).filter((waiting) => waiting !== null);
      if (done.length > 0) undurable.set(batch, done);
    },
    settle(batch) {
      for (const [number, waiting] of undurable) {
        if (number > batch) return;
        undurable.delete(number);
        for (const one of waiting) one.durable.resolve(one.value);
      }
    },
    fail(trouble) {
      failed ??= trouble;
      const error = new StoreUnavailable(trouble);
      for (const waiting of [...undurable.values()].flat()) reject(waiting, error);
      for (const waiting of unanswered.values()) reject(waiting, error);
      undurable.clear();
      unanswered.clear();
    },
    async all() {
      const waiting = [...[...undurable.values()].flat(), ...unanswered.values()];
      const outcomes = await Promise.allSettled(waiting.map((one) => one.durable.promise));
      for (const outcome of outcomes)
        if (outcome.status === 'rejected' && outcome.reason instanceof StoreUnavailable) throw outcome.reason;
      if (failed !== null) throw new StoreUnavailable(failed);
    },
  };
}

/** The receipt of a write that was not even tried. */
export function refusedReceipt<T>(trouble: StoreTrouble): Receipt<T> {
  const refused = quietly(Promise.withResolvers<T>());
  refused.reject(new StoreUnavailable(trouble));
  return { committed: refused.promise, durable: refused.promise };
}

/** Settle both promises with an error; one that has been resolved stays so. */
function reject(waiting: Waiting, error: Error): void {
  waiting.committed.reject(error);
  waiting.durable.reject(error);
}

/** Callers wait for one of the two promises; the other one's rejection must not end the process. */
function quietly<T>(resolvers: PromiseWithResolvers<T>): PromiseWithResolvers<T> {
  resolvers.promise.catch(() => undefined);
  return resolvers;
}
