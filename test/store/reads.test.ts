import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nanoUsd } from '../../proxy-core/contract/money.ts';
import { writable } from '../../proxy-core/store/handle.ts';
import { artifactBytes, auditOf, exchangeBytes, exchangesOf, stepsOf } from '../../proxy-core/store/reads.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import type { RunPageInput } from '../../proxy-core/store/tables/run-list.ts';
import { dropTexts } from '../../proxy-core/store/tables/traces.ts';
import {
  admitInput,
  agentInput,
  NOON,
  OPERATOR,
  runStart,
  settleInput,
  type TemporaryHome,
  temporaryHome,
} from './fixture-store.ts';
import { decision, grant, openInput } from './gate-fixtures.ts';

/** Reads on the thread of their own, over a store that real verbs have filled. */

let home: TemporaryHome;
let store: Store;

beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await store.write('saveAgent', agentInput()).committed;
  await store.write('saveAgent', agentInput({ agentId: 'agt_2', name: 'other' })).committed;
});
afterEach(() => home.remove());

/** A run that began `n` ms after NOON and cost `cost` nano-USD. */
async function addRun(
  runId: string,
  n: number,
  over: {
    agent?: string;
    policy?: string;
    model?: string;
    tool?: string;
    cost?: number;
    labels?: Record<string, string>;
  },
): Promise<void> {
  const { agent = 'agt_1', policy = 'personal-default@1', model = 'gpt-5', tool, cost = 60, labels = {} } = over;
  const at = NOON + n;
  const start = runStart({ runId, policy, labels });
  await store.write('admit', admitInput(`xch_${runId}`, { runId, agentId: agent, at, model, start })).committed;
  const toolCalls = tool === undefined ? [] : [{ callId: `call_${runId}`, name: tool, server: false, argsText: '{}' }];
  await store.write('settle', settleInput(`xch_${runId}`, { at, cost: nanoUsd(cost), toolCalls })).committed;
}

async function list(conditions: Omit<RunPageInput, 'limit' | 'asOf'> = {}): Promise<readonly string[]> {
  const page = await store.reads.query('runs', { asOf: null, now: NOON + 60_000, offset: 0, limit: 50, ...conditions });
  expect(page.total).toBe(page.runs.length);
  return page.runs.map(({ run_id }) => run_id);
}

async function digestAll(now = NOON + 3_600_000): Promise<void> {
  const digest = await store.reads.query('digest', { now, limit: 100 });
  const artifacts = digest.exchanges.flatMap((exchange) => exchange.artifacts);
  const artifactIds = artifacts.map((_, index) => `art_${index}`);
  await store.write('digest', { at: now, digest, artifactIds }).committed;
}

const request = (messages: readonly unknown[]): Buffer => Buffer.from(JSON.stringify({ model: 'claude', messages }));

