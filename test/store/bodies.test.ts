import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cutBody } from '../../proxy-core/store/body-cuts.ts';
import { packIds, unpackIds } from '../../proxy-core/store/id-list.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { admitInput, agentInput, type TemporaryHome, temporaryHome } from './fixture-store.ts';

let home: TemporaryHome;
let store: Store;

beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await store.write('saveAgent', agentInput()).committed;
});
afterEach(() => home.remove());

let serial = 0;
async function roundTrip(body: Uint8Array, runId = 'run_1'): Promise<Uint8Array | null> {
  serial += 1;
  const exchangeId = `xch_${serial}`;
  void store.write('admit', admitInput(exchangeId, { runId }));
  await store.write('storeRequest', { exchangeId, body }).committed;
  return store.read.requestBody(exchangeId);
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Conversations with marks in odd places, and bytes that are no conversation at all. */
const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .array(
      fc.record({
        role: fc.constantFrom('user', 'assistant'),
        content: fc.array(
          fc.record(
            {
              type: fc.constant('text'),
              text: fc.string({ unit: 'binary', maxLength: 600 }),
              cache_control: fc.oneof(
                fc.constant({ type: 'ephemeral' }),
                fc.jsonValue(),
                fc.constant('"cache_control":{'),
              ),
            },
            { requiredKeys: ['type', 'text'] },
          ),
        ),
      }),
      { maxLength: 12 },
    )
    .map((messages) => json({ model: 'm', messages, stream: true })),
);

describe('bodies', () => {
  it('come back byte for byte, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(anyBody, async (body) => {
        expect(Buffer.compare((await roundTrip(body)) ?? Buffer.from('missing'), body)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('are cut into spans that joined are the body', () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const spans = cutBody(body);
        let at = 0;
        for (const [start, end] of spans) {
          expect(start).toBe(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBe(body.length);
      }),
    );
  });

  it('of more turns than one chain of references holds all come back', async () => {
    const messages: unknown[] = [];
    for (let turn = 0; turn < 150; turn += 1) {
      messages.push({ role: 'user', content: `turn ${turn} ${'word '.repeat(60)}` });
      const body = json({ model: 'm', messages, tools: [] });
      expect(Buffer.compare((await roundTrip(body)) ?? Buffer.alloc(0), body)).toBe(0);
    }
    await store.close();
    store = await home.open();
    expect(JSON.parse(Buffer.from(store.read.requestBody(`xch_${serial}`) ?? []).toString()).messages).toHaveLength(
      150,
    );
    messages.push({ role: 'user', content: 'after a restart' });
    const body = json({ model: 'm', messages, tools: [] });
    expect(Buffer.compare((await roundTrip(body)) ?? Buffer.alloc(0), body)).toBe(0);
  });

  it('that cannot be stored leave the next ones whole', async () => {
    const first = json({ messages: [{ role: 'user', content: 'x'.repeat(400) }] });
    await roundTrip(first);
    await expect(store.write('storeRequest', { exchangeId: 'xch_none', body: first }).committed).rejects.toThrow(
      'no such exchange',
    );
    const second = json({
      messages: [
        { role: 'user', content: 'x'.repeat(400) },
        { role: 'user', content: 'y'.repeat(400) },
      ],
    });
    expect(Buffer.compare((await roundTrip(second)) ?? Buffer.alloc(0), second)).toBe(0);
  });
});

/** Text without repetition to speak of, so that compression cannot hide what is stored twice. */
function noise(bytes: number, seed: number): string {
  let state = seed * 2_654_435_761 + 1;
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += (state >>> 8).toString(36);
  }
  return text.slice(0, bytes);
}

const KEPT_BYTES = `SELECT (SELECT total(size) FROM blobs) + (SELECT total(length(middle)) FROM bodies) AS kept,
  (SELECT sum(pgsize) FROM dbstat WHERE name IN ('blobs', 'blobs_by_hash', 'bodies')) AS pages`;

