import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentAnswer, send } from '../harness/agent-client.ts';
import { answerAnything, chatAnswer, SMALL_COST } from '../harness/answers.ts';
import { startTestRungate, TEST_PRICES, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

const LISTED = `policy: listed
models: { allow: ["gpt-*", "claude-*"] }
tools: { block: [rm] }
budget: { run_usd: 5 }
`;
/** Ten times as dear as `gpt-*`. */
const DEAR = { 'grand-1': { input_per_mtok: 10, output_per_mtok: 100 } };
const ASK = { model: 'gpt-4.1', max_tokens: 20, messages: [{ role: 'user', content: 'hello' }] };

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let listed = '';
let open = '';

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url, prices: { ...TEST_PRICES, ...DEAR } });
  await rungate.call('policies.apply', { document: LISTED, file_name: 'listed.yaml', note: 'for tests' });
  listed = await rungate.addAgent('listed', { policy: 'listed' });
  open = await rungate.addAgent('open');
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

const ask = (token: string, body: object, path = '/v1/chat/completions'): Promise<AgentAnswer> =>
  send(rungate.url, { path, token, headers: { 'x-rungate-new-run': 'true' }, body });
const runOf = async (answer: AgentAnswer) =>
  await rungate.call('runs.show', { run_id: String(answer.headers['x-rungate-run-id']) });

describe('a request that may lead to several models', () => {
  it.each([
    ['/v1/chat/completions', { ...ASK, models: ['gpt-4.1', 'grand-1'] }],
    ['/v1/chat/completions', { ...ASK, model: 'gpt-4.1,grand-1' }],
    ['/v1/chat/completions', { ...ASK, fallbacks: [{ model: 'grand-1', messages: [] }] }],
    ['/v1/messages', { ...ASK, model: 'claude-opus-4-8', fallbacks: [{ model: 'grand-1' }] }],
    [
      '/v1/messages',
      { ...ASK, model: 'claude-opus-4-8', tools: [{ type: 'advisor_20260301', name: 'advisor', model: 'grand-1' }] },
    ],
    ['/v1/responses', { model: 'gpt-5', input: 'hi', tools: [{ type: 'image_generation', model: 'grand-1' }] }],
  ])('is refused on %s where the policy does not list one of them', async (path, body) => {
    const before = upstream.received.length;
    const answer = await ask(listed, body, path);
    expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
    expect(answer.refusal.message).toContain('grand-1');
    expect(answer.refusal.context['rule']).toBe('models.allow');
    expect(upstream.received.length).toBe(before);
  });

  it('passes unchanged where the policy lists all of them', async () => {
    const body = { ...ASK, models: ['gpt-4.1', 'gpt-5'], route: 'fallback' };
    expect((await ask(listed, body)).status).toBe(200);
    expect(JSON.parse(String(upstream.received.at(-1)?.body))).toEqual(body);
  });

  it('is refused where a fallback brings a tool that the policy blocks', async () => {
    const tools = [{ type: 'function', function: { name: 'rm' } }];
    const answer = await ask(listed, { ...ASK, fallbacks: [{ model: 'gpt-5', tools }] });
    expect([answer.status, answer.refusal.context['rule']]).toEqual([403, 'tools.block']);
  });

  it('reserves for the dearest, and costs what the one that answers costs', async () => {
    const held: number[] = [];
    const answering = (model: string) => async () => {
      const { runs } = await rungate.call('runs.list', {});
      held.push(Math.max(...runs.map(({ reserved_nano }) => reserved_nano)));
      return { ...chatAnswer(), model };
    };
    const asked = async (body: object, model: string): Promise<number> => {
      upstream.script((request, response) => {
        void answering(model)().then((answer) => answerJson(answer)(request, response));
      });
      const { run } = await runOf(await ask(open, body));
      return run.spent_nano;
    };
    expect(await asked(ASK, 'gpt-4.1')).toBe(SMALL_COST);
    expect(await asked({ ...ASK, models: ['grand-1'] }, 'gpt-4.1')).toBe(SMALL_COST);
    expect(await asked({ ...ASK, models: ['grand-1'] }, 'grand-1')).toBe(SMALL_COST * 10);
    const [plain = 0, several = 0] = held;
    // The second body is a few bytes longer than the first.
    expect(several).toBeGreaterThanOrEqual(plain * 10);
    expect(several).toBeLessThan(plain * 11);
  });

  it('is refused where one of them has no price', async () => {
    const answer = await ask(open, { ...ASK, models: ['nobody-knows'] });
    expect(answer.refusal.code).toBe('model_unpriced');
    expect(answer.refusal.context['model']).toBe('nobody-knows');
  });
});
