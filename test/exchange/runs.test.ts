import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, chatToolAnswer, recording, responsesAnswer } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

const MINUTE = 60_000;
const ASK = { model: 'gpt-4.1', messages: [{ role: 'user', content: 'hello' }] };
const NEW_RUN = { 'x-rungate-new-run': 'true' };

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let agent = '';
let token = '';
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
});
beforeEach(async () => {
  upstream.script(answerAnything);
  agents += 1;
  agent = `runs-${agents}`;
  token = await rungate.addAgent(agent);
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

interface Call {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly prefix?: string;
  readonly path?: string;
  readonly token?: string;
}

const call = (options: Call = {}): Promise<AgentAnswer> =>
  send(rungate.url, {
    path: `${options.prefix ?? ''}${options.path ?? '/v1/chat/completions'}`,
    token: options.token ?? token,
    headers: options.headers ?? {},
    body: options.body ?? ASK,
  });
const named = (runId: string): Call => ({ headers: { 'x-rungate-run-id': runId } });
const claude = (session: string): Call => ({
  path: '/v1/messages',
  headers: { 'x-claude-code-session-id': session },
  body: { model: 'claude-opus-4-8', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] },
});

function runOf(answer: AgentAnswer): string {
  const runId = answer.headers['x-rungate-run-id'];
  if (typeof runId !== 'string') throw new Error(`no run: ${answer.status} ${answer.text}`);
  return runId;
}
/** The run of a call that must succeed. */
async function runOfCall(options: Call = {}): Promise<string> {
  const answer = await call(options);
  expect(answer.status).toBe(200);
  return runOf(answer);
}
const stop = (runId: string) => rungate.call('runs.stop', { run_id: runId });
const complete = (runId: string) => send(rungate.url, { method: 'POST', path: `/v1/runs/${runId}/complete`, token });
/** Make sure that the answer given is one that forwarded nothing. */
async function forwardsNothing(answer: Promise<AgentAnswer>): Promise<AgentAnswer> {
  const before = upstream.received.length;
  const given = await answer;
  expect(upstream.received.length).toBe(before);
  return given;
}

describe('a run that the agent names', () => {
  it('is started by an unknown id and continued by the same, in the header or before the path', async () => {
    const name = `${agent}-named`;
    expect(await runOfCall(named(name))).toBe(name);
    expect(await runOfCall({ prefix: `/r/${name}` })).toBe(name);
    expect(await runOfCall({ prefix: `/r/${name}`, ...named(name) })).toBe(name);
    const { run } = await rungate.call('runs.show', { run_id: name });
    expect(run).toMatchObject({ exchanges: 3, explicit: true, agent });
  });

  it('is refused when header and path disagree', async () => {
    const answer = await forwardsNothing(call({ prefix: `/r/${agent}-a`, ...named(`${agent}-b`) }));
    expect(answer.status).toBe(400);
    expect(answer.refusal.code).toBe('invalid_request');
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  it.each(['a b', 'a/b', 'ä', 'x'.repeat(129), 'one, two'])('is refused under the name %j', async (name) => {
    const answer = await forwardsNothing(call({ prefix: `/r/${encodeURIComponent(name)}` }));
    expect([answer.status, answer.refusal.code]).toEqual([400, 'invalid_request']);
    if (/^[\x20-\x7e]+$/.test(name)) {
      expect((await forwardsNothing(call(named(name)))).status).toBe(400);
    }
  });

  it('is refused with an empty name before the path, while an empty header counts as absent', async () => {
    expect((await forwardsNothing(call({ prefix: '/r/' }))).status).toBe(400);
    expect((await call(named(''))).status).toBe(200);
  });

  it('is refused when the header is sent twice', async () => {
    const answer = await forwardsNothing(call({ headers: { 'x-rungate-run-id': 'one, two' } }));
    expect(answer.status).toBe(400);
  });

  it('does not exist for another agent, whatever its state, and nothing is forwarded', async () => {
    const name = `${agent}-mine`;
    await runOfCall(named(name));
    const other = await rungate.addAgent(`${agent}-other`);
    const tries = (): readonly Promise<AgentAnswer>[] => [
      call({ ...named(name), token: other }),
      call({ prefix: `/r/${name}`, token: other }),
      send(rungate.url, { path: `/v1/runs/${name}`, token: other }),
      send(rungate.url, { method: 'POST', path: `/v1/runs/${name}/complete`, token: other }),
      send(rungate.url, { method: 'PUT', path: `/v1/runs/${name}/artifacts/a`, token: other, body: 'x' }),
    ];
    const open = await forwardsNothing(Promise.all(tries()).then(asOne));
    await complete(name);
    const ended = await forwardsNothing(Promise.all(tries()).then(asOne));
    for (const answer of [open, ended]) expect([answer.status, answer.refusal.code]).toEqual([404, 'not_found']);
    expect(open.text).not.toContain(agent.concat('-mine", "state'));
  });

  it('gives 409 run_ended once completed, without asking for a retry', async () => {
    const name = `${agent}-done`;
    await runOfCall(named(name));
    expect((await complete(name)).status).toBe(200);
    const answer = await forwardsNothing(call(named(name)));
    expect([answer.status, answer.refusal.code]).toEqual([409, 'run_ended']);
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  it('keeps its policy: another value later is refused with 409, one that is not allowed with 403', async () => {
    const name = `${agent}-pinned`;
    await runOfCall(named(name));
    const pinned = await forwardsNothing(call({ headers: { 'x-rungate-run-id': name, 'x-rungate-policy': 'other' } }));
    expect([pinned.status, pinned.refusal.code]).toEqual([409, 'policy_pinned']);
    const refused = await forwardsNothing(call({ headers: { ...NEW_RUN, 'x-rungate-policy': 'other' } }));
    expect([refused.status, refused.refusal.code]).toEqual([403, 'policy_not_allowed']);
  });

  it('stores the labels of the call that starts it', async () => {
    const headers = {
      'x-rungate-run-id': `${agent}-labels`,
      'x-rungate-label-goal': 'refactor',
      'x-rungate-label-Ticket': 'T-1',
    };
    const { run } = await rungate.call('runs.show', { run_id: await runOfCall({ headers }) });
    expect(run.labels).toEqual({ goal: 'refactor', ticket: 'T-1' });
  });
});

/** Answers that must all be the same refusal, as one of them. */
function asOne(answers: readonly AgentAnswer[]): AgentAnswer {
  const [first] = answers;
  if (first === undefined) throw new Error('no answers');
  for (const answer of answers)
    expect([answer.status, answer.refusal.code]).toEqual([first.status, first.refusal.code]);
  return first;
}

describe('a client session', () => {
  it('is one run per session and agent', async () => {
    const one = await runOfCall(claude('s-1'));
    expect(await runOfCall(claude('s-2'))).not.toBe(one);
    expect(await runOfCall(claude('s-1'))).toBe(one);
    const other = await rungate.addAgent(`${agent}-same-session`);
    expect(await runOfCall({ ...claude('s-1'), token: other })).not.toBe(one);
  });

  it('makes one run of its first calls, however many come at once', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => runOfCall(claude('at-once'))));
    expect(new Set(runs).size).toBe(1);
    const { run } = await rungate.call('runs.show', { run_id: runs[0] ?? '' });
    expect(run.exchanges).toBe(20);
    const started = rungate.events.filter(
      ({ name, body }) => name === 'run.started' && 'run_id' in body && body.run_id === runs[0],
    );
    expect(started).toHaveLength(1);
  });

  it('makes one run of its first calls also when all of them wait for approval', async () => {
    const document = `policy: gated-${agent}\nrules: [{ rule: all, match: { endpoint: /v1/messages }, action: gate }]\n`;
    await rungate.call('policies.apply', { document, file_name: 'gated.yaml', note: 'everything waits' });
    const gated = await rungate.addAgent(`${agent}-gated`, { policy: `gated-${agent}` });
    const first = claude('gated');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        call({ ...first, token: gated, headers: { ...first.headers, 'x-rungate-gate': 'retry' } }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(runOf)).size).toBe(1);
  });

  it('starts a new run after its run is completed', async () => {
    const first = await runOfCall(claude('again'));
    await complete(first);
    const second = await runOfCall(claude('again'));
    expect(second).not.toBe(first);
    expect(await runOfCall(claude('again'))).toBe(second);
  });

  it('is taken over by a run that is asked for anew', async () => {
    const first = await runOfCall(claude('over'));
    const second = await runOfCall({ ...claude('over'), headers: { ...claude('over').headers, ...NEW_RUN } });
    expect(second).not.toBe(first);
    expect(await runOfCall(claude('over'))).toBe(second);
    expect(await runOfCall(claude('over'))).toBe(second);
  });

  it('of Codex is its prompt cache key, which is nothing for an unknown client', async () => {
    const body = { model: 'gpt-5.5', input: 'hi', prompt_cache_key: 'cache-1' };
    const codex = { path: '/v1/responses', body, headers: { originator: 'codex_exec' } };
    const one = await runOfCall(codex);
    await runOfCall({ headers: NEW_RUN });
    expect(await runOfCall(codex)).toBe(one);
    // A first call with tools begins a session; without a key that counts it is one of its own.
    const tools = [{ type: 'function', name: 'lookup', parameters: {} }];
    expect(await runOfCall({ path: '/v1/responses', body: { ...body, tools } })).not.toBe(one);
  });
});

describe('without a name or a session', () => {
  it('a tool-call id that was handed out finds the run, within the same agent only', async () => {
    upstream.script(answerJson(chatToolAnswer(`call_${agent}`)));
    const one = await runOfCall({ headers: NEW_RUN });
    upstream.script(answerAnything);
    await runOfCall({ headers: NEW_RUN });
    const result = { role: 'tool', tool_call_id: `call_${agent}`, content: 'ok' };
    const body = { ...ASK, messages: [{ role: 'user', content: 'compacted' }, result] };
    expect(await runOfCall({ body })).toBe(one);
    const other = await rungate.addAgent(`${agent}-thief`);
    expect(await runOfCall({ body, token: other })).not.toBe(one);
  });

  it('an id that two runs have handed out matches neither', async () => {
    upstream.script(answerJson(chatToolAnswer(`twice_${agent}`)));
    const runs = [await runOfCall({ headers: NEW_RUN }), await runOfCall({ headers: NEW_RUN })];
    upstream.script(answerAnything);
    const result = { role: 'tool', tool_call_id: `twice_${agent}`, content: 'ok' };
    const third = await runOfCall({ body: { ...ASK, messages: [{ role: 'user', content: 'other' }, result] } });
    expect(runs).not.toContain(third);
  });

  it('a response id that was handed out finds the run', async () => {
    upstream.script(answerJson(responsesAnswer(`resp_${agent}`)));
    const body = { model: 'gpt-5.5', input: 'hi' };
    const one = await runOfCall({ path: '/v1/responses', body, headers: NEW_RUN });
    upstream.script(answerAnything);
    await runOfCall({ headers: NEW_RUN });
    const next = { ...body, input: 'more', previous_response_id: `resp_${agent}` };
    expect(await runOfCall({ path: '/v1/responses', body: next })).toBe(one);
  });

  it('a conversation is followed from turn to turn', async () => {
    const first = [{ role: 'user', content: `question of ${agent}` }];
    const one = await runOfCall({ body: { ...ASK, messages: first }, headers: NEW_RUN });
    await runOfCall({ headers: NEW_RUN });
    const second = [...first, { role: 'assistant', content: 'hello' }, { role: 'user', content: 'more' }];
    expect(await runOfCall({ body: { ...ASK, messages: second } })).toBe(one);
    const third = [...second, { role: 'assistant', content: 'hello' }, { role: 'user', content: 'even more' }];
    expect(await runOfCall({ body: { ...ASK, messages: third } })).toBe(one);
  });

  it('the latest open run is joined within the idle window, and no longer', async () => {
    const one = await runOfCall();
    rungate.advance(14 * MINUTE);
    expect(await runOfCall()).toBe(one);
    rungate.advance(14 * MINUTE);
    expect(await runOfCall({ body: { ...ASK, messages: [{ role: 'user', content: 'unrelated' }] } })).toBe(one);
    rungate.advance(16 * MINUTE);
    expect(await runOfCall()).not.toBe(one);
  });

  it('of two open runs the one that was active last is joined', async () => {
    const runs = [await runOfCall(), await runOfCall({ headers: NEW_RUN })];
    expect(runs[0]).not.toBe(runs[1]);
    const third = await runOfCall({ body: { ...ASK, messages: [{ role: 'user', content: 'unrelated' }] } });
    expect(third).toBe(runs[1]);
    const first = { body: { ...ASK, messages: [{ role: 'user', content: `again of ${agent}` }] } };
    const older = await runOfCall({ ...first, headers: NEW_RUN });
    await runOfCall({ headers: NEW_RUN });
    const turn = [...first.body.messages, { role: 'assistant', content: 'hello' }, { role: 'user', content: 'go on' }];
    expect(await runOfCall({ body: { ...ASK, messages: turn } })).toBe(older);
    expect(await runOfCall()).toBe(older);
  });

  it('a run that was named is not joined', async () => {
    const name = await runOfCall(named(`${agent}-explicit`));
    const other = await runOfCall();
    expect(other).not.toBe(name);
    expect(await runOfCall()).toBe(other);
  });

  it('a completed run is not joined', async () => {
    const one = await runOfCall();
    await complete(one);
    expect(await runOfCall()).not.toBe(one);
  });
});

describe('a run that the operator stops', () => {
  const refusedAsStopped = async (options: Call): Promise<void> => {
    const answer = await forwardsNothing(call(options));
    expect(answer.headers['x-should-retry']).toBe('false');
    const status = Number(answer.headers['x-rungate-status'] ?? answer.status);
    expect([status, answer.refusal.code]).toEqual([403, 'run_stopped']);
  };

  it('holds the agent for 15 minutes: the run, new names, new runs and its own session', async () => {
    const session = claude(`stopped-${agent}`);
    const run = await runOfCall(session);
    await stop(run);
    const ways: readonly Call[] = [
      session,
      claude(`invented-${agent}`),
      named(run),
      named(`${agent}-fresh`),
      { headers: NEW_RUN },
      {},
    ];
    for (const way of ways) await refusedAsStopped(way);
    const created = await send(rungate.url, { path: '/v1/runs', token, body: { run_id: `${agent}-by-api` } });
    expect([created.status, created.refusal.code]).toEqual([403, 'run_stopped']);
    rungate.advance(15 * MINUTE - 5_000);
    for (const way of ways) await refusedAsStopped(way);
    rungate.advance(5_000);
    expect(await runOfCall(named(`${agent}-fresh`))).toBe(`${agent}-fresh`);
    expect(await runOfCall(session)).not.toBe(run);
    await refusedAsStopped(named(run));
  });

  it('holds it until a person lets it start again', async () => {
    const session = claude(`resumed-${agent}`);
    const run = await runOfCall(session);
    await stop(run);
    await refusedAsStopped(session);
    const shown = await rungate.call('runs.show', { run_id: run });
    expect(shown.starts_held_until).toBe((shown.run.ended_at ?? 0) + 15 * MINUTE);
    rungate.advance(1);
    await rungate.call('agents.resume', { name: agent });
    expect((await rungate.call('runs.show', { run_id: run })).starts_held_until).toBeNull();
    const next = await runOfCall(session);
    expect(next).not.toBe(run);
    await refusedAsStopped(named(run));
    // The next stop holds it anew.
    rungate.advance(1);
    await stop(next);
    await refusedAsStopped({});
  });

  it('does not hold runs that were open before, or another agent', async () => {
    const before = await runOfCall(claude('before'));
    await stop(await runOfCall(claude('to-be-stopped')));
    expect(await runOfCall(claude('before'))).toBe(before);
    await refusedAsStopped(claude('another'));
    const other = await rungate.addAgent(`${agent}-free`);
    expect((await call({ token: other })).status).toBe(200);
  });

  it('holds the session of every run that was stopped, not only of the latest', async () => {
    const first = await runOfCall(claude('first'));
    const second = await runOfCall(claude('second'));
    await stop(first);
    await stop(second);
    await refusedAsStopped(claude('first'));
    await refusedAsStopped(claude('second'));
  });

  it('cuts its streams in flight', async () => {
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(recording('chat.text').subarray(0, recording('chat.text').indexOf('\n\n') + 2));
    });
    const open = openCall(rungate.url, { path: '/v1/chat/completions', token, body: { ...ASK, stream: true } });
    await open.until('chatcmpl-9aX');
    const run = (await open.head).headers['x-rungate-run-id'] as string;
    await stop(run);
    const answer = await open.answer;
    expect(answer.ended).toBe(false);
    expect(answer.text).toContain('"code":"run_stopped"');
    await (await upstream.request(upstream.received.length)).closed;
    const { exchanges } = await rungate.call('runs.show', { run_id: run });
    expect(exchanges).toMatchObject([{ state: 'aborted', failure: 'aborted_by_operator', estimated: true }]);
  });
});

