import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCall } from '../../harness/agent-client.ts';
import { SMALL_COST } from '../../harness/answers.ts';
import { answerJson } from '../../harness/scripted-upstream.ts';
import {
  applyPolicies,
  ask,
  callOf,
  decideAs,
  type GateBench,
  open,
  POLICY,
  PROPOSAL,
  settled,
  startGateBench,
  waitingOf,
} from './gate-bench.ts';
import { answering, FORMATS, framesOf, jsonOf, LOOKUP, REFUND, WIPE } from './provider-answers.ts';
import { askWithSdk, STOPPED } from './sdk-client.ts';

/** Gates on requests: nothing is forwarded before the approval, and then exactly once. */

/** Requests wait, and so do refunds in their answers; disks are never wiped. */
const BOTH = POLICY.replace('policy: gated', 'policy: both').replace(
  'rules:\n',
  'rules:\n  - { rule: "model:ask", match: { wire_format: { $in: [chat, responses, messages] } }, action: gate }\n',
);
const HELLO = { text: 'hello', calls: [] };

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, [BOTH]);
});
beforeEach(() => bench.upstream.script(answering(HELLO)));
afterAll(() => bench.close());

async function waiting(
  policy = 'asking',
  asking: { stream?: boolean } = {},
  format: (typeof FORMATS)[number] = 'messages',
) {
  const caller = await bench.caller({ policy, delivery: 'retry' });
  const calls = bench.forwarded();
  const retry = () => ask(bench, caller, format, asking);
  const { gate_id: gateId, proposed_action: proposed } = waitingOf(await retry());
  return { caller, calls, retry, gateId, proposed };
}

