/**
 * What a structured clone keeps, as text: messages between a page and the test process are strings. Both functions also
 * run inside the page, from their source: they use nothing but the language. Functions and symbols throw, as in Electron.
 */
export function cloneToText(value: unknown): string {
  const render = (item: unknown): unknown => {
    switch (typeof item) {
      case 'undefined':
        return ['u'];
      case 'bigint':
        return ['n', String(item)];
      case 'number':
        return Number.isFinite(item) ? item : ['d', String(item)];
      case 'function':
      case 'symbol':
        throw new Error('An object could not be cloned.');
      case 'object':
        return item === null ? null : renderObject(item);
      case 'boolean':
      case 'string':
        return item;
    }
  };
  const renderObject = (item: object): unknown => {
    if (Array.isArray(item)) return ['a', item.map(render)];
    if (item instanceof Date) return ['t', item.getTime()];
    if (item instanceof Map) return ['m', [...item].map(([key, one]) => [render(key), render(one)])];
    if (item instanceof Set) return ['s', [...item].map(render)];
    if (item instanceof Error) return ['e', item.name, item.message];
    if (item instanceof Promise) throw new Error('An object could not be cloned.');
    if (item instanceof ArrayBuffer) return ['b', [...new Uint8Array(item)]];
    if (ArrayBuffer.isView(item)) return ['b', [...new Uint8Array(item.buffer, item.byteOffset, item.byteLength)]];
    return ['o', Object.entries(item).map(([key, one]) => [key, render(one)])];
  };
  return JSON.stringify(render(value));
}

/** Undo `cloneToText`. */
export function cloneFromText(text: string): unknown {
  const read = (item: unknown): unknown => {
    if (!Array.isArray(item)) return item;
    const [tag, first, second] = item;
    const pairs = (): [unknown, unknown][] => first.map(([key, one]: [unknown, unknown]) => [key, read(one)]);
    switch (tag) {
      case 'u':
        return undefined;
      case 'n':
        return BigInt(first);
      case 'd':
        return Number(first);
      case 'a':
        return first.map(read);
      case 't':
        return new Date(first);
      case 'm':
        return new Map(pairs().map(([key, one]) => [read(key), one]));
      case 's':
        return new Set(first.map(read));
      case 'e':
        return Object.assign(new Error(second), { name: first });
      case 'b':
        return new Uint8Array(first);
      default: {
        const object: Record<string, unknown> = {};
        for (const [key, one] of pairs()) {
          // Defined, not assigned: a key named __proto__ stays a key.
          Object.defineProperty(object, String(key), {
            value: one,
            writable: true,
            enumerable: true,
            configurable: true,
          });
        }
        return object;
      }
    }
  };
  return read(JSON.parse(text));
}
