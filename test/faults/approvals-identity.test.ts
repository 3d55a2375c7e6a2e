import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  callOf,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  settled,
  startGateBench,
  waitingOf,
} from '../exchange/gates/gate-bench.ts';
import { answering, FORMATS, framesOf, jsonOf, REFUND } from '../exchange/gates/provider-answers.ts';
import { type AgentCall, openCall } from '../harness/agent-client.ts';
import { SMALL_COST } from '../harness/answers.ts';

/** Faults E5 and E6: which request is the same request, and what it gets however often it comes. */

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
afterAll(() => bench.close());

type Body = Record<string, unknown>;

describe.each(FORMATS)('E5 a %s request whose gate waits', (format) => {
  async function waiting() {
    const caller = await bench.caller({ delivery: 'retry' });
    const call = callOf(caller, format);
    const { gate_id: gateId } = waitingOf(await openCall(bench.rungate.url, call).answer);
    const gateOf = async (changed: AgentCall): Promise<string> =>
      waitingOf(await openCall(bench.rungate.url, changed).answer).gate_id;
    return { caller, call, body: call.body as Body, gateId, gateOf };
  }

  const listKey = format === 'responses' ? 'input' : 'messages';

  it.each([
    ['an argument', (body: Body) => ({ ...body, temperature: 0.5 })],
    ['the model', (body: Body) => ({ ...body, model: format === 'messages' ? 'claude-haiku-4-5' : 'gpt-5.5-mini' })],
    ['a message', (body: Body) => ({ ...body, [listKey]: [{ role: 'user', content: 'pay ord_1 back!' }] })],
    [
      'one more message',
      (body: Body) => ({ ...body, [listKey]: [...(body[listKey] as object[]), { role: 'user', content: 'now' }] }),
    ],
    ['a tool', (body: Body) => ({ ...body, tools: (body['tools'] as object[]).slice(0, 1) })],
    ['a number’s last digit', (body: Body) => ({ ...body, metadata: { n: '9007199254740993' } })],
  ])('is another request with another %s', async (_, change) => {
    const { call, body, gateId, gateOf } = await waiting();
    expect(await gateOf({ ...call, body: change(body) })).not.toBe(gateId);
  });

  it('is another request for numbers that only their text tells apart', async () => {
    const { call, body, gateOf } = await waiting();
    const withNumber = (text: string): AgentCall => ({
      ...call,
      body: JSON.stringify({ ...body, seed: 0 }).replace('"seed":0', `"seed":${text}`),
    });
    const first = await gateOf(withNumber('9007199254740993'));
    expect(await gateOf(withNumber('9007199254740992'))).not.toBe(first);
    expect(await gateOf(withNumber('9007199254740993'))).toBe(first);
  });

  it('is another request from another agent or in another run', async () => {
    const { caller, call, gateId, gateOf } = await waiting();
    const other = await bench.caller({ delivery: 'retry' });
    expect(await gateOf({ ...call, token: other.token, headers: { 'x-rungate-run-id': other.runId } })).not.toBe(
      gateId,
    );
    expect(await gateOf({ ...call, headers: { ...call.headers, 'x-rungate-run-id': `${caller.runId}-b` } })).not.toBe(
      gateId,
    );
  });

  it('is the same request with other headers, key order, spaces, stream setting and path spelling', async () => {
    const { call, body, gateId, gateOf } = await waiting();
    const calls = bench.forwarded();
    const turned = Object.fromEntries(Object.entries(body).reverse());
    const same: readonly AgentCall[] = [
      {
        ...call,
        headers: { ...call.headers, 'x-stainless-retry-count': '3', traceparent: '00-a-b-01', 'user-agent': 'curl/9' },
      },
      { ...call, body: JSON.stringify(turned, null, 2) },
      { ...call, body: { ...body, stream: true, stream_options: { include_usage: true } } },
      { ...call, body: { ...body, stream: false } },
      { ...call, path: `/v1${call.path}` },
      { ...call, path: call.path.replace('/v1', '') },
      { ...call, path: `${call.path}?beta=true` },
    ];
    for (const [index, one] of same.entries()) {
      const headers = { ...one.headers, 'x-rungate-gate': 'retry' };
      expect(await gateOf({ ...one, headers }), String(index)).toBe(gateId);
    }
    expect(calls()).toBe(0);
  });
});

