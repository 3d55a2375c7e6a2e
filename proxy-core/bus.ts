import type { EventBody, EventName, PublishedEvent } from './contract/events.ts';
import type { Clock, Log } from './ports.ts';

/** Typed publish/subscribe of contract events within this process. */
export interface Bus {
  publish<N extends EventName>(name: N, body: EventBody<N>): void;
  /**
   * Every event from now on, in order; returns how to stop. What a listener publishes is announced once all have heard of
   * the event it listened to. A listener that throws is logged and does not stop the others.
   */
  subscribe(listener: (event: PublishedEvent) => void): () => void;
  /** The sequence number of the latest event, 0 before the first. */
  readonly seq: number;
}

export function createBus(clock: Clock, log: Log): Bus {
  const listeners = new Set<(event: PublishedEvent) => void>();
  const waiting: PublishedEvent[] = [];
  let announcing = false;
  let seq = 0;
  const announce = (event: PublishedEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error('bus.listener_failed', { name: event.name, error: String(error) });
      }
    }
  };
  return {
    get seq() {
      return seq;
    },
    publish(name, body) {
      seq += 1;
      waiting.push({ seq, at: clock.now(), name, body });
      if (announcing) return;
      announcing = true;
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) announce(event);
      announcing = false;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