describe.each(FORMATS)('a gate on a %s request', (format) => {
  it('names the call that was forwarded in every answer under its approval, and no call before', async () => {
    const { caller, retry, gateId } = await waiting('asking', {}, format);
    expect((await retry()).headers['x-rungate-exchange-id']).toBeUndefined();
    await decideAs(bench, 'approve', gateId);
    const named = [await retry(), await retry()].map(({ headers }) => headers['x-rungate-exchange-id']);
    const { exchanges } = await bench.rungate.call('runs.show', { run_id: caller.runId });
    expect(named).toEqual([exchanges[0]?.exchange_id, exchanges[0]?.exchange_id]);
  });

  it('forwards nothing and charges nothing while it waits', async () => {
    const { caller, calls, retry, gateId, proposed } = await waiting('asking', {}, format);
    expect(proposed.tool).toBe('model_call');
    expect(await bench.gate(gateId)).toMatchObject({ kind: 'request', rule: 'model:ask' });
    expect(waitingOf(await retry()).gate_id).toBe(gateId);
    expect(calls()).toBe(0);
    expect(await bench.run(caller)).toMatchObject({ state: 'waiting', spent_nano: 0, reserved_nano: 0 });
  });

  it.each([false, true])(
    'is forwarded once after the approval, and its answer kept for every retry (stream: %s)',
    async (stream) => {
      const { caller, calls, retry, gateId } = await waiting('asking', { stream }, format);
      await decideAs(bench, 'approve', gateId);
      const expected = stream ? framesOf(format, HELLO).join('') : JSON.stringify(jsonOf(format, HELLO));
      for (let n = 0; n < 3; n += 1) {
        const answer = await retry();
        expect([answer.status, answer.text]).toEqual([200, expected]);
      }
      expect(calls()).toBe(1);
      expect(await bench.run(caller)).toMatchObject({ state: 'open', spent_nano: SMALL_COST, reserved_nano: 0 });
    },
  );

  it('held for its SDK is answered in the stream that was begun while it waited', async () => {
    const caller = await bench.caller({ policy: 'asking' });
    const understood = askWithSdk(format, { url: bench.rungate.url, caller, stream: true });
    const gate = await bench.opened(caller);
    await decideAs(bench, 'approve', gate.gate_id);
    const { text, finish } = await understood;
    expect(text).toContain('hello');
    expect(finish).toBe(STOPPED[format]);
  });

  it('rejected while its SDK is held ends normally with the reviewer’s words, and nothing is forwarded', async () => {
    const caller = await bench.caller({ policy: 'asking' });
    const calls = bench.forwarded();
    const understood = askWithSdk(format, { url: bench.rungate.url, caller, stream: true });
    const gate = await bench.opened(caller);
    await decideAs(bench, 'reject', gate.gate_id, { reason: 'not today' });
    expect(await understood).toMatchObject({
      finish: STOPPED[format],
      text: expect.stringContaining('Reason: not today'),
    });
    expect(calls()).toBe(0);
  });

  it('held twice at once is forwarded once; the other stream gets the same answer behind its own note', async () => {
    const caller = await bench.caller({ policy: 'asking' });
    const calls = bench.forwarded();
    const both = [1, 2].map(() => askWithSdk(format, { url: bench.rungate.url, caller, stream: true }));
    const gate = await bench.opened(caller);
    await settled(async () => (await bench.gate(gate.gate_id)).retries >= 1);
    await decideAs(bench, 'approve', gate.gate_id);
    for (const { text, finish } of await Promise.all(both))
      expect([text.includes('hello'), finish]).toEqual([true, STOPPED[format]]);
    expect(calls()).toBe(1);
    expect((await bench.run(caller)).spent_nano).toBe(SMALL_COST);
  });

  it('whose answer is gated too waits again in the same stream, with one note', async () => {
    bench.upstream.script(answering(PROPOSAL));
    const caller = await bench.caller({ policy: 'both' });
    for (const verdict of ['approve', 'reject'] as const) {
      const words = `pay, then ${verdict}`;
      const understood = askWithSdk(format, { url: bench.rungate.url, caller, stream: true, words });
      understood.catch(() => undefined);
      const pending = () => bench.gates(caller).then((gates) => gates.find(({ state }) => state === 'pending'));
      await settled(async () => (await pending())?.kind === 'request');
      await decideAs(bench, 'approve', (await pending())?.gate_id ?? '');
      await settled(async () => (await pending())?.kind === 'response');
      await decideAs(bench, verdict, (await pending())?.gate_id ?? '', { reason: 'looked at' });
      const { text, calls } = await understood;
      expect(calls.map(({ name }) => name)).toEqual(verdict === 'approve' ? ['issue_refund'] : []);
      expect(text.match(/\[Rungate\] waiting/g)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(text.includes('Reason: looked at')).toBe(verdict === 'reject');
    }
  });

  it('that the provider answers with an error cuts the stream that was begun, and the approval still stands', async () => {
    const caller = await bench.caller({ policy: 'asking', delivery: 'hold' });
    const call = open(bench, caller, format, { stream: true });
    const gate = await bench.opened(caller);
    bench.upstream.script(answerJson({ error: { message: 'overloaded' } }, 503));
    await decideAs(bench, 'approve', gate.gate_id);
    const answer = await call.answer;
    expect(answer.ended).toBe(false);
    expect(answer.text).toContain('upstream_unreachable');
    bench.upstream.script(answering(HELLO));
    expect((await ask(bench, caller, format, { stream: true })).text).toBe(framesOf(format, HELLO).join(''));
  });
});

describe('an approved request', () => {
  it('asked for by ten at once is forwarded once, and all get the same bytes', async () => {
    const { calls, retry, gateId, caller } = await waiting();
    await decideAs(bench, 'approve', gateId);
    const goOn = Promise.withResolvers<void>();
    bench.upstream.script(async (_request, response) => {
      await goOn.promise;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jsonOf('messages', HELLO)));
    });
    const answers = Array.from({ length: 10 }, retry);
    await bench.upstream.request(bench.upstream.received.length + 1);
    goOn.resolve();
    const texts = await Promise.all(answers.map(async (answer) => `${(await answer).status} ${(await answer).text}`));
    expect(new Set(texts)).toEqual(new Set([`200 ${JSON.stringify(jsonOf('messages', HELLO))}`]));
    expect(calls()).toBe(1);
    expect((await bench.run(caller)).spent_nano).toBe(SMALL_COST);
  });

  it('carries the credential of the retry that carries it out', async () => {
    const { retry, gateId } = await waiting();
    await decideAs(bench, 'approve', gateId);
    await retry();
    expect(bench.upstream.received.at(-1)?.headers['x-api-key']).toBe('sk-test');
  });

  it.each([400, 429, 500])(
    'that the provider answers with %i passes that through and stays approved',
    async (status) => {
      const { calls, retry, gateId } = await waiting();
      await decideAs(bench, 'approve', gateId);
      bench.upstream.script(answerJson({ error: { message: 'not now' } }, status));
      const answer = await retry();
      expect([answer.status, answer.text]).toEqual([status, '{"error":{"message":"not now"}}']);
      bench.upstream.script(answering(HELLO));
      expect((await retry()).status).toBe(200);
      expect((await retry()).status).toBe(200);
      expect(calls()).toBe(2);
    },
  );

  it('that the provider breaks off stays approved', async () => {
    const { retry, gateId } = await waiting();
    await decideAs(bench, 'approve', gateId);
    bench.upstream.script((_request, response) => response.destroy() && undefined);
    expect((await retry()).status).toBe(502);
    bench.upstream.script(answering(HELLO));
    expect((await retry()).status).toBe(200);
  });

  it('over budget is refused with 402 and stays approved until there is room', async () => {
    const { caller, calls, retry, gateId } = await waiting();
    await bench.rungate.call('budgets.set', { scope: 'run', name: caller.runId, usd: 0 });
    await decideAs(bench, 'approve', gateId);
    expect((await retry()).refusal.code).toBe('budget_exceeded');
    expect(calls()).toBe(0);
    await bench.rungate.call('budgets.set', { scope: 'run', name: caller.runId, usd: 5 });
    expect((await retry()).status).toBe(200);
  });

  it('whose held stream meets a budget that is spent is cut with the reason', async () => {
    const caller = await bench.caller({ policy: 'asking', delivery: 'hold' });
    const call = open(bench, caller, 'messages', { stream: true });
    const gate = await bench.opened(caller);
    await bench.rungate.call('budgets.set', { scope: 'run', name: caller.runId, usd: 0 });
    await decideAs(bench, 'approve', gate.gate_id);
    const answer = await call.answer;
    expect(answer.ended).toBe(false);
    expect(answer.text).toContain('budget_exceeded');
    expect(answer.text).toContain('event: error');
  });

  it('does not let a blocked answer out, to the first request or to any retry', async () => {
    bench.upstream.script(answering({ calls: [WIPE] }));
    const { retry, gateId } = await waiting('both');
    await decideAs(bench, 'approve', gateId);
    for (let n = 0; n < 3; n += 1) {
      const answer = await retry();
      expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
    }
  });

  it('does not let a gated answer out when the gate on it is rejected, expires or is cancelled', async () => {
    bench.upstream.script(answering(PROPOSAL));
    for (const how of ['reject', 'expire', 'cancel'] as const) {
      const { caller, retry, gateId } = await waiting('both');
      await decideAs(bench, 'approve', gateId);
      const second = waitingOf(await retry()).gate_id;
      expect(second).not.toBe(gateId);
      if (how === 'reject') await decideAs(bench, 'reject', second);
      if (how === 'expire') bench.rungate.advance(3_600_000);
      if (how === 'cancel')
        await openCall(bench.rungate.url, { method: 'DELETE', path: `/v1/gates/${second}`, token: caller.token })
          .answer;
      const answer = await retry();
      expect([how, answer.status]).toEqual([how, { reject: 403, expire: 410, cancel: 202 }[how]]);
    }
  });

  it('whose answer is gated is asked for once by ten retries', async () => {
    bench.upstream.script(answering(PROPOSAL));
    const { calls, retry, gateId } = await waiting('both');
    await decideAs(bench, 'approve', gateId);
    const ids = await Promise.all(Array.from({ length: 10 }, async () => waitingOf(await retry()).gate_id));
    expect(new Set(ids).size).toBe(1);
    expect(calls()).toBe(1);
  });
});

