import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, chatAnswer, messageAnswer, recording, SMALL_COST } from '../harness/answers.ts';
import { startTestRungate, TEST_PRICES, type TestRungate } from '../harness/rungate.ts';
import {
  answerJson,
  answerStream,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts';

/** Budget windows are local: the half hour makes a zone that is mistaken for UTC visible. */
process.env['TZ'] = 'Asia/Kolkata';

const SECOND = 1_000;
/** About 35 input tokens by its bytes and 20 output tokens: reserves less than the $0.0003 that `chatAnswer` costs. */
const ASK = { model: 'gpt-4.1', max_tokens: 20, messages: [{ role: 'user', content: 'hello' }] };
const FREE = { 'local-free': { input_per_mtok: 0, output_per_mtok: 0 } };

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let agent = '';
let token = '';
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url, prices: { ...TEST_PRICES, ...FREE } });
});
beforeEach(async () => {
  upstream.script(answerAnything);
  agents += 1;
  agent = `money-${agents}`;
  token = await rungate.addAgent(agent);
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

interface Call {
  readonly run?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly path?: string;
}

const agentCall = (options: Call = {}) => ({
  path: options.path ?? '/v1/chat/completions',
  token: options.token ?? token,
  headers: { ...(options.run === undefined ? {} : { 'x-rungate-run-id': options.run }), ...options.headers },
  body: options.body ?? ASK,
});
const call = (options: Call = {}): Promise<AgentAnswer> => send(rungate.url, agentCall(options));
const shown = (runId: string) => rungate.call('runs.show', { run_id: runId });
const runOf = (answer: AgentAnswer): string => String(answer.headers['x-rungate-run-id']);
/** The only exchange of a run, once it has settled. */
async function settled(runId: string) {
  const states = async () => (await shown(runId)).exchanges.map(({ state }) => state);
  await expect.poll(states, { timeout: 20_000 }).not.toContain('open');
  const { exchanges, run } = await shown(runId);
  const [exchange] = exchanges;
  if (exchange === undefined) throw new Error('no exchange');
  expect(run.spent_nano).toBe(exchanges.reduce((sum, { cost_nano }) => sum + (cost_nano ?? 0), 0));
  expect(run.reserved_nano).toBe(0);
  return exchange;
}

describe('parallel calls against a cap with room for three', () => {
  /** Costs what was reserved for it, within a percent. */
  const asked = { ...ASK, max_tokens: 100 };
  const answer = { ...chatAnswer(), usage: { prompt_tokens: 36, completion_tokens: 100, total_tokens: 136 } };
  const cap = 0.0033;

  const outcome = (answers: readonly AgentAnswer[]) => ({
    passed: answers.filter(({ status }) => status === 200).length,
    refused: answers.filter(({ status }) => status === 402).length,
  });

  it.each([30, 64])('let exactly three of %i through in one run', async (count) => {
    upstream.script(answerJson(answer));
    const before = upstream.received.length;
    const run = `${agent}-parallel`;
    const headers = { 'x-rungate-budget-usd': String(cap) };
    const answers = await Promise.all(Array.from({ length: count }, () => call({ run, headers, body: asked })));
    expect(outcome(answers)).toEqual({ passed: 3, refused: count - 3 });
    expect(upstream.received.length - before).toBe(3);
    expect((await shown(run)).run).toMatchObject({ spent_nano: 3 * 1_036_000, reserved_nano: 0, exchanges: count });
  });

  it.each(['agent', 'team'] as const)(
    'let exactly three of 30 through over as many runs under the cap of the %s',
    async (scope) => {
      upstream.script(answerJson(answer));
      const team = `team-${agent}`;
      const tokens = await Promise.all(['x', 'y'].map((name) => rungate.addAgent(`${agent}-${name}`, { team })));
      const name = scope === 'team' ? team : agent;
      await rungate.call('budgets.set', { scope, name, usd: cap, window: 'day' });
      const callers = scope === 'team' ? tokens : [token];
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          call({ run: `${agent}-${index}`, body: asked, token: callers[index % callers.length] ?? token }),
        ),
      );
      expect(outcome(answers)).toEqual({ passed: 3, refused: 27 });
      const refused = answers.find(({ status }) => status === 402);
      expect(refused?.refusal.context).toMatchObject({ scope, cap_usd: cap });
      const { budgets } = await rungate.call('budgets.list', {});
      const budget = budgets.find((each) => each.scope === scope && each.name === name);
      expect(budget).toMatchObject({ spent_nano: 3 * 1_036_000, reserved_nano: 0 });
    },
  );

  it('never hold more than the cap while all three are still waiting for their answers', async () => {
    const release = Promise.withResolvers<void>();
    upstream.script(async (request, response) => {
      await release.promise;
      await answerJson(answer)(request, response);
    });
    const before = upstream.received.length;
    const run = `${agent}-waiting`;
    const headers = { 'x-rungate-budget-usd': String(cap) };
    const calls = Array.from({ length: 30 }, () => call({ run, headers, body: asked }));
    const early: number[] = [];
    await new Promise<void>((resolve) => {
      for (const each of calls) {
        void each.then(({ status }) => {
          if (early.push(status) === 27) resolve();
        });
      }
    });
    expect(new Set(early)).toEqual(new Set([402]));
    await upstream.request(before + 3);
    expect((await shown(run)).run.reserved_nano).toBeLessThanOrEqual(cap * 1e9);
    release.resolve();
    expect(outcome(await Promise.all(calls))).toEqual({ passed: 3, refused: 27 });
  });
});

