import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, send } from '../harness/agent-client.ts';
import { answerAnything, recording } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import {
  answerJson,
  answerStream,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts';
import { bodyOf, CAPTURES, type CapturedRequest, type Credential, captured, replay } from './client-fixtures.ts';

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
  token = await rungate.addAgent(`client-${agents}`, { budget_usd: 50 });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

/** Replay requests one after the other as one agent. */
async function replayAll(
  requests: readonly CapturedRequest[],
  credential?: Credential,
): Promise<readonly AgentAnswer[]> {
  const answers = [];
  for (const request of requests) answers.push(await send(rungate.url, replay(request, token, credential)));
  return answers;
}

const runOf = (answer: AgentAnswer): string | undefined => answer.headers['x-rungate-run-id'] as string | undefined;
const runsOf = (answers: readonly AgentAnswer[]): readonly string[] => [
  ...new Set(answers.flatMap((answer) => runOf(answer) ?? [])),
];
const shown = (runId: string | undefined) => rungate.call('runs.show', { run_id: runId ?? 'none' });

describe.each(CAPTURES)('%s', (name) => {
  const requests = captured(name);

  it('is served and forms one run', async () => {
    const answers = await replayAll(requests);
    const expected = requests.map((request) => (request.upgrade === true ? 426 : 200));
    expect(answers.map((answer) => answer.status)).toEqual(expected);
    expect(runsOf(answers)).toHaveLength(1);
  });

  it('forwards every body byte for byte and every header that is not of the connection or the credential', async () => {
    const before = upstream.received.length;
    const answers = await replayAll(requests);
    const forwarded = upstream.received.slice(before);
    const sent = requests.filter((request, index) => request.path !== '/' && answers[index]?.status === 200);
    expect(forwarded.map(({ method, url }) => [method, url])).toEqual(sent.map(({ method, path }) => [method, path]));
    sent.forEach((request, index) => {
      const received = forwarded[index];
      expect(received?.body.equals(bodyOf(withUsage(request)) ?? Buffer.alloc(0))).toBe(true);
      const kept = Object.entries(request.headers).filter(([header]) => !REPLACED.has(header));
      expect(received?.headers).toMatchObject(Object.fromEntries(kept));
      expect(received?.headers['accept-encoding']).toBe('identity');
      expect(received?.headers['content-encoding']).toBeUndefined();
      const key = request.path.startsWith('/v1/messages')
        ? { 'x-api-key': 'sk-test' }
        : { authorization: 'Bearer sk-test' };
      expect(received?.headers).toMatchObject(key);
      expect(Object.keys(received?.headers ?? {}).filter((header) => header.startsWith('x-rungate'))).toEqual([]);
    });
  });

  it('keeps the client’s own credential when the token comes beside it', async () => {
    const before = upstream.received.length;
    const answers = await replayAll(requests, 'beside');
    const sent = requests.filter((request, index) => request.path !== '/' && answers[index]?.status === 200);
    expect(sent.length).toBeGreaterThan(0);
    sent.forEach((request, index) => {
      const received = upstream.received[before + index]?.headers;
      expect(received?.authorization).toBe(request.headers['authorization']);
      expect(received?.['x-api-key']).toBe(request.headers['x-api-key']);
    });
  });
});

/** Headers that are ours to decide (`clients.md` §4 c). */
const REPLACED = new Set([
  'host',
  'connection',
  'content-length',
  'accept-encoding',
  'content-encoding',
  'authorization',
  'x-api-key',
]);

/** A chat stream's body as it must reach the provider: usage asked for, at the place where the edit puts it. */
function withUsage(request: CapturedRequest): CapturedRequest {
  const body = request.body as { stream?: boolean } | undefined;
  if (!request.path.endsWith('/chat/completions') || body?.stream !== true) return request;
  return { ...request, body: { ...body, stream_options: { include_usage: true } } };
}

describe('two sessions of one client', () => {
  it.each([
    ['claude-code.print.base', 'claude-code.api-key', 'claude-code.oauth-token'],
    ['codex.exec.custom-provider.gpt-5.5', 'codex.subagent', 'codex.exec.custom-provider.unknown-model'],
  ])('are runs of their own although they overlap (%s, …)', async (...names) => {
    const sessions = names.map((name) => captured(name).filter((request) => request.method === 'POST'));
    const seen: (readonly string[])[] = sessions.map(() => []);
    for (const turn of [0, 1]) {
      for (const [index, session] of sessions.entries()) {
        const request = session[turn];
        if (request === undefined) throw new Error('too short');
        seen[index] = [...(seen[index] ?? []), runOf(await send(rungate.url, replay(request, token))) ?? ''];
      }
    }
    expect(seen.map((runs) => new Set(runs).size)).toEqual([1, 1, 1]);
    expect(new Set(seen.flat()).size).toBe(3);
  });
});

describe('subagents', () => {
  it('of Claude Code are exchanges of their parent’s run under their own id', async () => {
    const answers = await replayAll(captured('claude-code.subagent'));
    const { exchanges } = await shown(runsOf(answers)[0]);
    expect(exchanges.map(({ subagent, client }) => [client, subagent])).toEqual([
      ['claude-code', null],
      ['claude-code', 'a8d9eec22be81a24b'],
      ['claude-code', null],
    ]);
  });

  it('of Codex are exchanges of their parent’s run under their thread’s id', async () => {
    const requests = captured('codex.subagent');
    const answers = await replayAll(requests);
    const { exchanges } = await shown(runsOf(answers)[0]);
    const child = requests.find((request) => request.headers['x-codex-parent-thread-id'] !== undefined);
    expect(exchanges.map(({ subagent }) => subagent)).toEqual(
      requests.map((request) => (request === child ? request.headers['thread-id'] : null)),
    );
    expect(exchanges.every(({ client }) => client === 'codex')).toBe(true);
  });
});

describe('side traffic', () => {
  it('of Claude Code’s title is labelled and charged to the same run', async () => {
    const answers = await replayAll(captured('claude-code.print.title-side-request'));
    const { exchanges, run } = await shown(runsOf(answers)[0]);
    expect(exchanges.map(({ side }) => side)).toEqual(['title', null, null]);
    expect(exchanges.every(({ cost_nano }) => cost_nano === 300_000)).toBe(true);
    expect(run.spent_nano).toBe(900_000);
  });

  it('of Codex’s title thread joins the run of its installation', async () => {
    const [first, second] = captured('codex.exec.custom-provider.gpt-5.5');
    if (first === undefined || second === undefined) throw new Error('too short');
    const metadata = JSON.parse(first.headers['x-codex-turn-metadata'] ?? '{}') as Record<string, unknown>;
    const title: CapturedRequest = {
      ...first,
      headers: {
        ...first.headers,
        'session-id': '01a20044-0000-7000-8000-000000000001',
        'thread-id': '01a20044-0000-7000-8000-000000000001',
        'x-codex-turn-metadata': JSON.stringify({ ...metadata, thread_source: 'thread_title' }),
      },
    };
    const answers = await replayAll([first, title, second]);
    expect(runsOf(answers)).toHaveLength(1);
    const { exchanges } = await shown(runsOf(answers)[0]);
    expect(exchanges.map(({ side }) => side)).toEqual([null, 'title', null]);
  });

  it('of counting tokens is free', async () => {
    const answers = await replayAll(captured('sdk.anthropic-count'));
    const { exchanges, run } = await shown(runsOf(answers)[0]);
    expect(exchanges).toMatchObject([{ side: 'count_tokens', cost_nano: 0, reserved_nano: 0, estimated: false }]);
    expect(run.spent_nano).toBe(0);
  });
});

describe('retries', () => {
  it('of Codex after a 409 are retries of the same exchange, keys in another order included', async () => {
    const requests = captured('codex.retry-409');
    const refusal = { error: { message: 'awaiting approval', type: 'x', code: null, param: null } };
    const replies = requests.map(({ reply }) =>
      reply?.status === 409 ? answerJson(refusal, 409) : answerStream([recording('responses.text')]),
    );
    upstream.script((request, response) => replies.shift()?.(request, response));
    const answers = await replayAll(requests);
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 200, 200]);
    expect(answers[0]?.json()).toEqual(refusal);
    const { exchanges, steps, run } = await shown(runsOf(answers)[0]);
    const first = exchanges[0]?.exchange_id;
    expect(exchanges.map(({ retry_of }) => retry_of)).toEqual([null, first, first, null]);
    expect(steps.map(({ kind }) => kind)).toEqual(['model_call', 'retry', 'retry', 'model_call']);
    expect(run.spent_nano).toBe(2 * 484_800);
  });

  it('of Claude Code after an in-stream error fall back to JSON within the same run', async () => {
    const requests = captured('claude-code.sse-error-fallback');
    upstream.script((request, response) => {
      const streams = (JSON.parse(request.body.toString()) as { stream?: boolean }).stream === true;
      return streams
        ? answerStream([recording('messages.error')])(request, response)
        : answerAnything(request, response);
    });
    const answers = await replayAll(requests);
    expect(answers[1]?.body.equals(recording('messages.error'))).toBe(true);
    const { exchanges } = await shown(runsOf(answers)[0]);
    const [first, , second] = exchanges;
    expect(exchanges.map(({ retry_of }) => retry_of)).toEqual([null, first?.exchange_id, null, second?.exchange_id]);
    expect(exchanges.map(({ state, estimated }) => [state, estimated])).toEqual([
      ['failed', true],
      ['completed', false],
      ['failed', true],
      ['completed', false],
    ]);
  });
});
