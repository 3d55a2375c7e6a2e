import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../../proxy-core/providers/provider.ts';
import { send } from '../harness/agent-client.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

const list = (...ids: string[]) => ({
  object: 'list',
  data: ids.map((id) => ({ id, object: 'model', created: 1, owned_by: 'x' })),
});
const CLAUDE = { type: 'model', id: 'claude-a', display_name: 'Claude A', created_at: '2026-01-01T00:00:00Z' };
const ANTHROPIC = { 'anthropic-version': '2023-06-01' };

const upstreams: ScriptedUpstream[] = [];
let rungate: TestRungate;
let token = '';

const provider = (id: string, at: string, models: string[], more: Partial<Provider> = {}): Provider => ({
  id,
  kind: 'http',
  baseUrl: new URL(`${at}/v1`),
  formats: ['chat'],
  models,
  auth: 'bearer',
  key: { kind: 'none' },
  ...more,
});

async function listing(status: number, body: unknown): Promise<string> {
  const upstream = await startScriptedUpstream(answerJson(body, status));
  upstreams.push(upstream);
  return upstream.url;
}

beforeAll(async () => {
  const first = await listing(200, list('gpt-5', 'dall-e-3', 'shared'));
  rungate = await startTestRungate({
    providers: [
      provider('openai', first, ['gpt-*', 'shared']),
      provider('keyless', first, ['*'], { key: { kind: 'env', name: 'NOBODY_SET_THIS' } }),
      provider('gone', 'http://127.0.0.1:1', ['*']),
      provider('broken', await listing(500, { error: 'x' }), ['*']),
      provider('ollama', await listing(200, list('qwen3:8b', 'llama4', 'shared')), ['qwen*', 'shared'], {
        formats: ['chat', 'messages'],
      }),
      provider('anthropic', await listing(200, { data: [CLAUDE], has_more: false }), ['claude-*'], {
        formats: ['messages'],
        auth: 'x-api-key',
      }),
    ],
  });
  token = await rungate.addAgent('lister');
});
afterAll(async () => {
  await rungate.close();
  for (const each of upstreams) await each.close();
});

const ask = (path: string, headers: Record<string, string> = {}) =>
  send(rungate.url, { method: 'GET', path, token, headers });
const ids = (text: string): readonly string[] =>
  (JSON.parse(text) as { data: readonly { id: string }[] }).data.map(({ id }) => id);

describe('GET /v1/models', () => {
  it('lists what every provider of the family serves, each once, and says who was left out', async () => {
    const answer = await ask('/v1/models');
    expect([answer.status, ids(answer.text)]).toEqual([200, ['gpt-5', 'shared', 'qwen3:8b']]);
    expect(answer.headers['x-rungate-models-skipped']).toBe(
      'keyless: it has no key; gone: it could not be reached; broken: it answered 500',
    );
  });

  it('answers Anthropic’s clients in their shape, by pages', async () => {
    const whole = await ask('/v1/models', ANTHROPIC);
    expect(JSON.parse(whole.text)).toMatchObject({ has_more: false, first_id: 'qwen3:8b', last_id: 'claude-a' });
    expect(JSON.parse(whole.text).data[0]).toEqual({
      type: 'model',
      id: 'qwen3:8b',
      display_name: 'qwen3:8b',
      created_at: '1970-01-01T00:00:01.000Z',
    });
    const first = await ask('/v1/models?limit=1', ANTHROPIC);
    expect(JSON.parse(first.text)).toMatchObject({ data: [{ id: 'qwen3:8b' }], has_more: true });
    expect(ids((await ask('/v1/models?limit=2&after_id=shared', ANTHROPIC)).text)).toEqual(['claude-a']);
    expect(JSON.parse((await ask('/v1/models?limit=1&before_id=claude-a', ANTHROPIC)).text)).toMatchObject({
      data: [{ id: 'shared' }],
      has_more: true,
    });
  });

  it('gives a query that it does not know to the first provider, unmerged', async () => {
    expect(ids((await ask('/v1/models?owner=me')).text)).toEqual(['gpt-5', 'dall-e-3', 'shared']);
  });

  it('asks one provider only with a credential that is the client’s own', async () => {
    const before = upstreams.map(({ received }) => received.length);
    const headers = { 'x-rungate-token': token, authorization: 'Bearer sk-of-the-client' };
    const answer = await send(rungate.url, { method: 'GET', path: '/v1/models', headers });
    expect(ids(answer.text)).toEqual(['gpt-5', 'dall-e-3', 'shared']);
    expect(upstreams.map(({ received }, index) => received.length - (before[index] ?? 0))).toEqual([1, 0, 0, 0]);
  });
});
