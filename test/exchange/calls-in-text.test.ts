import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type AgentAnswer, send } from '../harness/agent-client.ts';
import { chatAnswer, chatToolAnswer, messageAnswer, responsesAnswer } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import {
  answerJson,
  answerStream,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts';

const POLICY = `policy: words
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "shell:rm"
    match: { action.command: { $regex: "rm -rf" } }
    action: gate
  - rule: "disk:never"
    match: { tool: wipe_disk }
    action: block
`;
const COMMAND = 'I clean up.\n\n<execute_command>\n<command>rm -rf build</command>\n</execute_command>';
const LOOK = '<read_file>\n<path>a.ts</path>\n</read_file>';
const WIPE = '<tool_call>\n{"name": "wipe_disk", "arguments": {}}\n</tool_call>';
const ASK = { messages: [{ role: 'user', content: 'clean up' }] };
const BODIES = {
  '/v1/chat/completions': { ...ASK, model: 'gpt-4.1' },
  '/v1/messages': { ...ASK, model: 'claude-opus-4-8', max_tokens: 100 },
  '/v1/responses': { model: 'gpt-5', input: 'clean up' },
} as const;
type Path = keyof typeof BODIES;

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerJson(chatAnswer()));
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
  await rungate.call('policies.apply', { document: POLICY, file_name: 'words.yaml', note: 'for tests' });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

/** A new agent with a run of its own, and a way to have it ask. */
async function caller() {
  agents += 1;
  const name = `words-${agents}`;
  const token = await rungate.addAgent(name, { policy: 'words' });
  const ask = (path: Path, body: object = {}, run = `run-${name}`): Promise<AgentAnswer> =>
    send(rungate.url, { path, token, headers: { 'x-rungate-run-id': run }, body: { ...BODIES[path], ...body } });
  const alerts = async (run = `run-${name}`) => {
    const { steps } = await rungate.call('runs.show', { run_id: run });
    return steps.filter(({ kind, detail }) => kind === 'alert' && detail['alert'] === 'calls_in_text');
  };
  const mark = async () =>
    (await rungate.call('agents.list', {})).agents.find((agent) => agent.name === name)?.text_calls_at ?? null;
  return { name, ask, alerts, mark };
}

const saying = (path: Path, text: string): unknown => {
  if (path === '/v1/chat/completions') return chatAnswer(text);
  if (path === '/v1/messages') return messageAnswer([{ type: 'text', text }]);
  const content = [{ type: 'output_text', text, annotations: [] }];
  return responsesAnswer('resp_words', [
    { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content },
  ]);
};

/** A stream of one format that says a text in pieces of a few characters. */
function streamed(path: Path, text: string): readonly string[] {
  const pieces = text.match(/.{1,7}/gs) ?? [];
  const event = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  if (path === '/v1/chat/completions') {
    const chunk = (delta: object, reason: string | null): string =>
      `data: ${JSON.stringify({ id: 'c', model: 'gpt-4.1', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
    return [...pieces.map((content) => chunk({ content }, null)), chunk({}, 'stop'), 'data: [DONE]\n\n'];
  }
  if (path === '/v1/responses') {
    const deltas = pieces.map((delta) => event('response.output_text.delta', { output_index: 0, delta }));
    return [...deltas, event('response.completed', { response: saying(path, text) })];
  }
  const usage = { input_tokens: 1, output_tokens: 1 };
  return [
    event('message_start', {
      message: { id: 'm', type: 'message', role: 'assistant', model: 'm', content: [], usage },
    }),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...pieces.map((piece) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: piece } })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: 'end_turn' }, usage }),
    event('message_stop', {}),
  ];
}

describe('calls that a model writes as text', () => {
  it.each(Object.keys(BODIES) as Path[])(
    'are told on %s, as JSON and streamed, with the rule that would have met them',
    async (path) => {
      for (const stream of [false, true]) {
        const { name, ask, alerts, mark } = await caller();
        upstream.script(stream ? answerStream(streamed(path, COMMAND)) : answerJson(saying(path, COMMAND)));
        const answer = await ask(path, { stream });
        expect([answer.status, answer.ended]).toEqual([200, true]);
        await rungate.event(
          'policy.drift',
          ({ body }) => 'agent' in body && body.agent === name && 'kind' in body && body.kind === 'calls_in_text',
        );
        const alert = await rungate.event('policy.alert', ({ body }) => 'agent' in body && body.agent === name);
        expect(alert.body).toMatchObject({ rule: 'shell:rm', subject: 'execute_command' });
        await expect.poll(async () => (await alerts()).length).toBe(1);
        const [step] = await alerts();
        expect(step?.summary).toBe(
          'Calls written as text (Cline XML: execute_command) cannot be held by rules. Rule "shell:rm" would have asked for approval.',
        );
        expect(step?.detail).toMatchObject({ protocol: 'Cline XML', tools: ['execute_command'], rules: ['shell:rm'] });
        expect(await mark()).toBeGreaterThan(0);
      }
    },
  );

  it('are told once for a run, and once for each rule that would have met one', async () => {
    const { ask, alerts } = await caller();
    for (const text of [LOOK, LOOK, COMMAND, COMMAND, WIPE, LOOK, WIPE]) {
      upstream.script(answerJson(chatAnswer(text)));
      await ask('/v1/chat/completions', { seed: Math.floor(upstream.received.length) });
    }
    const { ask: other, alerts: others } = await caller();
    upstream.script(answerJson(chatAnswer(LOOK)));
    await other('/v1/chat/completions');
    await expect.poll(async () => (await others()).length).toBe(1);
    await expect.poll(async () => (await alerts()).length).toBe(3);
    expect((await alerts()).map(({ detail }) => detail['rules'])).toEqual([[], ['shell:rm'], ['disk:never']]);
    expect((await alerts())[2]?.summary).toContain('Rule "disk:never" would have blocked it.');
  });

  it('are in the audit', async () => {
    const { ask, alerts, name } = await caller();
    upstream.script(answerJson(chatAnswer(LOOK)));
    await ask('/v1/chat/completions');
    await expect.poll(async () => (await alerts()).length).toBe(1);
    const db = new Database(join(rungate.home, 'rungate.db'), { readonly: true });
    onTestFinished(() => void db.close());
    const kinds = db.prepare('SELECT kind FROM audit WHERE run_id = ?').pluck();
    expect(kinds.all(`run-${name}`)).toContain('policy.calls_in_text');
  });

  it('are not looked for where tools are declared or JSON is asked for, nor found in prose', async () => {
    const { ask, alerts, mark } = await caller();
    const tools = [{ type: 'function', function: { name: 'execute_command' } }];
    upstream.script(answerJson(chatAnswer(COMMAND)));
    await ask('/v1/chat/completions', { tools });
    await ask('/v1/chat/completions', { response_format: { type: 'json_object' } });
    upstream.script(answerJson(chatAnswer('`<execute_command>` is a tag of Cline’s.')));
    await ask('/v1/chat/completions', { seed: 1 });
    upstream.script(answerJson(chatToolAnswer('lookup', '{}')));
    await ask('/v1/chat/completions', { tools, seed: 2 });
    // Another agent's call comes after all of these: what they would have told is told by then.
    const later = await caller();
    upstream.script(answerJson(chatAnswer(LOOK)));
    await later.ask('/v1/chat/completions');
    await expect.poll(async () => (await later.alerts()).length).toBe(1);
    expect([await alerts(), await mark()]).toEqual([[], null]);
  });
});
