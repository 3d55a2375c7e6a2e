import { afterEach, expect, it } from 'vitest';
import { configuration } from '../../../proxy-core/config/schema.ts';
import { send } from '../../harness/agent-client.ts';
import { messageAnswer } from '../../harness/answers.ts';
import { CANARY, playEventfulRun } from '../../harness/eventful-run.ts';
import {
  type CollectedSpan,
  type Collector,
  startGrpcCollector,
  startHttpCollector,
} from '../../harness/otlp-collector.ts';
import { startTestRungate, type TestRungate } from '../../harness/rungate.ts';
import { startScriptedUpstream } from '../../harness/scripted-upstream.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

function keep<T extends { close(): Promise<void> }>(each: T): T {
  opened.push(each);
  return each;
}

const to = (collector: Collector, more: object = {}) =>
  configuration.parse({ otlp: { endpoint: collector.endpoint, ...more } });

async function startAgainst(collector: Collector): Promise<{ rungate: TestRungate; token: string }> {
  const upstream = keep(
    await startScriptedUpstream(
      (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(messageAnswer())),
    ),
  );
  const rungate = keep(await startTestRungate({ upstreamUrl: upstream.url, configuration: to(collector) }));
  return { rungate, token: await rungate.addAgent('bot') };
}

const ask = (rungate: TestRungate, token: string, headers: Readonly<Record<string, string>>) =>
  send(rungate.url, {
    path: '/v1/messages',
    token,
    headers,
    body: { model: 'claude-opus-4-8', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] },
  });

const isRoot = ({ name }: CollectedSpan): boolean => name.startsWith('invoke_agent');

it.each(['http/protobuf', 'grpc'] as const)(
  'tells an eventful run as one trace over %s, once each step',
  async (protocol) => {
    const collector = keep(await (protocol === 'grpc' ? startGrpcCollector() : startHttpCollector()));
    const run = keep(await playEventfulRun({ configuration: to(collector, { protocol }) }));
    const root = await collector.span(isRoot);
    const spans = collector.spans.filter(({ name }) => name !== 'rungate.audit_head');
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(spans.filter((span) => span !== root).every(({ parentSpanId }) => parentSpanId === root.spanId)).toBe(true);
    const { run: record } = await run.rungate.call('runs.show', { run_id: run.runId });
    expect(root.attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'refund-desk',
      'rungate.run_state': 'completed',
      'rungate.cost_usd': record.spent_nano / 1e9,
    });
    const calls = spans.filter(({ attributes }) => attributes['gen_ai.operation.name'] === 'chat');
    const cost = calls.reduce((sum, { attributes }) => sum + Number(attributes['rungate.cost_usd'] ?? 0), 0);
    expect(Math.round(cost * 1e9)).toBe(record.spent_nano);
    expect(
      calls.some(({ attributes, status }) => attributes['http.response.status_code'] === 529 && status.code === 2),
    ).toBe(true);
    const gates = spans.filter(({ attributes }) => attributes['rungate.gate_id'] !== undefined);
    expect(gates.map(({ attributes }) => attributes['rungate.gate_state'])).toEqual(['approved', 'rejected']);
    expect(gates[0]?.attributes).toMatchObject({
      'rungate.rule': 'refund:over-$500',
      'rungate.decided_by': 'operator',
    });
    expect(calls.find(({ attributes }) => attributes['error.type'] === 'budget_exceeded')?.status.code).toBe(2);
  },
);

