/**
 * Threat: a provider (or a proxy before it) that repeats the key it was sent, in an error mostly, would show it to the
 * agent and leave it in the record. The key that this proxy attached is therefore blanked out of answers before anything
 * else sees them. What replaces it is as long as it, so that lengths and positions hold.
 */
export interface KeyMask {
  /** The next bytes as they may pass. The start of a key at their end waits for what follows. */
  push(chunk: Buffer): Buffer;
  /** What was still waiting: no key has come of it. */
  end(): Buffer;
  /** How many times the key was found. */
  readonly found: number;
}

/** Shorter than any provider's key: blanking such a text would blank words. */
const SHORTEST = 8;

/** A mask for one answer; null where there is nothing that could be blanked. Keeps at most one key's length of bytes. */
export function createKeyMask(key: string | null): KeyMask | null {
  if (key === null || key.length < SHORTEST) return null;
  const forms = [...new Set([key, key.replaceAll('/', '\\/'), encodeURIComponent(key)])].map((form) =>
    Buffer.from(form),
  );
  let waiting: Buffer = Buffer.alloc(0);
  let found = 0;

  const blank = (bytes: Buffer): Buffer => {
    let blanked = bytes;
    for (const form of forms) {
      for (let at = blanked.indexOf(form); at !== -1; at = blanked.indexOf(form, at + form.length)) {
        // A copy: what the connection handed over is not ours to write on.
        if (blanked === bytes) blanked = Buffer.from(bytes);
        blanked.fill('*', at, at + form.length);
        found += 1;
      }
    }
    return blanked;
  };

  return {
    push(chunk) {
      const bytes = blank(waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]));
      const keep = Math.max(...forms.map((form) => openEnd(bytes, form)));
      waiting = bytes.subarray(bytes.length - keep);
      return bytes.subarray(0, bytes.length - keep);
    },
    end() {
      const rest = waiting;
      waiting = Buffer.alloc(0);
      return rest;
    },
    get found() {
      return found;
    },
  };
}

/** The whole of an answer with the key blanked out. */
export function withoutKey(bytes: Buffer, key: string | null): Buffer {
  const mask = createKeyMask(key);
  return mask === null ? bytes : Buffer.concat([mask.push(bytes), mask.end()]);
}

/** How many bytes at the end could be the start of a form. */
function openEnd(bytes: Buffer, form: Buffer): number {
  const first = form[0] ?? 0;
  const from = Math.max(0, bytes.length - form.length + 1);
  for (let at = bytes.indexOf(first, from); at !== -1; at = bytes.indexOf(first, at + 1)) {
    const length = bytes.length - at;
    if (bytes.compare(form, 0, length, at) === 0) return length;
  }
  return 0;
}

/** Headers (names and values alternating) with the key blanked out of their values. */
export function maskHeaders(raw: readonly string[], key: string | null): readonly string[] {
  if (key === null || key.length < SHORTEST || !raw.some((text) => text.includes(key))) return raw;
  return raw.map((text) => text.replaceAll(key, '*'.repeat(key.length)));
}