/** Bytes kept for bodies: contents before compression and reference lists; and the pages of their tables. */
function keptBytes(): { readonly kept: number; readonly pages: number } {
  const connection = new Database(home.path, { readonly: true });
  try {
    return connection.prepare<[], { kept: number; pages: number }>(KEPT_BYTES).get() ?? { kept: 0, pages: 0 };
  } finally {
    connection.close();
  }
}

type Block = Record<string, unknown>;

const recording = z.object({ requests: z.array(z.object({ body_len: z.number(), body: z.unknown() })) });

/** The body of the first model call of a recording. */
function recordedBody(path: string): Readonly<Record<string, unknown>> {
  const { requests } = recording.parse(JSON.parse(readFileSync(path, 'utf8')));
  return z.record(z.string(), z.unknown()).parse(requests.find((request) => request.body_len > 10_000)?.body);
}

/** 200 turns as Claude Code sends them: tools and system repeated, the cache marks always on the newest message. */
function* conversation(turns: number): Generator<Buffer> {
  const recorded = recordedBody('test/fixtures/clients/claude-code.print.base.json');
  const messages: { role: string; content: Block[] }[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    if (turn > 0) {
      const use = { type: 'tool_use', id: `toolu_${turn}`, name: 'Bash', input: { command: noise(150, turn) } };
      messages.push({ role: 'assistant', content: [{ type: 'text', text: noise(200, turn + 1_000) }, use] });
    }
    const result = {
      tool_use_id: `toolu_${turn}`,
      type: 'tool_result',
      content: [{ type: 'text', text: noise(4_100, turn + 5_000) }],
    };
    messages.push({ role: 'user', content: [turn === 0 ? { type: 'text', text: noise(3_000, 0) } : result] });
    const sent = messages.map((message, index) =>
      index === messages.length - 1
        ? { ...message, content: message.content.map((block) => ({ ...block, cache_control: { type: 'ephemeral' } })) }
        : message,
    );
    yield json({ ...recorded, messages: sent });
  }
}

it('a conversation of 200 turns that grows to 1 MB is stored in at most 1.3 times its unique bytes, also on disk', async () => {
  let last: Buffer = Buffer.alloc(0);
  for (const body of conversation(200)) {
    serial += 1;
    void store.write('admit', admitInput(`xch_${serial}`));
    void store.write('storeRequest', { exchangeId: `xch_${serial}`, body });
    last = body;
    if (serial % 20 === 0) await store.durable();
  }
  await store.durable();
  expect(last.length).toBeGreaterThan(900_000);
  const { kept, pages } = keptBytes();
  expect(kept).toBeLessThan(1.3 * last.length);
  expect(pages).toBeLessThan(1.3 * last.length);
  expect(Buffer.compare(store.read.requestBody(`xch_${serial}`) ?? Buffer.alloc(0), last)).toBe(0);
  process.stdout.write(`stored ${kept} B (${pages} B of pages) for ${last.length} unique bytes\n`);
});

it('two agents of one run that take turns do not store their conversations anew', async () => {
  const talk = (who: string, turn: number) =>
    json({ who, messages: Array.from({ length: turn }, (_, n) => ({ role: 'user', content: who + noise(3_000, n) })) });
  for (let turn = 1; turn <= 40; turn += 1) for (const who of ['main', 'sub']) await roundTrip(talk(who, turn));
  const unique = talk('main', 40).length + talk('sub', 40).length;
  expect(keptBytes().kept).toBeLessThan(1.1 * unique);
});

describe('id lists', () => {
  it('come back as they were packed', () => {
    const ids = fc.array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
    fc.assert(
      fc.property(
        ids.filter((list) => list.every((id) => id < 2 ** 51)),
        (list) => {
          expect(unpackIds(packIds(list))).toEqual(list);
        },
      ),
    );
  });

  it('of neighbours take a byte each', () => {
    expect(packIds([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toHaveLength(10);
  });

  it('that end within a number are refused', () => {
    expect(() => unpackIds(Uint8Array.from([1, 0x80]))).toThrow(RangeError);
  });
});
