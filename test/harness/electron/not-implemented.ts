/** Names that JavaScript itself asks any object for (awaiting, printing, inspecting); their absence is no gap. */
const ASKED_BY_THE_LANGUAGE = new Set(['then', 'toJSON', 'constructor', 'prototype', 'asymmetricMatch', 'nodeType']);

/** Wrap a part of the stand-in: whatever of Electron it does not have throws by name instead of being undefined. */
export function failOnGaps<T extends object>(name: string, part: T): T {
  return new Proxy(part, {
    get(target, key) {
      // The target is the receiver, so that private fields and getters of classes work.
      if (Reflect.has(target, key) || typeof key === 'symbol' || ASKED_BY_THE_LANGUAGE.has(key)) {
        return Reflect.get(target, key, target);
      }
      throw notImplemented(`${name}.${key}`);
    },
  });
}

/** The error for a gap of the harness. */
export const notImplemented = (what: string): Error => new Error(`not implemented in the harness: ${what}`);