describe('a cap that is crossed', () => {
  it('names the step that crossed it, every cap of the call and the way back', async () => {
    const run = `${agent}-crossed`;
    const headers = { 'x-rungate-budget-usd': '0.0003' };
    expect((await call({ run, headers })).headers['x-rungate-budget-remaining-usd']).toBe('0');
    const before = upstream.received.length;
    const answer = await call({ run });
    expect(upstream.received.length).toBe(before);
    expect(answer.status).toBe(402);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(answer.refusal).toMatchObject({ code: 'budget_exceeded', type: 'insufficient_quota' });
    expect(answer.refusal.context).toMatchObject({
      run_id: run,
      scope: 'run',
      cap_usd: 0.0003,
      spent_usd: 0.0003,
      reserved_usd: 0,
      remaining_usd: 0,
      step_that_crossed: 1,
      resets_at: null,
      caps: [
        { scope: 'run', cap_usd: 0.0003, window: 'total' },
        { scope: 'agent', name: agent, cap_usd: 20, window: 'day' },
      ],
    });
    expect(answer.refusal.context['recover']).toContain('rungate budgets set --run');
    const event = await rungate.event('budget.exceeded', ({ body }) => 'run_id' in body && body.run_id === run);
    expect(event.body).toMatchObject({ scope: 'run', step_that_crossed: 1, spent_nano: SMALL_COST });
    const { exchanges, steps } = await shown(run);
    expect(exchanges[1]).toMatchObject({ state: 'refused', status: 402, failure: 'budget_exceeded', cost_nano: null });
    expect(steps.map(({ kind }) => kind)).toEqual(['model_call', 'alert', 'refusal']);
    expect(steps[2]).toMatchObject({ kind: 'refusal', summary: 'budget_exceeded' });
  });

  it('names the call’s own step when only its reservation does not fit', async () => {
    const run = `${agent}-too-large`;
    await call({ run, headers: { 'x-rungate-budget-usd': '0.001' } });
    const answer = await call({ run, body: { ...ASK, max_tokens: 10_000 } });
    expect(answer.refusal.context).toMatchObject({ spent_usd: 0.0003, remaining_usd: 0.0007, step_that_crossed: 2 });
  });

  it('lets the same request pass once it is raised or reset', async () => {
    const run = `${agent}-raised`;
    await call({ run, headers: { 'x-rungate-budget-usd': '0.0003' } });
    expect((await call({ run })).status).toBe(402);
    await rungate.call('budgets.set', { scope: 'run', name: run, usd: 0.0006 });
    expect((await call({ run })).status).toBe(200);
    expect((await call({ run })).status).toBe(402);
    await rungate.call('budgets.reset', { scope: 'run', name: run });
    expect((await call({ run })).status).toBe(200);
    const { exchanges, run: record } = await shown(run);
    expect(exchanges.map(({ status }) => status)).toEqual([200, 402, 200, 402, 200]);
    // Each time the refused request came again it was the same request.
    expect(exchanges.map(({ retry_of }) => retry_of !== null)).toEqual([false, false, true, false, true]);
    expect(record.spent_nano).toBe(3 * SMALL_COST);
  });

  it('still lets calls through that cost nothing', async () => {
    const run = `${agent}-free`;
    await call({ run, headers: { 'x-rungate-budget-usd': '0.0003' } });
    expect((await call({ run })).status).toBe(402);
    const free = await call({ run, body: { ...ASK, model: 'local-free' } });
    expect(free.status).toBe(200);
    expect(free.headers['x-rungate-cost-usd']).toBe('0');
    const counted = await call({
      run,
      path: '/v1/messages/count_tokens',
      body: { model: 'claude-opus-4-8', messages: ASK.messages },
    });
    expect(counted.status).toBe(200);
  });

  it('alerts once at 80 per cent', async () => {
    const run = `${agent}-alert`;
    const headers = { 'x-rungate-budget-usd': '0.0015' };
    const alerts = () =>
      rungate.events.filter(({ name, body }) => name === 'budget.alert' && 'subject' in body && body.subject === run);
    for (let count = 0; count < 3; count += 1) await call({ run, headers });
    expect(alerts()).toEqual([]);
    await call({ run });
    expect(alerts()).toMatchObject([
      { body: { scope: 'run', threshold: 0.8, spent_nano: 1_200_000, cap_nano: 1_500_000 } },
    ]);
    expect((await call({ run })).status).toBe(200);
    expect(alerts()).toHaveLength(1);
  });
});

