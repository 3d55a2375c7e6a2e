import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, send } from '../harness/agent-client.ts';
import {
  applyPolicies,
  ask,
  benchOn,
  type Caller,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  startGateBench,
  waitingOf,
} from './gates/gate-bench.ts';
import { answering, jsonOf } from './gates/provider-answers.ts';

/** What clients that were measured get over the wire, by the headers and tools that they really send. */

const UNKNOWN = { 'user-agent': 'curl/8.0' };
const LANGCHAIN = { 'user-agent': 'langchainjs-openai/1.0.0 ((node/v24.21.0; linux; x64))', 'x-stainless-lang': 'js' };
const OPENCLAW = { 'user-agent': 'OpenAI/JS 7.15.0', 'x-stainless-lang': 'js' };
const CLAUDE_CODE = { 'user-agent': 'claude-cli/2.1.332 (external, sdk-cli)', 'x-claude-code-session-id': 'session-1' };
const AI_SDK = { 'user-agent': 'ai-sdk-openai/4.0.118 ai-sdk-provider-utils/5.0.81 node.js/24' };

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench({ limits: { holdCeilingMs: 40 } });
  await applyPolicies(bench.rungate, ['policy: tiny\nbudget: { run_usd: 0.000001 }\n']);
});
beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
afterAll(() => bench.close());

async function sends(
  caller: Caller,
  path: string,
  headers: Record<string, string>,
  body: object,
): Promise<AgentAnswer> {
  return send(bench.rungate.url, { token: caller.token, path: `/v1/${path}`, headers, body });
}

const user = [{ role: 'user', content: 'refund order 1' }];
const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } });

describe('a budget that stops', () => {
  const stopped = async (headers: Record<string, string>, path: string, body: object) => {
    const caller = await bench.caller({ policy: 'tiny', delivery: 'auto' });
    const answer = await sends(caller, path, headers, { max_tokens: 50, messages: user, ...body });
    return { answer, runId: String(answer.headers['x-rungate-run-id']) };
  };

  it('is a 402 for Claude Code, and its sentence names cap, run and the command that raises it', async () => {
    const { answer, runId } = await stopped(CLAUDE_CODE, 'messages', { model: 'claude-opus-4-8' });
    expect(answer.status).toBe(402);
    expect(answer.refusal.message).toContain('Run cap $0.000001');
    expect(answer.refusal.message).toContain(`rungate budgets set --run ${runId} --usd X`);
    // Anthropic's SDK prints the whole JSON of a body that has no `message` of its own.
    expect(JSON.parse(answer.text)).toMatchObject({ message: answer.refusal.message });
  });

  it.each([true, false])('is an answer in words for OpenClaw (stream: %s)', async (stream) => {
    const tools = [tool('exec'), tool('openclaw')];
    const { answer } = await stopped(OPENCLAW, 'chat/completions', { model: 'gpt-4.1', tools, stream });
    expect([answer.status, answer.headers['x-rungate-status']]).toEqual([200, '402']);
    expect(answer.text).toContain('[Rungate] Run cap $0.000001');
    expect(answer.headers['content-type']).toContain(stream ? 'text/event-stream' : 'application/json');
  });
});

describe('a rejection', () => {
  const rejected = async (headers: Record<string, string>) => {
    const caller = await bench.caller();
    const waits = waitingOf(await ask(bench, caller, 'chat', { headers: { ...headers, 'x-rungate-gate': 'retry' } }));
    await decideAs(bench, 'reject', waits.gate_id, { reason: 'Not on a Friday.' });
    return (await ask(bench, caller, 'chat', { headers })).refusal.message;
  };

  it('ends with rule and reason where the client is known, and is the documented sentence elsewhere', async () => {
    expect(await rejected(LANGCHAIN)).toBe(
      'Approval gate rejected by reviewer. Rule refund:over-$500: Not on a Friday.',
    );
    expect(await rejected(UNKNOWN)).toBe('Approval gate rejected by reviewer.');
  });
});

