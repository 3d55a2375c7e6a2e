import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import { unpackIds } from '../../proxy-core/store/id-list.ts';
import type { Purge } from '../../proxy-core/store/purge.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { admitInput, agentInput, NOON, OPERATOR, runStart, settleInput } from './fixture-store.ts';
import { decision, keptAnswer, openInput } from './gate-fixtures.ts';

/** Stores with runs that share much of what they said, and what must be so after any purge of them. */

export const DAY = 86_400_000;

/** What every run of a test's agent says first: stored once for all of them. */
const SHARED = `You are a careful agent. ${'Mind the rules. '.repeat(40)}`;

export const bodyOf = (runId: string, turn: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      model: 'gpt-5',
      messages: [
        { role: 'system', content: SHARED },
        ...Array.from({ length: turn + 1 }, (_, n) => ({
          role: 'user',
          content: `turn ${n} of ${runId}: ${`saffron ${runId} ${n} `.repeat(20)}`,
        })),
      ],
    }),
  );

export const answerOf = (runId: string, turn: number): Buffer =>
  Buffer.from(
    JSON.stringify({ content: [{ type: 'text', text: `answer ${turn} for ${runId}: ${'crocus '.repeat(30)}` }] }),
  );

export const exchangeOf = (runId: string, turn: number): string => `xch_${runId}_${turn}`;

/** A run of `turns` calls, each with its bodies and a tool call, an artifact, and a gate that keeps its answer. */
export async function addRun(store: Store, runId: string, turns: number, at: number = NOON): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    const exchangeId = exchangeOf(runId, turn);
    const start = runStart({ runId, labels: { goal: `goal-${runId}` } });
    void store.write('admit', admitInput(exchangeId, { runId, start, at: at + turn }));
    void store.write('storeRequest', { exchangeId, body: bodyOf(runId, turn) });
    const toolCalls = [{ callId: `call_${runId}_${turn}`, name: 'bash', server: false, argsText: '{"command":"ls"}' }];
    const keys = [{ kind: 'tool_call', key: `call_${runId}_${turn}` } as const];
    const settled = { at: at + turn, toolCalls, keys, responseContentType: 'application/json' };
    void store.write('settle', settleInput(exchangeId, settled));
    await store.write('storeResponse', { exchangeId, body: answerOf(runId, turn) }).committed;
  }
  const by = { actor: 'agent:bot', channel: 'proxy' };
  for (const [name, text] of [
    ['shared.txt', 'the same for every run'],
    ['own.txt', `only of ${runId} `.repeat(50)],
  ] as const) {
    const artifact = { at, artifactId: `art_${runId}_${name}`, runId, name, contentType: 'text/plain', by };
    await store.write('putArtifact', { ...artifact, body: Buffer.from(text) }).committed;
  }
  const gateId = `gate_${runId}`;
  const opening = openInput(gateId, { runId, exchangeId: exchangeOf(runId, 0) }, at);
  await store.write('openGate', { ...opening, answer: keptAnswer(`kept for ${runId}`) }).committed;
  await store.write('decideGate', decision(gateId, at + 1)).committed;
}

export const endRun = (store: Store, runId: string, at: number) =>
  store.write('endRun', { at, runId, state: 'completed', by: OPERATOR }).committed;

export const addAgent = (store: Store) => store.write('saveAgent', agentInput()).committed;

/** Put all texts into the index. */
export async function digestAll(store: Store): Promise<void> {
  for (;;) {
    const digest = await store.reads.query('digest', { now: NOON + DAY, limit: 50 });
    if (digest.runs.length + digest.exchanges.length === 0) return;
    const ids = digest.exchanges.flatMap(({ artifacts }) => artifacts.map((_, n) => `art_${n}`));
    await store.write('digest', { at: NOON, digest, artifactIds: ids }).committed;
  }
}

export const purgeOf = (store: Store, over: Partial<Purge> = {}): Purge => ({
  store,
  by: OPERATOR,
  now: () => NOON + 40 * DAY,
  stopped: () => false,
  onRun: () => undefined,
  ...over,
});

