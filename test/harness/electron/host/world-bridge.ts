/**
 * One end of what `contextBridge` does between the preload's isolated world and the page's world. Both ends run this
 * same function, from its source, before any script of the page. Values are cloned by Chromium itself (the detail of a
 * CustomEvent is, between worlds); functions travel as numbers and are called synchronously; promises are mirrored.
 *
 * In the page's world everything it uses is taken before the page can replace it, and no iterator or prototype of the
 * page is ever consulted afterwards (hence the index loops).
 */
export function openWorldEnd(secret: string, side: 'page' | 'preload'): WorldEnd {
  const { apply, ownKeys } = Reflect;
  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, create } = Object;
  const { isArray } = Array;
  const ObjectPrototype = Object.prototype;
  const Then = Promise.prototype.then;
  const { Promise: TakenPromise, CustomEvent: TakenEvent, Error: TakenError } = globalThis;
  const dispatch = EventTarget.prototype.dispatchEvent;
  const listen = EventTarget.prototype.addEventListener;
  const stopAll = Event.prototype.stopImmediatePropagation;
  const detailOf = getOwnPropertyDescriptor(CustomEvent.prototype, 'detail')?.get as () => Packet;
  const target = globalThis as unknown as EventTarget;
  const out = `${secret}:${side === 'page' ? 'preload' : 'page'}`;
  const functions: Record<number, (...args: unknown[]) => unknown> = create(null);
  const pending: Record<number, { resolve(value: unknown): void; reject(error: unknown): void }> = create(null);
  let next = 0;
  let reply: Extract<Packet, { kind: 'return' }> | null = null;

  const send = (packet: Packet): void => {
    apply(dispatch, target, [new TakenEvent(out, { detail: packet })]);
  };
  const isPlain = (value: object): boolean => {
    const prototype = getPrototypeOf(value);
    return prototype === ObjectPrototype || prototype === null;
  };
  const wrap = (value: unknown): Wrapped => {
    if (typeof value === 'function') {
      const id = next++;
      functions[id] = value as (...args: unknown[]) => unknown;
      return { tag: 'function', id };
    }
    if (typeof value !== 'object' || value === null) return { tag: 'value', value };
    if (value instanceof TakenPromise) return mirror(value);
    if (value instanceof TakenError) return { tag: 'error', name: value.name, message: value.message };
    if (isArray(value)) {
      const items: Wrapped[] = [];
      for (let index = 0; index < value.length; index += 1) defineProperty(items, index, member(wrap(value[index])));
      return { tag: 'array', items };
    }
    if (!isPlain(value)) return { tag: 'value', value };
    const keys: string[] = [];
    const items: Wrapped[] = [];
    const names = ownKeys(value);
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index];
      if (typeof name !== 'string') continue;
      defineProperty(items, keys.length, member(wrap((value as Record<string, unknown>)[name])));
      defineProperty(keys, keys.length, member(name));
    }
    return { tag: 'object', keys, items };
  };
  const member = (value: unknown): PropertyDescriptor => ({
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  const mirror = (promise: Promise<unknown>): Wrapped => {
    const id = next++;
    const settle = (ok: boolean) => (value: unknown) => send({ kind: 'settle', id, ok, value: wrap(value) });
    void apply(Then, promise, [settle(true), settle(false)]);
    return { tag: 'promise', id };
  };
  const unwrap = (wrapped: Wrapped): unknown => {
    switch (wrapped.tag) {
      case 'value':
        return wrapped.value;
      case 'function':
        return (...args: unknown[]) => call(wrapped.id, args);
      case 'promise':
        return new TakenPromise((resolve, reject) => {
          pending[wrapped.id] = { resolve, reject };
        });
      case 'error': {
        const error = new TakenError(wrapped.message);
        return error;
      }
      case 'array': {
        const items: unknown[] = [];
        for (let index = 0; index < wrapped.items.length; index += 1) {
          defineProperty(items, index, member(unwrap(wrapped.items[index] as Wrapped)));
        }
        return items;
      }
      case 'object': {
        const object = {};
        for (let index = 0; index < wrapped.keys.length; index += 1) {
          defineProperty(object, wrapped.keys[index] as string, member(unwrap(wrapped.items[index] as Wrapped)));
        }
        return object;
      }
    }
  };
  const call = (id: number, args: readonly unknown[]): unknown => {
    send({ kind: 'call', id, args: wrap(args) });
    const answered = reply;
    reply = null;
    if (answered === null) throw new TakenError('the preload has gone');
    const value = unwrap(answered.value);
    if (!answered.ok) throw value;
    return value;
  };
  const run = (packet: Extract<Packet, { kind: 'call' }>): void => {
    const called = functions[packet.id];
    try {
      if (called === undefined) throw new TakenError('no such function');
      send({ kind: 'return', ok: true, value: wrap(apply(called, undefined, unwrap(packet.args) as unknown[])) });
    } catch (error) {
      send({ kind: 'return', ok: false, value: wrap(error) });
    }
  };
  const receive = (packet: Packet): void => {
    switch (packet.kind) {
      case 'call':
        run(packet);
        return;
      case 'return':
        reply = packet;
        return;
      case 'settle': {
        const waiting = pending[packet.id];
        delete pending[packet.id];
        if (packet.ok) waiting?.resolve(unwrap(packet.value));
        else waiting?.reject(unwrap(packet.value));
        return;
      }
      case 'expose':
        defineProperty(globalThis, packet.key, { value: deepFreeze(unwrap(packet.value)), enumerable: true });
        return;
    }
  };
  const deepFreeze = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const names = ownKeys(value);
    for (let index = 0; index < names.length; index += 1) deepFreeze((value as never)[names[index] as never]);
    return freeze(value);
  };
  apply(listen, target, [
    `${secret}:${side}`,
    (event: Event) => {
      apply(stopAll, event, []);
      receive(apply(detailOf, event, []));
    },
  ]);
  return { expose: (key, api) => send({ kind: 'expose', key, value: wrap(api) }) };
}

export interface WorldEnd {
  /** Define `window[key]` in the other world, frozen. */
  expose(key: string, api: unknown): void;
}

type Wrapped =
  | { readonly tag: 'value'; readonly value: unknown }
  | { readonly tag: 'function'; readonly id: number }
  | { readonly tag: 'promise'; readonly id: number }
  | { readonly tag: 'error'; readonly name: string; readonly message: string }
  | { readonly tag: 'array'; readonly items: readonly Wrapped[] }
  | { readonly tag: 'object'; readonly keys: readonly string[]; readonly items: readonly Wrapped[] };

type Packet =
  | { readonly kind: 'call'; readonly id: number; readonly args: Wrapped }
  | { readonly kind: 'return'; readonly ok: boolean; readonly value: Wrapped }
  | { readonly kind: 'settle'; readonly id: number; readonly ok: boolean; readonly value: Wrapped }
  | { readonly kind: 'expose'; readonly key: string; readonly value: Wrapped };