describe.each(FORMATS)('E6 a hundred retries of an approved %s request', (format) => {
  it.each([false, true])(
    'get the reviewed bytes, with no call and no charge, whatever the provider says now (stream: %s)',
    async (stream) => {
      const caller = await bench.caller({ delivery: 'retry' });
      const { gate_id: gateId } = waitingOf(await ask(bench, caller, format, { stream }));
      bench.upstream.script(answering({ text: 'I never said that.', calls: [], id: 'other' }));
      await decideAs(bench, 'approve', gateId);
      const calls = bench.forwarded();
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask(bench, caller, format, { stream })));
      const expected = stream ? framesOf(format, PROPOSAL).join('') : JSON.stringify(jsonOf(format, PROPOSAL));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set([`200 ${expected}`]));
      expect(calls()).toBe(0);
      const { run, exchanges } = await bench.rungate.call('runs.show', { run_id: caller.runId });
      expect(run).toMatchObject({ spent_nano: SMALL_COST, reserved_nano: 0, exchanges: 1 });
      expect(exchanges).toHaveLength(1);
    },
  );
});

describe('the same request several times at once', () => {
  const COUNT = 5;
  /** All of them are with the provider before any is answered, each with an answer of its own. */
  function together(): void {
    const all = Promise.withResolvers<void>();
    let asked = 0;
    const script = (n: number) => answering({ ...PROPOSAL, id: `answer-${n}` });
    bench.upstream.script(async (request, response) => {
      asked += 1;
      const mine = asked;
      if (asked === COUNT) all.resolve();
      await all.promise;
      await script(mine)(request, response);
    });
  }

  it.each([false, true])(
    'joins the first gate; every answer is charged, only the first is ever released (stream: %s)',
    async (stream) => {
      together();
      const caller = await bench.caller({ delivery: 'retry' });
      const answers = await Promise.all(Array.from({ length: COUNT }, () => ask(bench, caller, 'chat', { stream })));
      expect(new Set(answers.map((answer) => waitingOf(answer).gate_id)).size).toBe(1);
      expect(await bench.gates(caller)).toHaveLength(1);
      expect(await bench.run(caller)).toMatchObject({ spent_nano: COUNT * SMALL_COST, reserved_nano: 0 });
      await decideAs(bench, 'approve', (await bench.gates(caller))[0]?.gate_id ?? '');
      const released = await Promise.all(Array.from({ length: COUNT }, () => ask(bench, caller, 'chat', { stream })));
      expect(new Set(released.map(({ text }) => text)).size).toBe(1);
      expect(released[0]?.text).toContain('call_refund');
      expect((await bench.run(caller)).spent_nano).toBe(COUNT * SMALL_COST);
    },
  );

  it('and held, all get the one answer that was approved', async () => {
    together();
    const caller = await bench.caller({ delivery: 'hold' });
    const calls = Array.from({ length: COUNT }, () => open(bench, caller, 'chat'));
    const gate = await bench.opened(caller);
    await settled(async () => (await bench.run(caller)).spent_nano === COUNT * SMALL_COST);
    await decideAs(bench, 'approve', gate.gate_id);
    const texts = await Promise.all(calls.map(async ({ answer }) => (await answer).text));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain(REFUND.id);
    expect(await bench.gates(caller)).toHaveLength(1);
  });

  it('streamed and held: the first is released behind its note, the others are cut or get the same call', async () => {
    together();
    const caller = await bench.caller({ delivery: 'hold' });
    const calls = Array.from({ length: COUNT }, () => open(bench, caller, 'messages', { stream: true }));
    const gate = await bench.opened(caller);
    await settled(async () => (await bench.run(caller)).spent_nano === COUNT * SMALL_COST);
    await decideAs(bench, 'approve', gate.gate_id);
    const answers = await Promise.all(calls.map(({ answer }) => answer));
    const whole = answers.filter(({ ended }) => ended);
    expect(whole.length).toBeGreaterThanOrEqual(1);
    for (const { text } of answers) expect(text.split('"type":"tool_use"').length).toBeLessThanOrEqual(2);
    for (const { text } of answers.filter(({ ended }) => !ended)) expect(text).not.toContain('call_refund');
    expect(new Set(whole.map(({ text }) => /"id":"(msg_answer-\d)"/.exec(text)?.[1])).size).toBe(1);
  });
});
