import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, type AgentCall, send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

const ASK = { model: 'gpt-4.1', messages: [{ role: 'user', content: 'hello' }] };
const MIB = 1_048_576;

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
  agents += 1;
  agent = `api-${agents}`;
  token = await rungate.addAgent(agent);
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

const api = (call: AgentCall): Promise<AgentAnswer> => send(rungate.url, { token, ...call });
const start = (body: unknown): Promise<AgentAnswer> => api({ method: 'POST', path: '/v1/runs', body });
const show = (runId: string): Promise<AgentAnswer> => api({ path: `/v1/runs/${runId}` });
const complete = (runId: string): Promise<AgentAnswer> => api({ method: 'POST', path: `/v1/runs/${runId}/complete` });
const chat = (runId: string): Promise<AgentAnswer> =>
  api({ path: '/v1/chat/completions', headers: { 'x-rungate-run-id': runId }, body: ASK });
const upload = (runId: string, name: string, body: Uint8Array | string, type?: string): Promise<AgentAnswer> =>
  api({
    method: 'PUT',
    path: `/v1/runs/${runId}/artifacts/${name}`,
    body,
    headers: type === undefined ? {} : { 'content-type': type },
  });
const codeOf = (answer: AgentAnswer): readonly [number, string] => [answer.status, answer.refusal.code];

