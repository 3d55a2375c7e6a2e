import type { EventBody, EventName, PublishedEvent } from './contract/events.ts';
import type { Clock, Log } from './ports.ts';

/** Typed publish/subscribe of contract events within this process. */
export interface Bus {
  publish<N extends EventName>(name: N, body: EventBody<N>): void;
  /** Every event from now on; returns how to stop. A listener that throws is logged and does not stop the others. */
  subscribe(listener: (event: PublishedEvent) => void): () => void;
  /** The sequence number of the latest event, 0 before the first. */
  readonly seq: number;
}

export function createBus(clock: Clock, log: Log): Bus {
  const listeners = new Set<(event: PublishedEvent) => void>();
  let seq = 0;
  return {
    get seq() {
      return seq;
    },
    publish(name, body) {
      seq += 1;
      const event: PublishedEvent = { seq, at: clock.now(), name, body };
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          log.error('bus.listener_failed', { name, error: String(error) });
        }
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