describe('a run that is asked for anew', () => {
  const anew = { 'x-rungate-new-run': 'true' };

  it('waits at one gate: its retry leaves the header out, and the provider is asked once', async () => {
    bench.upstream.script(answering(PROPOSAL));
    const caller = await bench.caller({ delivery: 'retry' });
    const calls = bench.forwarded();
    const call = { ...callOf(caller, 'messages'), headers: anew };
    const retry = { ...call, headers: {} };
    const { gate_id: gateId, run_id: runId } = waitingOf(await openCall(bench.rungate.url, call).answer);
    expect(calls()).toBe(1);
    const again = waitingOf(await openCall(bench.rungate.url, retry).answer);
    expect([again.gate_id, again.run_id]).toEqual([gateId, runId]);
    await decideAs(bench, 'approve', gateId);
    expect((await openCall(bench.rungate.url, retry).answer).status).toBe(200);
    expect(calls()).toBe(1);
  });

  it('is another one whenever it is asked for, also while the first waits', async () => {
    bench.upstream.script(answering(PROPOSAL));
    const caller = await bench.caller({ delivery: 'retry' });
    const call = { ...callOf(caller, 'messages'), headers: anew };
    const first = waitingOf(await openCall(bench.rungate.url, call).answer);
    const second = waitingOf(await openCall(bench.rungate.url, call).answer);
    expect(second.run_id).not.toBe(first.run_id);
    await decideAs(bench, 'approve', first.gate_id);
    expect((await bench.gate(second.gate_id)).state).toBe('pending');
  });
});