describe('caps of an agent', () => {
  it('are four run caps a day unless told otherwise, whatever the number of runs', async () => {
    const small = await rungate.addAgent(`${agent}-small`, { budget_usd: 0.001 });
    const statuses: number[] = [];
    let last: AgentAnswer | null = null;
    for (let count = 0; count < 15; count += 1) {
      last = await call({ token: small, run: `${agent}-small-${Math.floor(count / 3)}` });
      statuses.push(last.status);
    }
    // Three calls fit under each run's cap; the fourteenth does not fit under the day's.
    expect(statuses).toEqual([...Array.from({ length: 13 }, () => 200), 402, 402]);
    expect(last?.refusal.context).toMatchObject({ scope: 'agent', cap_usd: 0.004, spent_usd: 0.0039 });
  });

  it('return at local midnight, not before', async () => {
    await rungate.call('budgets.set', { scope: 'agent', name: agent, usd: 0.0003, window: 'day' });
    expect((await call()).status).toBe(200);
    const refused = await call();
    const resetsAt = Date.parse(String(refused.refusal.context['resets_at']));
    const midnight = new Date(rungate.now());
    midnight.setHours(24, 0, 0, 0);
    expect(resetsAt).toBe(midnight.getTime());
    expect(midnight.getUTCHours()).toBe(18);
    rungate.advance(resetsAt - rungate.now() - 30 * SECOND);
    expect((await call()).status).toBe(402);
    rungate.advance(30 * SECOND);
    const again = await call();
    expect(again.status).toBe(200);
    expect(again.headers['x-rungate-budget-remaining-usd']).toBe('0');
  });

  it('over all time never return by themselves', async () => {
    await rungate.call('budgets.set', { scope: 'agent', name: agent, usd: 0.0003, window: 'total' });
    await call();
    rungate.advance(40 * 24 * 3_600 * SECOND);
    const refused = await call({ run: `${agent}-later` });
    expect(refused.status).toBe(402);
    expect(refused.refusal.context['resets_at']).toBeNull();
  });
});