/** All of a run's calls can be read back exactly as they were. */
export function expectWhole(store: Store, runId: string, turns: number): void {
  expect(store.read.run(runId)).toMatchObject({ trace_pruned_at: null });
  expect(store.read.exchanges(runId)).toHaveLength(turns);
  for (let turn = 0; turn < turns; turn += 1) {
    const exchangeId = exchangeOf(runId, turn);
    expect(Buffer.from(store.read.requestBody(exchangeId) ?? []).equals(bodyOf(runId, turn)), exchangeId).toBe(true);
    expect(Buffer.from(store.read.responseBody(exchangeId) ?? []).equals(answerOf(runId, turn)), exchangeId).toBe(true);
  }
  expect(store.read.artifacts(runId).map(({ name }) => name)).toEqual(['own.txt', 'shared.txt']);
  expect(Buffer.from(store.read.keptAnswer(`gate_${runId}`)?.body ?? []).toString()).toBe(`kept for ${runId}`);
}

/** Nothing is left of a run's trace, and everything else of it is as before. */
export function expectPruned(store: Store, runId: string, turns: number): void {
  expect(store.read.run(runId)).toMatchObject({
    trace_pruned_at: expect.any(Number),
    spent_nano: 60 * turns,
    exchanges: turns,
    state: 'completed',
    labels: { goal: `goal-${runId}` },
  });
  expect(store.read.steps(runId, { limit: 1_000 })).toEqual([]);
  expect(store.read.artifacts(runId)).toEqual([]);
  expect(store.read.keptAnswer(`gate_${runId}`)).toBeNull();
  expect(store.read.gate(`gate_${runId}`)).toMatchObject({
    state: 'approved',
    decided_by: 'operator',
    proposed_actions: [{ tool: 'issue_refund', args: { amount_usd: 1240 } }, { tool: 'note' }],
  });
  expect(store.read.budget('run', runId)).toMatchObject({ spent_nano: 60 * turns, reserved_nano: 0 });
  for (let turn = 0; turn < turns; turn += 1) {
    const exchangeId = exchangeOf(runId, turn);
    expect(store.read.requestBody(exchangeId)).toBeNull();
    expect(store.read.responseBody(exchangeId)).toBeNull();
    expect(store.read.exchange(exchangeId)).toMatchObject({ cost_nano: 60 });
    expect(store.read.findRuns('agt_1', { kind: 'tool_call', key: `call_${runId}_${turn}` })).toEqual([]);
  }
}

export function expectAuditWhole(store: Store): void {
  expect(verifyChain(store.read.audit({ afterSeq: 0, limit: 1_000_000 }), sha256)).toMatchObject({ kind: 'ok' });
}

/** The closed file: sound, every reference answered, and no more blobs than something uses. */
export function expectTidyFile(path: string): void {
  const connection = new Database(path, { readonly: true });
  const list = <T>(sql: string): readonly T[] => connection.prepare<[], T>(sql).pluck().all();
  try {
    expect(connection.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(connection.pragma('foreign_key_check')).toEqual([]);
    const used = new Set([
      ...list<Buffer>('SELECT middle FROM bodies').flatMap((middle) => [...unpackIds(middle)]),
      ...list<number>('SELECT blob_id FROM artifacts'),
      ...list<number>('SELECT actions_blob FROM gates UNION SELECT explanation_blob FROM gates'),
      ...list<number>('SELECT kept_blob FROM gates WHERE kept_blob IS NOT NULL'),
    ]);
    expect(new Set(list<number>('SELECT blob_id FROM blobs'))).toEqual(used);
    const stored = list<number>(
      `SELECT request_body FROM exchanges WHERE request_body IS NOT NULL
       UNION SELECT response_body FROM exchanges WHERE response_body IS NOT NULL ORDER BY 1`,
    );
    expect(list<number>('SELECT body_id FROM bodies ORDER BY 1')).toEqual(stored);
  } finally {
    connection.close();
  }
}
