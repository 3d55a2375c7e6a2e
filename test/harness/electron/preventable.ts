import type { EventEmitter } from 'node:events';

/** An event whose default the app may prevent, as Electron's are. */
export interface PreventableEvent {
  readonly defaultPrevented: boolean;
  preventDefault(): void;
}

/** A new event with these details. */
export function createEvent<D extends object>(details: D): PreventableEvent & D {
  let prevented = false;
  const event = {
    get defaultPrevented() {
      return prevented;
    },
    preventDefault() {
      prevented = true;
    },
  };
  return Object.assign(event, details);
}

/** Emit an event with an event object first; whether a listener prevented its default. */
export function emitPreventable(emitter: EventEmitter, name: string, details: object, ...args: unknown[]): boolean {
  const event = createEvent(details);
  emitter.emit(name, event, ...args);
  return event.defaultPrevented;
}