describe('the list of runs', () => {
  beforeEach(async () => {
    await addRun('run_a', 1, { tool: 'Bash', cost: 2_000, policy: 'refunds@1' });
    await addRun('run_b', 2, { agent: 'agt_2', model: 'claude-opus-4-8', policy: 'refunds@2', cost: 500 });
    await addRun('run_c', 3, { model: 'gpt-6', tool: 'mcp__db__query', cost: 5_000 });
    await store.write('endRun', { at: NOON + 9, runId: 'run_c', state: 'completed', by: OPERATOR }).committed;
  });

  it.each([
    [{}, 'run_c run_b run_a'],
    [{ states: ['completed'] }, 'run_c'],
    [{ states: ['completed', 'open'] }, 'run_c run_b run_a'],
    [{ agents: ['other'] }, 'run_b'],
    [{ agents: ['other', 'bot'] }, 'run_c run_b run_a'],
    [{ agents: ['nobody'] }, ''],
    [{ policies: ['refunds'] }, 'run_b run_a'],
    [{ policies: ['refunds@2'] }, 'run_b'],
    [{ policies: ['re*'] }, 'run_b run_a'],
    [{ models: ['gpt-*'] }, 'run_c run_a'],
    [{ models: ['gpt-5', 'CLAUDE*'] }, 'run_b run_a'],
    [{ models: ['gpt'] }, ''],
    [{ tools: ['bash'] }, 'run_a'],
    [{ tools: ['*db*'] }, 'run_c'],
    [{ costOver: 500 }, 'run_c run_a'],
    [{ costUnder: 2_000 }, 'run_b'],
    [{ costOver: 500, costUnder: 3_000 }, 'run_a'],
    [{ since: NOON + 2 }, 'run_c run_b'],
    [{ until: NOON + 2 }, 'run_b run_a'],
    [{ ids: ['run_a', 'run_c', 'run_x'] }, 'run_c run_a'],
    [{ ids: [] }, ''],
    [{ states: ['open'], models: ['gpt-*'], costOver: 1, tools: ['*'] }, 'run_a'],
  ] as const)('%j', async (conditions, runs) => {
    expect((await list(conditions)).join(' ')).toBe(runs);
  });

  it('keeps its pages while new runs start, and says how many there are', async () => {
    const page = (offset: number, asOf: number | null) =>
      store.reads.query('runs', { asOf, now: NOON + 5, offset, limit: 2 });
    const first = await page(0, null);
    expect([first.total, first.asOf]).toEqual([3, NOON + 5]);
    await addRun('run_d', 10, {});
    const second = await page(2, first.asOf);
    expect([...first.runs, ...second.runs].map(({ run_id }) => run_id)).toEqual(['run_c', 'run_b', 'run_a']);
    expect(second.total).toBe(3);
    expect((await page(0, null)).asOf).toBe(NOON + 10);
  });

  it('offers the values that occur', async () => {
    expect(await store.reads.query('facets', {})).toEqual({
      agents: ['bot', 'other'],
      policies: ['personal-default@1', 'refunds@1', 'refunds@2'],
      models: ['claude-opus-4-8', 'gpt-5', 'gpt-6'],
      tools: ['Bash', 'mcp__db__query'],
    });
  });
});

describe('the search', () => {
  it('finds what was asked, answered, called and returned, wherever in the run it stands', async () => {
    await addRun('run_a', 1, { labels: { goal: 'Clean the Überseekontor' } });
    const said = [{ role: 'user', content: 'Where is the saffron?' }];
    void store.write('storeRequest', { exchangeId: 'xch_run_a', body: request(said) });
    const answer = {
      content: [
        { type: 'text', text: 'Behind the cardamom.' },
        { type: 'tool_use', id: 't', name: 'Bash', input: { command: 'rm -rf\npaprika' } },
      ],
    };
    void store.write('storeResponse', {
      exchangeId: 'xch_run_a',
      body: Buffer.from(`data: {"type":"message_start","message":${JSON.stringify(answer)}}\n\n`),
    });
    await addRun('run_b', 2, {});
    const result = { type: 'tool_result', tool_use_id: 't', content: 'nutmeg missing' };
    void store.write('storeRequest', { exchangeId: 'xch_run_b', body: request([{ role: 'user', content: [result] }]) });
    await store.durable();
    await digestAll();
    for (const text of [
      'saffron',
      'SAFF',
      'cardamom saffron',
      '"behind the cardamom"',
      'paprika',
      'bash',
      'uberseekontor',
      'run_a',
    ])
      expect([text, await list({ text })]).toEqual([text, ['run_a']]);
    expect(await list({ text: 'nutmeg' })).toEqual(['run_b']);
    for (const text of ['affron', '"cardamom behind"', 'saffron nutmeg'])
      expect([text, await list({ text })]).toEqual([text, []]);
    for (const text of ['', '---', '"', '""']) expect([text, await list({ text })]).toEqual([text, ['run_b', 'run_a']]);
  });

  it('takes nothing that is searched for as a command', async () => {
    await addRun('run_a', 1, {});
    await digestAll();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 30 }), async (text) => {
        await list({ text: text.slice(0, 400) });
      }),
      {
        numRuns: 200,
        examples: [['" OR *'], ['NEAR(a b, 5)'], ['text : x'], ['^run'], ['a AND NOT'], ['x\0y'], ['-"']],
      },
    );
  });

  it('holds the text of a conversation once, however often it is sent', async () => {
    await addRun('run_a', 1, {});
    const turns: unknown[] = [];
    for (let turn = 0; turn < 70; turn += 1) {
      turns.push({ role: 'user', content: `turn number ${turn}: ${'word '.repeat(80)}` });
      const exchangeId = `xch_${String(turn).padStart(3, '0')}`;
      await store.write('admit', admitInput(exchangeId, { runId: 'run_a', at: NOON + 10 + turn })).committed;
      await store.write('storeRequest', { exchangeId, body: request(turns) }).committed;
      await store.write('settle', settleInput(exchangeId)).committed;
    }
    const texts: string[] = [];
    for (;;) {
      const digest = await store.reads.query('digest', { now: NOON + 3_600_000, limit: 16 });
      if (digest.exchanges.length + digest.runs.length === 0) break;
      texts.push(...digest.exchanges.map(({ text }) => text));
      await store.write('digest', { at: NOON, digest, artifactIds: [] }).committed;
    }
    const all = texts.join('\n');
    for (let turn = 0; turn < 70; turn += 1) expect(all.split(`turn number ${turn}:`)).toHaveLength(2);
  });

  it('goes on where it stopped, and waits for bodies that are still on their way', async () => {
    await addRun('run_a', 1, {});
    const early = await store.reads.query('digest', { now: NOON + 1, limit: 10 });
    expect([early.runs.length, early.exchanges.length]).toEqual([1, 0]);
    await store.write('digest', { at: NOON, digest: early, artifactIds: [] }).committed;
    await digestAll();
    expect(await store.reads.query('digest', { now: NOON + 3_600_000, limit: 10 })).toEqual({
      runs: [],
      exchanges: [],
    });
    await store.close();
    store = await home.open();
    expect(await list({ text: 'run_a' })).toEqual(['run_a']);
  });
});

