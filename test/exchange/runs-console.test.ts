import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OperationInput, OperationOutput } from '../../proxy-core/contract/operations.ts';
import type { StepRecord } from '../../proxy-core/contract/records.ts';
import { type AgentAnswer, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, chatAnswer, chatToolAnswer } from '../harness/answers.ts';
import { addRefundAgent, openRefundGate, refundCall } from '../harness/refunds.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** What the console is told of runs: lists, one run with its trace, its bodies, and that it has changed. */

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let token = '';
let agent = '';
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
});
beforeEach(async () => {
  upstream.script(answerAnything);
  agents += 1;
  agent = `console-${agents}`;
  token = await rungate.addAgent(agent);
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

interface Call {
  readonly model?: string;
  readonly messages?: readonly unknown[];
  readonly headers?: Readonly<Record<string, string>>;
}

const call = (runId: string, { model = 'gpt-4.1', messages, headers }: Call = {}): Promise<AgentAnswer> =>
  send(rungate.url, {
    path: '/v1/chat/completions',
    token,
    headers: { 'x-rungate-run-id': runId, ...headers },
    body: { model, messages: messages ?? [{ role: 'user', content: 'hello' }] },
  });
const show = (runId: string) => rungate.call('runs.show', { run_id: runId });
const idsOf = async (input: OperationInput<'runs.list'>): Promise<readonly string[]> =>
  (await rungate.call('runs.list', { agents: [agent], ...input })).runs.map(({ run_id }) => run_id);
const kindsOf = (steps: readonly StepRecord[]): readonly string[] => steps.map(({ kind }) => kind);

describe('runs.list', () => {
  it('filters by what runs used and cost, newest start first, with the total', async () => {
    await call(`${agent}-a`, { model: 'gpt-4.1', headers: { 'x-rungate-label-goal': 'water the orchids' } });
    upstream.script(answerJson(chatToolAnswer('call_list', 'search_web')));
    await call(`${agent}-b`, { model: 'gpt-5' });
    expect(await idsOf({})).toEqual([`${agent}-b`, `${agent}-a`]);
    expect(await idsOf({ models: ['gpt-5*'] })).toEqual([`${agent}-b`]);
    expect(await idsOf({ tools: ['search_web'] })).toEqual([`${agent}-b`]);
    expect(await idsOf({ cost_over_usd: 0.0003 })).toEqual([]);
    expect(await idsOf({ cost_over_usd: 0.0002999, policies: ['open'] })).toHaveLength(2);
    const page = await rungate.call('runs.list', { agents: [agent], limit: 1, offset: 1 });
    expect([page.total, page.runs.map(({ run_id }) => run_id)]).toEqual([2, [`${agent}-a`]]);
    const facets = await rungate.call('runs.facets', {});
    expect(facets.agents).toContain(agent);
    expect(facets).toMatchObject({ tools: ['search_web'], models: expect.arrayContaining(['gpt-4.1', 'gpt-5']) });
  });

  it('finds runs by what was said in them, soon after', async () => {
    const marked = rungate.event('run.changed', ({ body }) => 'run_id' in body && body.run_id === `${agent}-said`);
    await call(`${agent}-said`, { messages: [{ role: 'user', content: 'count the xylophones' }] });
    await marked;
    await expect.poll(() => idsOf({ text: 'xyloph' }), { timeout: 10_000 }).toEqual([`${agent}-said`]);
    expect(await idsOf({ text: 'xylophones "count the"' })).toEqual([`${agent}-said`]);
  });
});

describe('a paused run', () => {
  it('has its new calls refused with 503 until it is resumed, and others go on', async () => {
    const run = `${agent}-paused`;
    await call(run);
    expect((await rungate.call('runs.pause', { run_id: run })).run.paused).toBe(true);
    const before = upstream.received.length;
    const refused = await call(run);
    expect([refused.status, refused.refusal.code]).toEqual([503, 'operator_paused']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['x-rungate-run-id']).toBe(run);
    expect(upstream.received).toHaveLength(before);
    expect((await call(`${agent}-other`)).status).toBe(200);
    expect((await rungate.call('runs.resume', { run_id: run })).run.paused).toBe(false);
    expect((await call(run)).status).toBe(200);
    expect((await show(run)).run.exchanges).toBe(2);
  });

  it('is audited once for each change, and told', async () => {
    const run = `${agent}-audited`;
    await call(run);
    const seen = rungate.events.length;
    for (const name of ['runs.pause', 'runs.pause', 'runs.resume', 'runs.resume'] as const)
      await rungate.call(name, { run_id: run });
    const { records } = await rungate.call('runs.audit', { run_id: run });
    expect(records.map(({ kind }) => kind).filter((kind) => /paused|resumed/.test(kind))).toEqual([
      'run.paused',
      'run.resumed',
    ]);
    expect(records.at(-1)).toMatchObject({ actor: 'operator', channel: 'test' });
    await rungate.event(
      'run.changed',
      (event) => event.seq > seen && 'run_id' in event.body && event.body.run_id === run,
    );
    const after = records[1]?.seq ?? 0;
    const rest = await rungate.call('runs.audit', { run_id: run, after_seq: after });
    expect(rest.records).toEqual(records.slice(2));
  });

  it('keeps its gates waiting, and a reviewed answer goes out', async () => {
    const refunds = await addRefundAgent(rungate, `${agent}-refunds`);
    const gate = await openRefundGate(rungate, refunds);
    await rungate.call('runs.pause', { run_id: 'refund-run' });
    const ask = () => openCall(rungate.url, refundCall(refunds, { order: 'ord_1', amount_usd: 1240 })).answer;
    expect((await ask()).status).toBe(202);
    expect((await show('refund-run')).gates).toMatchObject([{ gate_id: gate, state: 'pending' }]);
    await rungate.call('gates.approve', { gate_id: gate });
    expect((await ask()).status).toBe(200);
    const other = await openCall(rungate.url, refundCall(refunds, { order: 'ord_2', amount_usd: 1 })).answer;
    expect(other.status).toBe(503);
  });

  it('cannot be one that has ended or does not exist', async () => {
    await call(`${agent}-ended`);
    await rungate.call('runs.stop', { run_id: `${agent}-ended` });
    expect(await rungate.tryCall('runs.pause', { run_id: `${agent}-ended` })).toMatchObject({
      failure: { code: 'run_ended' },
    });
    expect(await rungate.tryCall('runs.pause', { run_id: 'run_9' })).toMatchObject({ failure: { code: 'not_found' } });
  });

  it('stays paused over a restart', async () => {
    let second = await startTestRungate();
    const own = await second.addAgent('restarted');
    const ask = () =>
      send(second.url, {
        path: '/v1/chat/completions',
        token: own,
        headers: { 'x-rungate-run-id': 'r1' },
        body: { model: 'demo-model', messages: [{ role: 'user', content: 'hello' }] },
      });
    expect((await ask()).status).toBe(200);
    await second.call('runs.pause', { run_id: 'r1' });
    second = await second.restart();
    expect((await ask()).status).toBe(503);
    await second.call('runs.resume', { run_id: 'r1' });
    expect((await ask()).status).toBe(200);
    await second.close();
  });
});

describe('the trace', () => {
  it('pairs a tool’s result with its call and keeps what it said', async () => {
    const run = `${agent}-tools`;
    upstream.script(answerJson(chatToolAnswer('call_pair', 'search_web', '{"q":"orchids"}')));
    await call(run);
    upstream.script(answerAnything);
    const long = `found ${'x'.repeat(5_000)}`;
    await call(run, {
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'tool', tool_call_id: 'call_pair', content: long },
      ],
    });
    const { steps, run: shown } = await show(run);
    expect(kindsOf(steps)).toEqual(['model_call', 'tool_call', 'tool_result', 'model_call']);
    expect(steps[2]?.detail).toEqual({
      call_id: 'call_pair',
      is_error: false,
      proposed_step: 2,
      output: long.slice(0, 2_048),
      output_length: long.length,
    });
    expect(steps.reduce((sum, { cost_nano }) => sum + (cost_nano ?? 0), 0)).toBe(shown.spent_nano);
  });

  it('shows a retry with the exchange that it repeats', async () => {
    const run = `${agent}-retry`;
    upstream.script(answerJson({ error: { message: 'overloaded' } }, 503));
    await call(run);
    upstream.script(answerAnything);
    await call(run);
    const { steps, exchanges } = await show(run);
    expect(kindsOf(steps)).toEqual(['model_call', 'retry']);
    expect(steps[1]?.detail['retry_of']).toBe(exchanges[0]?.exchange_id);
  });

  it('says why the latest call was refused, until one passes', async () => {
    const run = `${agent}-refused`;
    await call(run);
    await call(run, { model: 'unpriced-x' });
    const refused = await call(run, { model: 'local-model' });
    expect(refused.status).toBe(403);
    expect((await show(run)).run.last_refusal).toBe('model_unpriced');
    await call(run);
    expect((await show(run)).run.last_refusal).toBeNull();
  });

  it('holds budget and policy alerts, those of a run’s first call too', async () => {
    const document = `policy: watched
budget: { run_usd: 0.02, alert_at: [0.01] }
rules:
  - { rule: watch-gpt, match: { model: gpt-4.1 }, action: alert, message: "A model to watch." }
`;
    await rungate.call('policies.apply', { document, file_name: 'watched.yaml', note: 'alerts' });
    token = await rungate.addAgent(`${agent}-watched`, { policy: 'watched' });
    const run = `${agent}-alerts`;
    await call(run, { messages: [{ role: 'user', content: 'h' }], headers: {} });
    await expect.poll(async () => kindsOf((await show(run)).steps).filter((kind) => kind === 'alert').length).toBe(2);
    const alerts = (await show(run)).steps.filter(({ kind }) => kind === 'alert');
    expect(alerts.find(({ detail }) => detail['rule'] === 'watch-gpt')).toBeDefined();
    expect(alerts.find(({ detail }) => detail['alert'] === 'budget')).toMatchObject({
      summary: expect.stringContaining('1 % of the cap of the run reached'),
      detail: { scope: 'run', threshold: 0.01, cap_nano: 20_000_000, spent_nano: 300_000 },
    });
  });

  it('keeps files that tools wrote as artifacts, readable in parts', async () => {
    const run = `${agent}-files`;
    const content = 'Grüße, 世界'.repeat(1_000);
    upstream.script(
      answerJson(chatToolAnswer('call_write', 'write_file', JSON.stringify({ path: 'notes/hello.md', content }))),
    );
    await call(run);
    upstream.script(answerAnything);
    await call(run, {
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'tool', tool_call_id: 'call_write', content: 'written' },
      ],
    });
    await expect.poll(async () => (await show(run)).artifacts.length, { timeout: 10_000 }).toBe(1);
    const [artifact] = (await show(run)).artifacts;
    expect(artifact).toMatchObject({
      name: 'hello.md',
      content_type: 'text/markdown',
      bytes: Buffer.byteLength(content),
    });
    let read = '';
    for (let offset: number | null = 0; offset !== null; ) {
      const part: OperationOutput<'artifacts.body'> = await rungate.call('artifacts.body', {
        artifact_id: artifact?.artifact_id ?? '',
        offset,
        limit: 1_001,
      });
      expect(part).toMatchObject({
        encoding: 'utf8',
        total_bytes: Buffer.byteLength(content),
        content_type: 'text/markdown',
      });
      read += part.content;
      offset = part.next_offset;
    }
    expect(read).toBe(content);
  });

  it('counts the time in which a person was waited for once, however many gates waited', async () => {
    const refunds = await addRefundAgent(rungate, `${agent}-wait`);
    const ask = (order: string) =>
      openCall(rungate.url, refundCall(refunds, { order, amount_usd: 900 }, `${agent}-wait`)).answer;
    await ask('a');
    rungate.advance(10_000);
    await ask('b');
    rungate.advance(5_000);
    const view = await show(`${agent}-wait`);
    expect(view.run).toMatchObject({ state: 'waiting', gates: 2 });
    expect(view.waited_ms).toBeGreaterThanOrEqual(15_000);
    expect(view.waited_ms).toBeLessThan(20_000);
    for (const { gate_id } of view.gates) await rungate.call('gates.reject', { gate_id });
    rungate.advance(60_000);
    expect((await show(`${agent}-wait`)).waited_ms).toBeLessThan(20_000);
  });
});

