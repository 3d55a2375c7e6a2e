import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';
import { type CapturedRequest, captured, capturedSession, replay } from './client-fixtures.ts';
import { answering } from './gates/provider-answers.ts';

/** Whole sessions of real clients, as they were captured: one session is one run, its subagents included. */

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let token = '';
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
});
beforeEach(async () => {
  upstream.script(answerAnything);
  agents += 1;
  token = await rungate.addAgent(`session-${agents}`, { budget_usd: 50 });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

const runOf = (answer: AgentAnswer): string => {
  expect([answer.status, answer.headers['x-rungate-run-id']]).toEqual([200, expect.any(String)]);
  return String(answer.headers['x-rungate-run-id']);
};
const runOfRequest = async (request: CapturedRequest): Promise<string> =>
  runOf(await send(rungate.url, replay(request, token)));

/** Another run of the agent that is open and was active last. */
const openAnother = async (): Promise<string> =>
  runOf(
    await send(rungate.url, {
      path: '/v1/chat/completions',
      token,
      headers: { 'x-rungate-new-run': 'true' },
      body: { model: 'gpt-4.1', messages: [{ role: 'user', content: 'something else' }] },
    }),
  );

describe.each(['cline', 'continue', 'copilot-cli.chat', 'copilot-cli.responses', 'pi.responses', 'qwen-code'])(
  'two sessions of %s',
  (name) => {
    const [first, second] = [captured(`${name}.session-1`), captured(`${name}.session-2`)];

    it('one after the other are two runs', async () => {
      const runs: string[] = [];
      for (const request of [...first, ...second]) runs.push(await runOfRequest(request));
      expect(runs).toEqual([...first.map(() => runs[0]), ...second.map(() => runs[first.length])]);
      expect(new Set(runs).size).toBe(2);
    });

    it('that overlap are two runs, beside another of the agent', async () => {
      const runs: string[] = [await openAnother()];
      for (const [turn, request] of first.entries()) {
        runs.push(await runOfRequest(request));
        const other = second[turn];
        if (other !== undefined) runs.push(await runOfRequest(other));
      }
      expect(new Set(runs).size).toBe(3);
      expect(runs.slice(3)).toEqual(runs.slice(1, 1 + runs.length - 3));
    });
  },
);

/** The subagent of each request, as their run shows them. */
async function subagentsOf(runId: string): Promise<readonly (string | null)[]> {
  const { exchanges } = await rungate.call('runs.show', { run_id: runId });
  return exchanges.map(({ subagent }) => subagent);
}

describe.each([
  ['ai-sdk.subagent', [null, 'call', 'call', null]],
  ['copilot-cli.chat.subagent', [null, 'call', 'call', null]],
  ['copilot-cli.responses.subagent', [null, 'call', 'call', null]],
  ['langchain.subagent', [null, 'call', 'call', null]],
  // Its subagents work in the background: the call has a result before its subagent speaks.
  ['qwen-code.subagent', [null, null, 'call', 'call', null]],
] as const)('the session %s', (name, whose) => {
  const requests = capturedSession(name);
  const call = requests[0]?.calls[0]?.id;

  it.each([false, true])(
    'is one run with the subagent’s calls under its id (after a restart: %s)',
    async (restarts) => {
      const before = rungate;
      const own = restarts ? await startTestRungate({ upstreamUrl: upstream.url }) : rungate;
      rungate = own;
      if (restarts) token = await own.addAgent('restarted', { budget_usd: 50 });
      try {
        const runs: string[] = [];
        for (const request of requests) {
          upstream.script(answering({ text: 'Working on it. ', calls: request.calls }));
          runs.push(await runOfRequest(request));
          upstream.script(answerAnything);
          const other = await openAnother();
          expect(runs).not.toContain(other);
          if (restarts && whose[runs.length] !== null && whose[runs.length - 1] === null)
            rungate = await rungate.restart();
        }
        expect(new Set(runs).size).toBe(1);
        expect(await subagentsOf(runs[0] ?? '')).toEqual(whose.map((one) => (one === null ? null : call)));
      } finally {
        if (restarts) await rungate.close();
        rungate = before;
      }
    },
  );
});

it('a thread of the Anthropic SDK, whose later requests carry neither history nor tools, is one run', async () => {
  const runs: string[] = [];
  for (const { calls, answerId, ...request } of capturedSession('anthropic-sdk.thread-continue')) {
    upstream.script(answering({ text: 'Working on it. ', calls, ...(answerId === undefined ? {} : { id: answerId }) }));
    runs.push(await runOfRequest(request));
    upstream.script(answerAnything);
    await openAnother();
  }
  expect(new Set(runs).size).toBe(1);
});
