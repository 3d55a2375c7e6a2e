import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCall, send } from '../harness/agent-client.ts';
import { answerAnything, recording } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Where an answer ends, and how large it may be where nothing of it can be withheld. */

const KEPT = 64 * 1024;
let upstream: ScriptedUpstream;
let rungate: TestRungate;
let open: string;
let starter: string;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  // Read on for an hour: whoever waited for that would time out here.
  rungate = await startTestRungate({ upstreamUrl: upstream.url, limits: { drainMs: 3_600_000, keepBytes: KEPT } });
  open = await rungate.addAgent('open');
  starter = await rungate.addAgent('starter', { policy: 'default', budget_usd: 100 });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

describe.each([
  ['chat', '/v1/chat/completions', { model: 'gpt-4.1', stream_options: { include_usage: true } }],
  ['messages', '/v1/messages', { model: 'claude-opus-4-8', max_tokens: 100 }],
  ['responses', '/v1/responses', { model: 'gpt-5.5', input: 'hi' }],
])('a %s stream whose provider leaves the connection open', (format, path, body) => {
  const stream = recording(`${format}.text`);
  const messages = [{ role: 'user', content: 'hi' }];

  it.each([
    ['a policy that stops nothing', () => open],
    ['the starter policy', () => starter],
  ])('ends with its last event, under %s', async (_policy, token) => {
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(stream);
    });
    const asked = { ...body, stream: true, ...('input' in body ? {} : { messages }) };
    const call = openCall(rungate.url, { path, token: token(), body: asked });
    const answer = await call.answer;
    expect(answer).toMatchObject({ status: 200, ended: true });
    expect(answer.body).toEqual(stream);
    await upstream.received.at(-1)?.closed;
  });
});

describe('an answer larger than what is kept', () => {
  const embeddings = JSON.stringify({
    object: 'list',
    model: 'text-embedding-3-small',
    data: [{ object: 'embedding', index: 0, embedding: Array.from({ length: 40_000 }, (_value, n) => n / 7) }],
    usage: { prompt_tokens: 8, total_tokens: 8 },
  });
  const ask = (runId: string) => ({
    path: '/v1/embeddings',
    token: starter,
    headers: { 'x-rungate-run-id': runId },
    body: { model: 'text-embedding-3-small', input: 'a text' },
  });

  it('passes where it cannot hold a tool call, to the last byte, and is charged by estimate', async () => {
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': embeddings.length });
      response.end(embeddings);
    });
    const answer = await send(rungate.url, ask('large'));
    expect(answer).toMatchObject({ status: 200, ended: true });
    expect(answer.text).toBe(embeddings);
    const { exchanges } = await rungate.call('runs.show', { run_id: 'large' });
    expect(exchanges).toMatchObject([{ state: 'completed', estimated: true }]);
    expect(exchanges[0]?.cost_nano).toBeGreaterThan(0);
  });

  it('is cut, never ended, where its provider breaks off', async () => {
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': embeddings.length });
      response.write(embeddings.slice(0, 2 * KEPT), () => response.destroy());
    });
    expect(await send(rungate.url, ask('cut'))).toMatchObject({ status: 200, ended: false });
  });
});