describe('after a restart', () => {
  it('names, sessions, handed-out ids, conversations, the idle window, ends and stops hold', async () => {
    const own = await startTestRungate({ upstreamUrl: upstream.url });
    const tokens = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => own.addAgent(name)));
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = tokens;
    const first = rungate;
    rungate = own;
    try {
      const name = await runOfCall({ ...named('kept'), token: a });
      const session = await runOfCall({ ...claude('kept'), token: a });
      upstream.script(answerJson(chatToolAnswer('call_kept')));
      const calls = await runOfCall({ headers: NEW_RUN, token: b });
      upstream.script(answerJson(responsesAnswer('resp_kept')));
      const response = await runOfCall({
        path: '/v1/responses',
        body: { model: 'gpt-5.5', input: 'x' },
        headers: NEW_RUN,
        token: b,
      });
      upstream.script(answerAnything);
      const turn = [{ role: 'user', content: 'remember me' }];
      const talk = await runOfCall({ body: { ...ASK, messages: turn }, headers: NEW_RUN, token: b });
      const idle = await runOfCall({ token: c });
      const done = await runOfCall({ ...claude('done'), token: d });
      await send(rungate.url, { method: 'POST', path: `/v1/runs/${done}/complete`, token: d });
      await stop(await runOfCall({ ...claude('stopped'), token: e }));
      rungate = await own.restart();

      expect(await runOfCall({ ...named('kept'), token: a })).toBe(name);
      expect(await runOfCall({ ...claude('kept'), token: a })).toBe(session);
      const result = { role: 'tool', tool_call_id: 'call_kept', content: 'ok' };
      expect(await runOfCall({ body: { ...ASK, messages: [...turn, result] }, token: b })).toBe(calls);
      const next = { model: 'gpt-5.5', input: 'y', previous_response_id: 'resp_kept' };
      expect(await runOfCall({ path: '/v1/responses', body: next, token: b })).toBe(response);
      const longer = [...turn, { role: 'assistant', content: 'hello' }, { role: 'user', content: 'more' }];
      expect(await runOfCall({ body: { ...ASK, messages: longer }, token: b })).toBe(talk);
      expect(await runOfCall({ token: c })).toBe(idle);
      expect(await runOfCall({ ...claude('done'), token: d })).not.toBe(done);
      expect((await call({ ...named(done), token: d })).status).toBe(409);
      for (const way of [claude('stopped'), {}]) {
        const held = await call({ ...way, token: e });
        expect(held.refusal.code).toBe('run_stopped');
      }
      expect((await call({ ...named('kept'), token: f })).status).toBe(404);
    } finally {
      await rungate.close();
      rungate = first;
    }
  });
});

describe('a request that is refused', () => {
  it('is recorded in the run it started, so that no run exists in memory only', async () => {
    const name = `${agent}-refused`;
    const refused = await forwardsNothing(call({ ...named(name), path: '/v1/unknown' }));
    expect(refused.refusal.code).toBe('endpoint_not_governed');
    expect(runOf(refused)).toBe(name);
    const { run, exchanges, steps } = await rungate.call('runs.show', { run_id: name });
    expect(run).toMatchObject({ spent_nano: 0, exchanges: 1 });
    expect(exchanges).toMatchObject([{ state: 'refused', failure: 'endpoint_not_governed', status: 403 }]);
    expect(steps.map(({ kind }) => kind)).toEqual(['refusal']);
    expect((await call(named(name))).status).toBe(200);
  });
});