describe('a held connection at its ceiling', () => {
  it('is a 429 for LangChain, which never sends again after a 409', async () => {
    const caller = await bench.caller({ delivery: 'auto' });
    const answer = await ask(bench, caller, 'chat', { headers: LANGCHAIN });
    expect([answer.status, answer.headers['x-rungate-status'], answer.refusal.code]).toEqual([
      429,
      '409',
      'approval_pending',
    ]);
    expect(answer.headers['x-should-retry']).toBe('true');
  });
});

describe('a client that would not come back', () => {
  async function kept() {
    const caller = await bench.caller({ delivery: 'auto' });
    const call = open(bench, caller, 'chat', { headers: AI_SDK });
    // The ceiling has passed once the first white space has arrived: the gate is still open.
    await call.until(' ');
    const { gate_id: gateId } = await bench.opened(caller);
    return { answer: call.answer, gateId };
  }

  it('is kept by white space beyond its ceiling, and then gets the approved answer', async () => {
    const { answer, gateId } = await kept();
    await decideAs(bench, 'approve', gateId);
    const { status, text } = await answer;
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual(jsonOf('chat', PROPOSAL));
  });

  it('but not where it waits for a stream, which white space would spoil', async () => {
    const caller = await bench.caller({ delivery: 'auto' });
    const cut = open(bench, caller, 'chat', { headers: AI_SDK, stream: true });
    await bench.opened(caller);
    cut.leave();
    const again = await ask(bench, caller, 'chat', { headers: AI_SDK, stream: true });
    expect([again.status, again.refusal.code]).toEqual([409, 'approval_pending']);
  });

  it('or the rejection in the words of a whole answer', async () => {
    const { answer, gateId } = await kept();
    await decideAs(bench, 'reject', gateId, { reason: 'Not on a Friday.' });
    const { status, text } = await answer;
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      choices: [{ message: { content: expect.stringContaining('Reason: Not on a Friday.') }, finish_reason: 'stop' }],
    });
    expect(text).not.toContain('1240');
  });
});

describe('auto', () => {
  it('holds a stream of AI SDK 7, whose name for itself changed', async () => {
    const caller = await bench.caller({ delivery: 'auto' });
    const answer = ask(bench, caller, 'chat', { headers: AI_SDK, stream: true });
    const { gate_id: gateId } = await bench.opened(caller);
    await decideAs(bench, 'approve', gateId);
    expect((await answer).text).toContain('1240');
  });

  it('gives an agent 202 for the whole run once it has asked for it, also after a restart', async () => {
    const caller = await bench.caller({ delivery: 'auto' });
    const first = await ask(bench, caller, 'chat', { headers: { ...AI_SDK, 'x-rungate-gate': 'retry' }, stream: true });
    expect(first.status).toBe(202);
    expect(waitingOf(await ask(bench, caller, 'chat', { headers: AI_SDK, stream: true }))).toEqual(waitingOf(first));
    const restarted = await bench.rungate.restart();
    bench = { ...benchOn(restarted, bench.upstream), upstream: bench.upstream };
    expect((await ask(bench, caller, 'chat', { headers: AI_SDK, stream: true })).status).toBe(202);
  });
});

it('names the programs that nobody has measured, and only those', async () => {
  bench.upstream.script(async (_request, response) => {
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify(jsonOf('chat', { text: 'ok', calls: [] })));
  });
  const caller = await bench.caller();
  const body = { model: 'gpt-4.1', max_tokens: 20, messages: user };
  await sends(caller, 'chat/completions', { 'user-agent': 'my-agent/0.1\u0085' }, body);
  await sends(caller, 'chat/completions', { 'user-agent': 'my-agent/0.1\u0085' }, body);
  await sends(caller, 'chat/completions', LANGCHAIN, body);
  const { unknown_clients: unknown } = await bench.rungate.call('core.status', {});
  expect(unknown[0]).toEqual({ user_agent: 'my-agent/0.1\\u{85}', agent: caller.name, calls: 2 });
  expect(unknown.some(({ user_agent: name }) => name.startsWith('langchain'))).toBe(false);
});