it('forgets the texts of one run and no other', async () => {
  await addRun('run_a', 1, { labels: { goal: 'mint' } });
  await addRun('run_b', 2, { labels: { goal: 'mint' } });
  await digestAll();
  await store.close();
  const connection = new Database(home.path);
  while (dropTexts(writable(connection), { run_id: 'run_a' }));
  connection.close();
  store = await home.open();
  expect(await list({ text: 'mint' })).toEqual(['run_b']);
});

describe('what tools have made', () => {
  const propose = (callId: string, name: string, input: unknown) => ({
    callId,
    name,
    server: false,
    argsText: JSON.stringify(input),
  });

  /** One turn: the answer proposes `calls`, the next request brings `results`. Returns the run's artifacts. */
  async function artifactsOf(
    calls: readonly ReturnType<typeof propose>[],
    results: readonly Record<string, unknown>[],
  ) {
    await store.write('admit', admitInput('xch_1')).committed;
    const content = calls.map(({ callId, name, argsText }) => ({
      type: 'tool_use',
      id: callId,
      name,
      input: JSON.parse(argsText) as unknown,
    }));
    await store.write('storeResponse', { exchangeId: 'xch_1', body: Buffer.from(JSON.stringify({ content })) })
      .committed;
    await store.write('settle', settleInput('xch_1', { toolCalls: calls, responseContentType: 'application/json' }))
      .committed;
    const toolResults = results.map((result) => ({
      callId: String(result['tool_use_id']),
      isError: result['is_error'] === true,
    }));
    await store.write('admit', admitInput('xch_2', { toolResults })).committed;
    const blocks = results.map((result) => ({ type: 'tool_result', ...result }));
    await store.write('storeRequest', { exchangeId: 'xch_2', body: request([{ role: 'user', content: blocks }]) })
      .committed;
    await store.write('settle', settleInput('xch_2')).committed;
    await digestAll();
    return store.read.artifacts('run_1');
  }

  it('keeps a file that was written, whole and once, with the call it came from', async () => {
    const long = `# Plan\n${'x'.repeat(10_000)}`;
    const artifacts = await artifactsOf(
      [
        propose('t1', 'Write', { file_path: '/home/me/docs/plan.md', content: long }),
        propose('t2', 'write_file', { path: 'C:\\x\\plan.md', content: long }),
      ],
      [
        { tool_use_id: 't1', content: 'ok' },
        { tool_use_id: 't2', content: 'ok' },
      ],
    );
    expect(artifacts).toMatchObject([{ name: 'plan.md', content_type: 'text/markdown', bytes: long.length }]);
    expect(Buffer.from(store.read.artifactBody(artifacts[0]?.artifact_id ?? '') ?? []).toString()).toBe(long);
    const steps = store.read.steps('run_1', { limit: 50 });
    expect(steps.find(({ kind }) => kind === 'artifact')).toMatchObject({
      exchange_id: 'xch_2',
      summary: 'plan.md',
      cost_nano: null,
      detail: { captured_from: 'tool_result', call_id: 't1', tool: 'Write', sha256: artifacts[0]?.sha256 },
    });
    expect(store.read.audit({ afterSeq: 0, limit: 100 }).at(-1)).toMatchObject({
      kind: 'artifact.stored',
      channel: 'capture',
    });
  });

  it('keeps nothing of a write that failed, of an edit, or of another tool', async () => {
    const file = { file_path: 'a.txt', content: 'text' };
    const calls = [
      propose('t1', 'Write', file),
      propose('t2', 'Edit', { file_path: 'a', old_string: 'b', new_string: 'c' }),
      propose('t3', 'search', file),
    ];
    const results = [
      { tool_use_id: 't1', content: 'no', is_error: true },
      { tool_use_id: 't2', content: 'ok' },
      { tool_use_id: 't3', content: 'ok' },
    ];
    expect(await artifactsOf(calls, results)).toEqual([]);
  });

  it('keeps pictures that a tool answered with, if they are more than icons', async () => {
    const picture = (bytes: number) => ({
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: Buffer.alloc(bytes, 1).toString('base64') },
    });
    const artifacts = await artifactsOf(
      [propose('t1', 'browser/shot', {})],
      [
        {
          tool_use_id: 't1',
          content: [{ type: 'text', text: 'see' }, picture(5_000), picture(100), { ...picture(6_000) }],
        },
      ],
    );
    expect(artifacts.map(({ name, content_type, bytes }) => [name, content_type, bytes])).toEqual([
      ['shot-step-2.png', 'image/png', 5_000],
      ['shot-step-2-3.png', 'image/png', 6_000],
    ]);
  });
});