describe('x-rungate-budget-usd', () => {
  it('lowers the cap at the start of a run and can neither raise it nor change it later', async () => {
    const capOf = async (run: string, asked: string) => {
      await call({ run, headers: { 'x-rungate-budget-usd': asked } });
      return (await shown(run)).run.cap_nano;
    };
    expect(await capOf(`${agent}-low`, '1.5')).toBe(1_500_000_000);
    expect(await capOf(`${agent}-low`, '0.5')).toBe(1_500_000_000);
    expect(await capOf(`${agent}-high`, '500')).toBe(5_000_000_000);
  });

  it.each(['-1', 'much', '1e3', '1.0000000001', '$5', '0x10'])('is refused as %j', async (value) => {
    const answer = await call({ headers: { 'x-rungate-budget-usd': value } });
    expect([answer.status, answer.refusal.code]).toEqual([400, 'invalid_request']);
  });
});

describe('a model without a price', () => {
  it('is refused under a budget before anything is forwarded', async () => {
    const before = upstream.received.length;
    const answer = await call({ body: { ...ASK, model: 'local-unpriced' } });
    expect([answer.status, answer.refusal.code]).toEqual([403, 'model_unpriced']);
    expect(answer.refusal.context).toMatchObject({ model: 'local-unpriced', rule: 'budget:on_unpriced' });
    expect(upstream.received.length).toBe(before);
    expect((await shown(runOf(answer))).run.spent_nano).toBe(0);
  });
});

describe('an answer without usage', () => {
  it.each([
    ['a stream', { ...ASK, stream: true }, answerStream([recording('chat.parallel-tools')])],
    ['a JSON answer', ASK, answerJson({ ...chatAnswer(), usage: undefined })],
  ])('as %s is charged its reservation and marked as estimated', async (_what, body, script) => {
    upstream.script(script);
    const answer = await call({ body });
    expect(answer.status).toBe(200);
    expect(answer.ended).toBe(true);
    const exchange = await settled(runOf(answer));
    expect(exchange).toMatchObject({
      state: 'completed',
      estimated: true,
      usage: null,
      cost_nano: exchange.reserved_nano,
    });
    expect(exchange.reserved_nano).toBeGreaterThan(200_000);
  });
});

describe('an agent that hangs up in the middle of a stream', () => {
  const stream = recording('chat.text').toString();
  const half = stream.indexOf('" world"');

  it('is charged by the usage that the provider still sends', async () => {
    const gone = Promise.withResolvers<void>();
    upstream.script(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(stream.slice(0, half));
      await gone.promise;
      response.end(stream.slice(half));
    });
    const run = `${agent}-gone`;
    const open = openCall(rungate.url, agentCall({ run, body: { ...ASK, stream: true } }));
    await open.until('Grüße');
    open.request.once('close', gone.resolve);
    open.leave();
    expect(await settled(run)).toMatchObject({ estimated: false, cost_nano: 242_400 });
  });

  it('is charged the reservation when the provider takes longer or sends more than is waited for', async () => {
    const limits = { drainMs: 100, drainBytes: 4_096 };
    const own = await startTestRungate({ upstreamUrl: upstream.url, limits });
    const first = rungate;
    rungate = own;
    try {
      token = await own.addAgent(agent);
      for (const flood of [false, true]) {
        const run = `${agent}-${flood ? 'flood' : 'silence'}`;
        const gone = Promise.withResolvers<void>();
        upstream.script(async (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(stream.slice(0, half));
          await gone.promise;
          if (flood) response.write(`: ${'x'.repeat(100_000)}\n\n`);
        });
        const open = openCall(own.url, agentCall({ run, body: { ...ASK, stream: true } }));
        await open.until('Grüße');
        open.request.once('close', gone.resolve);
        open.leave();
        const exchange = await settled(run);
        expect(exchange).toMatchObject({ state: 'aborted', failure: 'aborted_by_agent', estimated: true });
        expect(exchange.cost_nano).toBe(exchange.reserved_nano);
        await upstream.received.at(-1)?.closed;
      }
    } finally {
      await own.close();
      rungate = first;
    }
  });

  it('before the first byte is charged by the usage of the answer that comes all the same', async () => {
    const gone = Promise.withResolvers<void>();
    upstream.script(async (request, response) => {
      await gone.promise;
      await answerJson(chatAnswer())(request, response);
    });
    const before = upstream.received.length;
    const run = `${agent}-early`;
    const open = openCall(rungate.url, agentCall({ run }));
    open.head.catch(() => undefined);
    await upstream.request(before + 1);
    open.request.once('close', gone.resolve);
    open.leave();
    expect(await settled(run)).toMatchObject({ estimated: false, cost_nano: SMALL_COST });
  });
});