describe('a gate on an opaque endpoint', () => {
  const policy = `policy: files
endpoints: ["POST /v1/files", "GET /v1/files"]
rules:
  - { rule: "files:ask", match: { endpoint: /v1/files }, action: gate }
`;

  it.each([
    ['POST', '', 'text, no JSON'],
    ['GET', '?purpose=batch', undefined],
  ])('covers exactly its own %s', async (method, query, body) => {
    await applyPolicies(bench.rungate, [policy]);
    bench.upstream.script(answerJson({ id: 'file-1' }));
    const caller = await bench.caller({ policy: 'files', delivery: 'retry' });
    const calls = bench.forwarded();
    const send = (path: string, text = body) =>
      openCall(bench.rungate.url, {
        method,
        path,
        token: caller.token,
        headers: { 'x-rungate-run-id': caller.runId, 'content-type': 'application/json' },
        ...(text === undefined ? {} : { body: text }),
      }).answer;
    const { gate_id: gateId } = waitingOf(await send(`/v1/files${query}`));
    await decideAs(bench, 'approve', gateId);
    expect(waitingOf(await send(`/v1/files?purpose=other`)).gate_id).not.toBe(gateId);
    if (body !== undefined) expect(waitingOf(await send(`/v1/files${query}`, 'other text')).gate_id).not.toBe(gateId);
    expect(calls()).toBe(0);
    for (let n = 0; n < 2; n += 1) expect((await send(`/v1/files${query}`)).json()).toEqual({ id: 'file-1' });
    expect(calls()).toBe(1);
  });
});

describe('runs without a name', () => {
  it('outlive the idle window while a gate waits', async () => {
    bench.upstream.script(answering(PROPOSAL));
    const caller = await bench.caller({ delivery: 'retry' });
    const calls = bench.forwarded();
    const call = { ...callOf(caller, 'messages'), headers: {} };
    const first = waitingOf(await openCall(bench.rungate.url, call).answer);
    bench.rungate.advance(55 * 60_000);
    expect(waitingOf(await openCall(bench.rungate.url, call).answer).gate_id).toBe(first.gate_id);
    expect(calls()).toBe(1);
  });

  it('side by side: each retry finds the gate of its own run', async () => {
    bench.upstream.script(answering({ calls: [LOOKUP, REFUND] }));
    const caller = await bench.caller({ delivery: 'retry' });
    const calls = bench.forwarded();
    const call = (words: string, headers = {}) => ({ ...callOf(caller, 'messages', { words }), headers });
    const send = async (words: string, headers = {}) =>
      waitingOf(await openCall(bench.rungate.url, call(words, headers)).answer);
    const one = await send('one');
    const two = await send('two', { 'x-rungate-new-run': 'true' });
    expect(two.run_id).not.toBe(one.run_id);
    expect((await send('one')).gate_id).toBe(one.gate_id);
    expect((await send('two')).gate_id).toBe(two.gate_id);
    expect(calls()).toBe(2);
  });
});