describe('a run as it is shown', () => {
  it('comes with its gates, grants, budgets and artifacts from one moment', async () => {
    await addRun('run_1', 1, { tool: 'Bash' });
    await store.write('openGate', openInput('gate_1')).committed;
    await store.write('decideGate', decision('gate_1', NOON + 5, { grant: grant('gate_1') })).committed;
    const view = await store.reads.query('runView', { runId: 'run_1', afterStep: 1, limit: 10, now: NOON });
    expect(view).toMatchObject({
      run: { run_id: 'run_1', gates: 1, spent_nano: 60 },
      steps: [
        { step: 2, kind: 'tool_call' },
        { step: 3, kind: 'gate', detail: { gate_state: 'approved' } },
      ],
      gates: [{ gate_id: 'gate_1', state: 'approved' }],
      grants: [{ grant_id: 'grant_1' }],
    });
    expect(view?.budgets.map(({ scope }) => scope)).toEqual(['run', 'agent', 'team']);
    expect(view?.exchanges).toHaveLength(1);
    expect(await store.reads.query('runView', { runId: 'run_9', afterStep: 0, limit: 10, now: NOON })).toBeNull();
  });

  it('streams: steps, exchanges and audit page by page, bodies piece by piece', async () => {
    const body = Buffer.alloc(2_500_000, 'abc');
    for (let n = 0; n < 1_100; n += 1) {
      void store.write('admit', admitInput(`xch_${n}`, { at: NOON + n }));
      void store.write('settle', settleInput(`xch_${n}`));
    }
    void store.write('storeResponse', { exchangeId: 'xch_0', body });
    await store.durable();
    const all = async <T>(items: AsyncIterable<T>): Promise<readonly T[]> => {
      const found: T[] = [];
      for await (const item of items) found.push(item);
      return found;
    };
    expect(await all(stepsOf(store.reads, 'run_1'))).toEqual(store.read.steps('run_1', { limit: 5_000 }));
    expect(await all(exchangesOf(store.reads, 'run_1'))).toEqual(store.read.exchanges('run_1'));
    expect(await all(auditOf(store.reads))).toEqual(store.read.audit({ afterSeq: 0, limit: 100_000 }));
    const pieces = await all(exchangeBytes(store.reads, 'xch_0', 'response'));
    expect(pieces).toHaveLength(3);
    expect(Buffer.concat(pieces).equals(body)).toBe(true);
    expect(await all(exchangeBytes(store.reads, 'xch_1', 'response'))).toEqual([]);
    expect(await all(artifactBytes(store.reads, 'art_9'))).toEqual([]);
  });

  it('reads any part of a body that is kept in pieces', async () => {
    const bodies = [1, 2, 3].map((turns) =>
      request(Array.from({ length: turns }, (_, n) => ({ role: 'user', content: `${n}`.repeat(400) }))),
    );
    for (const [n, body] of bodies.entries()) {
      await store.write('admit', admitInput(`xch_${n}`, { at: NOON + n })).committed;
      await store.write('storeRequest', { exchangeId: `xch_${n}`, body }).committed;
    }
    const whole = bodies[2] ?? Buffer.alloc(0);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length + 10), fc.integer({ min: 1, max: whole.length }), async (offset, limit) => {
        const part = await store.reads.query('exchangeBody', { exchangeId: 'xch_2', side: 'request', offset, limit });
        expect(part?.total).toBe(whole.length);
        expect(Buffer.from(part?.bytes ?? []).equals(whole.subarray(offset, offset + limit))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the reading thread', () => {
  it('sees every write that was committed before the question', async () => {
    for (let n = 0; n < 30; n += 1) {
      await addRun(`run_${n}`, n, {});
      expect(await store.reads.query('run', { runId: `run_${n}` })).toMatchObject({ spent_nano: 60 });
    }
  });

  it('answers a wrong question with an error and goes on', async () => {
    await expect(store.reads.query('steps', { runId: 'x', afterStep: {} as never, limit: 1 })).rejects.toThrow();
    expect(await store.reads.query('run', { runId: 'x' })).toBeNull();
  });

  it('lets go of what is asked when the store closes', async () => {
    const asked = store.reads.query('audit', { afterSeq: 0, limit: 1 });
    const outcome = asked.then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await store.close();
    expect(['answered', 'the store has been closed']).toContain(await outcome);
    await expect(store.reads.query('facets', {})).rejects.toThrow('closed');
  });
});

it('a run’s spend is the exact sum of its steps’ costs, whatever happened in it', async () => {
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom('completed', 'failed', 'refused', 'retry', 'open'),
      cost: fc.nat(1_000_000_007),
      tools: fc.nat(2),
    }),
    { maxLength: 12 },
  );
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(events, async (list) => {
      runs += 1;
      const runId = `run_p${runs}`;
      for (const [n, { kind, cost, tools }] of list.entries()) {
        const exchangeId = `xch_${runs}_${n}`;
        const input = admitInput(exchangeId, {
          runId,
          retryOf: kind === 'retry' && n > 0 ? `xch_${runs}_${n - 1}` : null,
          reserve: nanoUsd(cost),
        });
        if (kind === 'refused') {
          const { reserve: _, toolResults: __, ...facts } = input;
          void store.write('refuse', { ...facts, failure: 'policy_blocked', status: 403, context: {} });
          continue;
        }
        void store.write('admit', input);
        const toolCalls = Array.from({ length: tools }, (_, t) => ({
          callId: `${exchangeId}_${t}`,
          name: 'Bash',
          server: false,
          argsText: '{}',
        }));
        if (kind !== 'open')
          void store.write(
            'settle',
            settleInput(exchangeId, {
              cost: nanoUsd(cost),
              state: kind === 'failed' ? 'failed' : 'completed',
              toolCalls,
            }),
          );
      }
      await store.write('recover', { at: NOON + 5_000 }).committed;
      const view = await store.reads.query('runView', { runId, afterStep: 0, limit: 5_000, now: NOON });
      const sum = (view?.steps ?? []).reduce((total, { cost_nano }) => total + (cost_nano ?? 0), 0);
      expect(sum).toBe(view?.run.spent_nano ?? 0);
      expect(view?.exchanges.reduce((total, { cost_nano }) => total + (cost_nano ?? 0), 0) ?? 0).toBe(sum);
    }),
    { numRuns: 40 },
  );
});
