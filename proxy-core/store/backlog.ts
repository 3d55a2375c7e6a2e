import type { Request } from './messages.ts';
import { isPatient } from './verbs/table.ts';

/** What has been submitted and not been carried out. Verbs keep their order, except that bodies let others go first. */
export interface Backlog {
  add(requests: readonly Request[]): void;
  /** What the next transaction shall carry, at most `MOST_REQUESTS` and about `MOST_BYTES` of bodies. */
  next(): readonly Request[];
  readonly empty: boolean;
}

const MOST_REQUESTS = 512;
const MOST_BYTES = 4 * 1024 * 1024;
/** With this much waiting, bodies no longer stand back: memory is worth more than their place in the queue. */
const PATIENCE_ENDS_AT = 32 * 1024 * 1024;

export function createBacklog(): Backlog {
  let urgent: Request[] = [];
  let patient: Request[] = [];
  let waitingBytes = 0;

  const takeBodies = (): Request[] => {
    let bytes = 0;
    let count = 0;
    while (count < patient.length && count < MOST_REQUESTS && bytes < MOST_BYTES) bytes += sizeOf(patient[count++]);
    const taken = patient.slice(0, count);
    patient = patient.slice(count);
    waitingBytes -= bytes;
    return taken;
  };

  return {
    add(requests) {
      for (const request of requests) {
        (isPatient(request.verb) ? patient : urgent).push(request);
        waitingBytes += isPatient(request.verb) ? sizeOf(request) : 0;
      }
    },
    next() {
      const first = urgent.slice(0, MOST_REQUESTS);
      urgent = urgent.slice(MOST_REQUESTS);
      const bodiesToo = first.length === 0 || waitingBytes > PATIENCE_ENDS_AT;
      return bodiesToo ? [...first, ...takeBodies()] : first;
    },
    get empty() {
      return urgent.length === 0 && patient.length === 0;
    },
  };
}

const sizeOf = (request: Request | undefined): number =>
  request !== undefined && 'body' in request.input ? request.input.body.length : 0;
