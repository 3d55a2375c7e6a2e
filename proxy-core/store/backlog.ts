import type { Request } from './messages.ts';
import { CHORES } from './retention-verbs.ts';

/**
 * What has been submitted and not been carried out. Verbs keep their order, except that large bodies let others go first,
 * while others come. A chore waits until nothing else does, and is carried out alone.
 */
export interface Backlog {
  add(requests: readonly Request[]): void;
  /** What the next transaction shall carry, at most `MOST_REQUESTS` and about `MOST_BYTES` of bodies. */
  next(): readonly Request[];
  readonly empty: boolean;
}

const MOST_REQUESTS = 512;
const MOST_BYTES = 4 * 1024 * 1024;
/** A body of no more than this goes with what it was submitted with. */
const SMALL_BYTES = 64 * 1024;
/** With this much waiting, bodies no longer stand back: memory is worth more than their place in the queue. */
const PATIENCE_ENDS_AT = 32 * 1024 * 1024;

export function createBacklog(): Backlog {
  let urgent: Request[] = [];
  let patient: Request[] = [];
  const chores: Request[] = [];
  let waitingBytes = 0;

  const takeBodies = (count: number): Request[] => {
    const taken = patient.slice(0, count);
    patient = patient.slice(count);
    waitingBytes -= bytesOf(taken);
    return taken;
  };

  /** All that may go now that nothing else waits. */
  const countAlone = (): number => {
    let bytes = 0;
    let count = 0;
    while (count < patient.length && count < MOST_REQUESTS && bytes < MOST_BYTES) bytes += sizeOf(patient[count++]);
    return count;
  };

  return {
    add(requests) {
      for (const request of requests) {
        if (isChore(request)) {
          chores.push(request);
          continue;
        }
        const waits = isPatient(request);
        (waits ? patient : urgent).push(request);
        waitingBytes += waits ? sizeOf(request) : 0;
      }
    },
    next() {
      const first = urgent.slice(0, MOST_REQUESTS);
      urgent = urgent.slice(MOST_REQUESTS);
      const alone = first.length === 0 || waitingBytes > PATIENCE_ENDS_AT;
      const bodies = alone ? takeBodies(countAlone()) : [];
      const next = [...first, ...bodies];
      return next.length > 0 || patient.length > 0 ? next : chores.splice(0, 1);
    },
    get empty() {
      return urgent.length === 0 && patient.length === 0 && chores.length === 0;
    },
  };
}

/** Work that nobody waits for: retention's. */
export const isChore = ({ verb }: Request): boolean => CHORES.has(verb);

/**
 * Bodies move bytes, not money. A small one goes with what it was submitted with: a request with its admission, so that it is
 * recorded before the call leaves; an answer with its settlement, which its call waits for anyway.
 */
const isPatient = (request: Request): boolean =>
  (request.verb === 'storeRequest' || request.verb === 'storeResponse') && sizeOf(request) > SMALL_BYTES;

const bytesOf = (requests: readonly Request[]): number => requests.reduce((sum, request) => sum + sizeOf(request), 0);

const sizeOf = (request: Request | undefined): number =>
  request !== undefined && 'body' in request.input ? request.input.body.length : 0;
