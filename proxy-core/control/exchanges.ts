import { failure } from '../contract/failures.ts';
import type { Core } from '../exchange/core.ts';
import type { BytesPart } from '../store/reads.ts';
import { type Handlers, Refusal } from './call.ts';

type ExchangeHandlers = Pick<
  Handlers,
  'exchanges.body' | 'exchanges.messages' | 'exchanges.fingerprint' | 'artifacts.body'
>;

/** What calls and artifacts consist of: their stored bytes, and calls read as conversations. */
export function exchangeHandlers(core: Core): ExchangeHandlers {
  const { read, reads } = core.store;
  return {
    'exchanges.body': async ({ exchange_id, side, offset, limit }) => {
      const part = await reads.query('exchangeBody', { exchangeId: exchange_id, side, offset, limit });
      if (part !== null) return slice(part, offset);
      if (read.exchange(exchange_id) === null) throw unknown('exchange', exchange_id);
      return slice({ contentType: null, bytes: new Uint8Array(0), total: 0 }, offset);
    },
    'exchanges.messages': async ({ exchange_id }) => {
      const conversation = await reads.query('conversation', { exchangeId: exchange_id });
      if (conversation === null) throw unknown('exchange', exchange_id);
      return { conversation };
    },
    'exchanges.fingerprint': async ({ exchange_id }) => {
      if (read.exchange(exchange_id) === null) throw unknown('exchange', exchange_id);
      return { fingerprint: await reads.query('fingerprint', { exchangeId: exchange_id }) };
    },
    'artifacts.body': async ({ artifact_id, offset, limit }) => {
      const part = await reads.query('artifactBody', { artifactId: artifact_id, offset, limit });
      if (part === null) throw unknown('artifact', artifact_id);
      return slice(part, offset);
    },
  };
}

/** A part of bytes as an answer: text, shortened by the character that its end cuts, or base64 where it is not UTF-8. */
function slice({ contentType, bytes, total }: BytesPart, offset: number) {
  const more = offset + bytes.length < total;
  const whole = more ? bytes.subarray(0, wholeCharacters(bytes)) : bytes;
  const text = whole.length === 0 && bytes.length > 0 ? null : decode(whole);
  const taken = text === null ? bytes : whole;
  const next = offset + taken.length;
  return {
    content_type: contentType,
    encoding: text === null ? ('base64' as const) : ('utf8' as const),
    content: text ?? Buffer.from(bytes).toString('base64'),
    total_bytes: total,
    next_offset: next < total && taken.length > 0 ? next : null,
  };
}

/** How many bytes of these are whole UTF-8 characters, if they are UTF-8 at all. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text, or null for bytes that are none: not UTF-8, holding zero bytes, or not one whole character. */
function decode(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

const unknown = (what: string, id: string): Refusal =>
  new Refusal(failure('not_found', `There is no ${what} ${id}.`, { recover: 'See: rungate run ID' }));