describe('a provider that fails', () => {
  it.each([400, 401, 404, 409, 429, 500, 503, 529])(
    'with status %i costs nothing and is passed on as it is',
    async (status) => {
      const body = { error: { message: `no ${status}`, type: 'x', code: null }, extra: [1, 2] };
      upstream.script((_request, response) => {
        response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '9', 'x-request-id': 'req_9' });
        response.end(JSON.stringify(body));
      });
      const answer = await call({ headers: { 'x-rungate-new-run': 'true' } });
      expect(answer.status).toBe(status);
      expect(answer.text).toBe(JSON.stringify(body));
      expect(answer.headers).toMatchObject({ 'retry-after': '9', 'x-request-id': 'req_9', 'x-rungate-cost-usd': '0' });
      expect(await settled(runOf(answer))).toMatchObject({ state: 'failed', status, cost_nano: 0, estimated: false });
    },
  );

  it('that cannot be reached costs nothing', async () => {
    const nobody = await startScriptedUpstream(answerAnything);
    await nobody.close();
    const own = await startTestRungate({ upstreamUrl: nobody.url });
    const first = rungate;
    rungate = own;
    try {
      const answer = await call({ token: await own.addAgent('lonely') });
      expect([answer.status, answer.refusal.code]).toEqual([502, 'upstream_unreachable']);
      expect(answer.headers['retry-after']).toBe('5');
      expect(await settled(runOf(answer))).toMatchObject({ state: 'failed', cost_nano: 0, estimated: false });
    } finally {
      await own.close();
      rungate = first;
    }
  });

  const frames = recording('chat.text')
    .toString()
    .split(/(?<=\n\n)/);

  it('by cutting a stream between two events is charged, says so in the stream, and cuts the agent’s socket', async () => {
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(frames.slice(0, 2).join(''), () => response.destroy());
    });
    const answer = await call({ body: { ...ASK, stream: true } });
    expect(answer.status).toBe(200);
    expect(answer.ended).toBe(false);
    expect(answer.text.startsWith(frames.slice(0, 2).join(''))).toBe(true);
    const word = answer.text.slice(frames.slice(0, 2).join('').length);
    expect(word).toMatch(/^data: \{.*"code":"upstream_unreachable".*\}\n\n$/);
    const exchange = await settled(runOf(answer));
    expect(exchange).toMatchObject({ state: 'failed', estimated: true, cost_nano: exchange.reserved_nano });
  });

  it('by cutting a stream inside an event leaves nothing behind it that could garble what came', async () => {
    const part = Buffer.from(frames.join('')).subarray(0, 700);
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(part, () => response.destroy());
    });
    const answer = await call({ body: { ...ASK, stream: true, stream_options: { include_usage: true } } });
    expect(answer.ended).toBe(false);
    expect(answer.body.equals(part)).toBe(true);
  });

  it('by ending a stream without its terminal event is not taken for a complete answer either', async () => {
    upstream.script(answerStream([frames.slice(0, 2).join('')]));
    const answer = await call({ body: { ...ASK, stream: true } });
    expect(answer.ended).toBe(false);
    expect(await settled(runOf(answer))).toMatchObject({ state: 'failed', estimated: true });
  });

  it('by cutting a JSON answer is charged and gives the agent a refusal, no half document', async () => {
    const json = JSON.stringify(messageAnswer());
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(json.length) });
      response.write(json.slice(0, 50), () => response.destroy());
    });
    const body = { model: 'claude-opus-4-8', max_tokens: 20, messages: ASK.messages };
    const answer = await call({ path: '/v1/messages', body });
    expect([answer.status, answer.refusal.code, answer.ended]).toEqual([502, 'upstream_unreachable', true]);
    const exchange = await settled(runOf(answer));
    expect(exchange).toMatchObject({ state: 'failed', estimated: true, cost_nano: exchange.reserved_nano });
  });
});