describe('POST /v1/runs', () => {
  it('starts a run under the name, cap and labels given, and calls go into it', async () => {
    const name = `${agent}-job`;
    const answer = await start({ run_id: name, budget_usd: 0.5, labels: { goal: 'tidy up' } });
    expect(answer.status).toBe(201);
    expect(answer.json()).toMatchObject({
      run_id: name,
      state: 'open',
      agent,
      spent_usd: 0,
      cap_usd: 0.5,
      exchanges: 0,
      labels: { goal: 'tidy up' },
      ended_at: null,
      open_gates: [],
    });
    const call = await chat(name);
    expect(call.headers['x-rungate-budget-remaining-usd']).toBe('0.4997');
    const shown = (await show(name)).json();
    expect(shown).toMatchObject({ spent_usd: 0.0003, reserved_usd: 0, cap_usd: 0.5, exchanges: 1 });
    expect(shown['policy']).toBe(call.headers['x-rungate-policy']);
    expect(Date.parse(String(shown['started_at']))).toBeLessThanOrEqual(Date.parse(String(shown['last_activity_at'])));
  });

  it('makes an id when none is given, with an empty body or none at all', async () => {
    for (const answer of [await start({}), await api({ method: 'POST', path: '/v1/runs' })]) {
      expect(answer.status).toBe(201);
      expect(answer.json()['run_id']).toMatch(/^run_[0-9a-z]{26}$/);
    }
  });

  it('only lowers the cap of the agent', async () => {
    expect((await start({ budget_usd: 100 })).json()['cap_usd']).toBe(5);
    expect((await start({ budget_usd: 1 })).json()['cap_usd']).toBe(1);
  });

  it('says of a taken name whose it is only to its owner', async () => {
    const name = `${agent}-taken`;
    await start({ run_id: name });
    expect(codeOf(await start({ run_id: name }))).toEqual([409, 'already_exists']);
    const other = await rungate.addAgent(`${agent}-other`);
    const theirs = await send(rungate.url, { method: 'POST', path: '/v1/runs', token: other, body: { run_id: name } });
    expect(codeOf(theirs)).toEqual([404, 'not_found']);
  });

  it('gives one of two simultaneous starts the name', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => start({ run_id: `${agent}-race` })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  it.each([
    ['a name with a space', '{"run_id":"a b"}'],
    ['an empty name', '{"run_id":""}'],
    ['a name of 129 characters', JSON.stringify({ run_id: 'x'.repeat(129) })],
    ['a negative budget', '{"budget_usd":-1}'],
    ['a budget in words', '{"budget_usd":"5"}'],
    ['labels that are not text', '{"labels":{"a":1}}'],
    ['an unknown key', '{"runid":"x"}'],
    ['a list', '[]'],
    ['half a document', '{"run_id":'],
    ['a repeated key', '{"run_id":"one","run_id":"two"}'],
  ])('refuses %s', async (_what, body) => {
    const answer = await start(body);
    expect(codeOf(answer)).toEqual([400, 'invalid_request']);
    expect(answer.refusal.context['recover']).toEqual(expect.any(String));
  });

  it('refuses a policy that the agent may not use', async () => {
    expect(codeOf(await start({ policy: 'someone-elses' }))).toEqual([403, 'policy_not_allowed']);
  });

  it('refuses a body of another type or size', async () => {
    const text = await api({ method: 'POST', path: '/v1/runs', body: '{}', headers: { 'content-type': 'text/plain' } });
    expect(codeOf(text)).toEqual([415, 'unsupported_media_type']);
    expect(codeOf(await start({ labels: { a: 'x'.repeat(65 * 1024) } }))).toEqual([413, 'request_too_large']);
  });
});

describe('completing a run', () => {
  it('ends it once, announces it once, and says the same when asked again', async () => {
    const name = `${agent}-done`;
    await chat(name);
    const first = await complete(name);
    expect(first.status).toBe(200);
    expect(first.json()).toMatchObject({ run_id: name, state: 'completed', spent_usd: 0.0003 });
    expect((await complete(name)).json()).toEqual(first.json());
    const announced = rungate.events.filter(
      ({ name: event, body }) => event === 'run.completed' && 'run_id' in body && body.run_id === name,
    );
    expect(announced).toMatchObject([{ body: { agent, spent_nano: 300_000 } }]);
  });

  it('does not turn a stopped run into a completed one', async () => {
    const name = `${agent}-stopped`;
    await chat(name);
    await rungate.call('runs.stop', { run_id: name });
    expect((await complete(name)).json()).toMatchObject({ state: 'stopped' });
  });
});

describe('what an agent cannot see', () => {
  it('is anything of a run that is not its own or does not exist', async () => {
    const name = `${agent}-mine`;
    await start({ run_id: name });
    await upload(name, 'a.txt', 'x', 'text/plain');
    const other = await rungate.addAgent(`${agent}-other`);
    for (const runId of [name, `${agent}-nothing`, 'x'.repeat(200)]) {
      for (const call of [
        { path: `/v1/runs/${runId}` },
        { method: 'POST', path: `/v1/runs/${runId}/complete` },
        { method: 'PUT', path: `/v1/runs/${runId}/artifacts/a.txt`, body: 'y' },
      ]) {
        expect(codeOf(await api({ ...call, token: other }))).toEqual([404, 'not_found']);
      }
    }
    expect((await show(name)).json()['state']).toBe('open');
  });
});

describe('artifacts', () => {
  let run = '';
  beforeEach(async () => {
    run = `${agent}-files`;
    await start({ run_id: run });
  });
  const stored = async () => (await rungate.call('runs.show', { run_id: run })).artifacts;

  it('are kept byte for byte under their type, whatever they are', async () => {
    const files: readonly (readonly [string, Uint8Array, string])[] = [
      ['report.md', Buffer.from('# Grüße 👋'), 'text/markdown; charset=utf-8'],
      ['binary', randomBytes(200_000), 'application/octet-stream'],
      ['page.html', Buffer.from('<script>alert(1)</script>'), 'text/html'],
      ['empty', Buffer.alloc(0), 'image/png'],
    ];
    for (const [name, bytes, type] of files) {
      const answer = await upload(run, name, bytes, type);
      expect(answer.status).toBe(201);
      expect(answer.json()).toMatchObject({ run_id: run, name, content_type: type, bytes: bytes.length });
    }
    expect((await stored()).map(({ name, bytes }) => [name, bytes])).toEqual(
      expect.arrayContaining(files.map(([name, bytes]) => [name, bytes.length])),
    );
    const { steps } = await rungate.call('runs.show', { run_id: run });
    expect(steps.filter(({ kind }) => kind === 'artifact').map(({ summary }) => summary)).toEqual(
      files.map(([name]) => name),
    );
  });

  it('without a type are plain bytes; a type that is none is refused', async () => {
    const path = `/v1/runs/${run}/artifacts/raw`;
    const raw = await fetch(`${rungate.url}${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: new Uint8Array([1, 2, 3]),
    });
    expect(raw.status).toBe(201);
    expect(await raw.json()).toMatchObject({ content_type: 'application/octet-stream', bytes: 3 });
    for (const type of ['', 'nonsense']) {
      const answer = await api({ method: 'PUT', path, body: 'x', headers: { 'content-type': type } });
      expect(codeOf(answer)).toEqual([415, 'unsupported_media_type']);
    }
  });

  it('that come compressed are kept decoded', async () => {
    const answer = await api({
      method: 'PUT',
      path: `/v1/runs/${run}/artifacts/log`,
      body: gzipSync('a long log'),
      headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
    });
    expect(answer.json()['bytes']).toBe('a long log'.length);
  });

  it('sent again with the same content are the same artifact; other content is a new one', async () => {
    const first = (await upload(run, 'out.txt', 'one', 'text/plain')).json();
    expect((await upload(run, 'out.txt', 'one', 'text/plain')).json()).toEqual(first);
    const second = (await upload(run, 'out.txt', 'two', 'text/plain')).json();
    expect(second['artifact_id']).not.toBe(first['artifact_id']);
    const copy = (await upload(run, 'copy.txt', 'one', 'text/plain')).json();
    expect(copy['sha256']).toBe(first['sha256']);
    expect(await stored()).toHaveLength(3);
  });

  it('may be 32 MiB and not a byte more', async () => {
    const most = Buffer.alloc(32 * MIB, 7);
    expect((await upload(run, 'most', most, 'application/zip')).status).toBe(201);
    const over = await upload(run, 'over', Buffer.alloc(32 * MIB + 1), 'application/zip');
    expect(codeOf(over)).toEqual([413, 'request_too_large']);
    const bomb = await api({
      method: 'PUT',
      path: `/v1/runs/${run}/artifacts/bomb`,
      body: gzipSync(Buffer.alloc(33 * MIB)),
      headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
    });
    expect(codeOf(bomb)).toEqual([413, 'request_too_large']);
    expect((await stored()).map(({ name }) => name)).toEqual(['most']);
  });

  it('can be handed in after the run has ended', async () => {
    await complete(run);
    expect((await upload(run, 'late.txt', 'x', 'text/plain')).status).toBe(201);
  });
});