describe('what a call said', () => {
  it('is read as a conversation, and its bytes in parts', async () => {
    const answer = await call(`${agent}-body`, { messages: [{ role: 'user', content: 'häll😀' }] });
    const exchangeId = String(answer.headers['x-rungate-exchange-id']);
    const { conversation } = await rungate.call('exchanges.messages', { exchange_id: exchangeId });
    expect(conversation).toEqual({
      unreadable: false,
      messages: [
        { role: 'user', side: 'request', parts: [{ kind: 'text', text: 'häll😀', cut: 0 }] },
        { role: 'assistant', side: 'response', parts: [{ kind: 'text', text: 'hello', cut: 0 }] },
      ],
    });
    const whole = await rungate.call('exchanges.body', { exchange_id: exchangeId, side: 'request' });
    expect(whole).toMatchObject({ encoding: 'utf8', content_type: 'application/json', next_offset: null });
    expect(JSON.parse(whole.content)).toMatchObject({ messages: [{ content: 'häll😀' }] });
    let joined = '';
    for (let offset: number | null = 0; offset !== null; ) {
      const part: OperationOutput<'exchanges.body'> = await rungate.call('exchanges.body', {
        exchange_id: exchangeId,
        side: 'request',
        offset,
        limit: 5,
      });
      expect(part.encoding).toBe('utf8');
      joined += part.content;
      offset = part.next_offset;
    }
    expect(joined).toBe(whole.content);
    const response = await rungate.call('exchanges.body', { exchange_id: exchangeId, side: 'response' });
    expect(JSON.parse(response.content)).toEqual(chatAnswer());
  });

  it('is base64 where the part is no text, and nothing where nothing is stored', async () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x41]);
    await call(`${agent}-binary`);
    await send(rungate.url, { method: 'PUT', path: `/v1/runs/${agent}-binary/artifacts/x.bin`, token, body: bytes });
    const [artifact] = (await show(`${agent}-binary`)).artifacts;
    const id = { artifact_id: artifact?.artifact_id ?? '' };
    const part = await rungate.call('artifacts.body', { ...id, limit: 2 });
    expect(part).toMatchObject({
      encoding: 'base64',
      content: bytes.subarray(0, 2).toString('base64'),
      next_offset: 2,
    });
    expect(await rungate.call('artifacts.body', { ...id, offset: 3 })).toMatchObject({
      encoding: 'utf8',
      content: 'A',
      next_offset: null,
    });
    expect(await rungate.call('artifacts.body', { ...id, offset: 99 })).toMatchObject({
      content: '',
      next_offset: null,
    });
    expect(await rungate.tryCall('artifacts.body', { artifact_id: 'art_9' })).toMatchObject({
      failure: { code: 'not_found' },
    });
    expect(await rungate.tryCall('exchanges.messages', { exchange_id: 'xch_9' })).toMatchObject({
      failure: { code: 'not_found' },
    });
    expect(await rungate.tryCall('exchanges.body', { exchange_id: 'xch_9', side: 'request' })).toMatchObject({
      failure: { code: 'not_found' },
    });
  });

  it('of a stream is put together', async () => {
    upstream.script(answerAnything);
    const answer = await send(rungate.url, {
      path: '/v1/messages',
      token,
      body: { model: 'claude-opus-4-8', stream: true, max_tokens: 9, messages: [{ role: 'user', content: 'hello' }] },
    });
    const exchangeId = String(answer.headers['x-rungate-exchange-id']);
    const { conversation } = await rungate.call('exchanges.messages', { exchange_id: exchangeId });
    expect(conversation.messages.map(({ role, side }) => [role, side])).toEqual([
      ['user', 'request'],
      ['assistant', 'response'],
    ]);
  });
});

describe('run.changed', () => {
  const changesOf = (runId: string): number =>
    rungate.events.filter(({ name, body }) => name === 'run.changed' && 'run_id' in body && body.run_id === runId)
      .length;

  it('comes at once, then at most about four times a second, and never leaves out the last change', async () => {
    const run = `${agent}-busy`;
    const begun = performance.now();
    for (let n = 0; n < 30; n += 1) await call(run);
    const seconds = (performance.now() - begun) / 1_000;
    expect(changesOf(run)).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        const last = rungate.events.findLast(
          ({ name, body }) => name === 'run.changed' && 'run_id' in body && body.run_id === run,
        );
        return (await show(run)).run.last_activity_at <= (last?.at ?? 0);
      })
      .toBe(true);
    expect(changesOf(run)).toBeLessThanOrEqual(Math.ceil((seconds + 1) * 4) + 1);
  });
});