it('sends no prompt, answer or argument unless it is told to', async () => {
  const collector = keep(await startHttpCollector());
  keep(await playEventfulRun({ configuration: to(collector) }));
  await collector.span(isRoot);
  const sent = JSON.stringify(collector.spans, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(sent).not.toContain('refund requests');
  expect(sent).not.toContain('ord_8812');
  expect(sent).not.toContain(CANARY);
});

it('sends what was said with secrets masked when it is told to, each message once', async () => {
  const collector = keep(await startHttpCollector());
  keep(await playEventfulRun({ configuration: to(collector, { content: true }) }));
  await collector.span(isRoot);
  const inputs = collector.spans.map(({ attributes }) => JSON.stringify(attributes['gen_ai.input.messages'] ?? ''));
  expect(inputs.filter((text) => text.includes('work through today’s refund requests'))).toHaveLength(1);
  const all = JSON.stringify(collector.spans, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(all).toContain('ord_8812');
  expect(all).toContain('[masked]');
  expect(all).not.toContain(CANARY);
});

it('joins the agent’s own trace when a call names it', async () => {
  const collector = keep(await startHttpCollector());
  const { rungate, token } = await startAgainst(collector);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const other = 'aaaa2f3577b34da6a3ce929d0e0e4736';
  const run = { 'x-rungate-run-id': 'joined' };
  await ask(rungate, token, { ...run, traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  await ask(rungate, token, { ...run, traceparent: `00-${trace}-11f067aa0ba902b7-01` });
  await ask(rungate, token, { ...run, traceparent: `00-${other}-22f067aa0ba902b7-01` });
  await ask(rungate, token, run);
  await send(rungate.url, { method: 'POST', path: '/v1/runs/joined/complete', token, body: {} });
  const root = await collector.span(isRoot);
  expect(root).toMatchObject({ traceId: trace, parentSpanId: '00f067aa0ba902b7' });
  const calls = collector.spans
    .filter(({ attributes }) => attributes['gen_ai.operation.name'] === 'chat')
    .sort((a, b) => Number(a.attributes['rungate.step']) - Number(b.attributes['rungate.step']));
  expect(calls.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual([
    [trace, '00f067aa0ba902b7'],
    [trace, '11f067aa0ba902b7'],
    [other, '22f067aa0ba902b7'],
    [trace, root.spanId],
  ]);
  expect(calls[2]?.links).toEqual([{ traceId: trace, spanId: root.spanId }]);
});

it('takes a broken traceparent for none', async () => {
  const collector = keep(await startHttpCollector());
  const { rungate, token } = await startAgainst(collector);
  const answer = await ask(rungate, token, { 'x-rungate-run-id': 'own', traceparent: '00-zz-zz-01' });
  expect(answer.status).toBe(200);
  const call = await collector.span(({ attributes }) => attributes['gen_ai.operation.name'] === 'chat');
  expect(call.parentSpanId).not.toBe('');
});

it('says how exporting goes, and holds up no call while the collector is away', async () => {
  const gone = await startHttpCollector();
  await gone.close();
  const { rungate, token } = await startAgainst(gone);
  expect((await ask(rungate, token, {})).status).toBe(200);
  await rungate.event('telemetry.changed');
  const status = await rungate.call('telemetry.status', {});
  expect(status).toMatchObject({ endpoint: gone.endpoint, protocol: 'http/protobuf', content: false, exported: 0 });
  expect(status.queued).toBeGreaterThan(0);
  expect(status.last_error).not.toBeNull();
});

it('sends the audit’s signed heads as well', async () => {
  const collector = keep(await startHttpCollector());
  const { rungate } = await startAgainst(collector);
  await rungate.close();
  opened.pop();
  const head = await collector.span(({ name }) => name === 'rungate.audit_head');
  expect(head.attributes).toMatchObject({
    'rungate.audit_seq': expect.any(Number),
    'rungate.audit_signature': expect.any(String),
  });
});

it('C7: sends no secret that stands where names do: the run’s, the model’s', async () => {
  const collector = keep(await startHttpCollector());
  const { rungate, token } = await startAgainst(collector);
  await ask(rungate, token, { 'x-rungate-run-id': CANARY });
  const body = { model: `claude-opus-4-8 ${CANARY}`, max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] };
  await send(rungate.url, { path: `/r/${CANARY}/v1/messages`, token, body });
  await rungate.call('runs.stop', { run_id: CANARY });
  await collector.span(isRoot);
  const sent = JSON.stringify(collector.spans, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(sent).toContain('[masked]');
  expect(sent).not.toContain(CANARY);
});

it('sends headers whose values are secrets, behind their scheme where one is named', async () => {
  const collector = keep(await startHttpCollector());
  const upstream = keep(
    await startScriptedUpstream(
      (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(messageAnswer())),
    ),
  );
  const headers = { authorization: 'Bearer env:COLLECTOR', 'x-tenant': 'env:TENANT' };
  const rungate = keep(
    await startTestRungate({
      upstreamUrl: upstream.url,
      configuration: to(collector, { headers }),
      resolveSecret: async (reference) => `secret of ${reference}`,
    }),
  );
  await ask(rungate, await rungate.addAgent('bot'), {});
  await collector.span(({ attributes }) => attributes['gen_ai.operation.name'] === 'chat');
  expect(collector.headers[0]).toMatchObject({
    authorization: 'Bearer secret of env:COLLECTOR',
    'x-tenant': 'secret of env:TENANT',
  });
});
