import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { SMALL_COST } from '../../harness/answers.ts';
import { ask, type Caller, decideAs, type GateBench, open, PROPOSAL, startGateBench, waitingOf } from './gate-bench.ts';
import { answering, FORMATS, framesOf, jsonOf, REFUND } from './provider-answers.ts';
import { askWithSdk, CALLED, STOPPED } from './sdk-client.ts';

/**
 * Every way a gate can end, in every wire format and form, by every delivery. Clients that read 202 are plain HTTP;
 * those that cannot are the official SDKs as they are.
 */

const FORMS = ['json', 'stream'] as const;
type Form = (typeof FORMS)[number];
const cases = FORMATS.flatMap((format) => FORMS.map((form) => [format, form] as const));

/** What the provider's own bytes are for the proposal, as an agent that asked for no usage chunk gets them. */
const nativeBytes = (format: HoldableFormat, form: Form): string =>
  form === 'json' ? JSON.stringify(jsonOf(format, PROPOSAL)) : framesOf(format, PROPOSAL).join('');

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
afterAll(() => bench.close());

type Ending = 'approve' | 'reject' | 'expire' | 'cancel';

async function end(how: Ending, gateId: string, caller: Caller): Promise<void> {
  switch (how) {
    case 'approve':
      return void (await decideAs(bench, 'approve', gateId));
    case 'reject':
      return void (await decideAs(bench, 'reject', gateId, {
        reason: 'too much',
        suggested_args: { amount_usd: 400 },
      }));
    case 'expire':
      bench.rungate.advance(3_600_000);
      return bench.rungate.core.clockChanged();
    case 'cancel': {
      const response = await fetch(`${bench.rungate.url}/v1/gates/${gateId}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${caller.token}` },
      });
      expect(response.status).toBe(200);
    }
  }
}

describe.each(cases)('%s %s by retry', (format, form) => {
  const asking = { stream: form === 'stream' };

  /** A caller whose request waits, told so with 202. */
  async function waiting(
    headers: Readonly<Record<string, string>> = {},
    delivery: 'retry' | 'auto' | 'hold' = 'retry',
  ) {
    const caller = await bench.caller({ delivery });
    const calls = bench.forwarded();
    const first = await ask(bench, caller, format, { ...asking, headers });
    const { gate_id: gateId } = waitingOf(first);
    return { caller, first, gateId, calls, retry: () => ask(bench, caller, format, { ...asking, headers }) };
  }

  it('a client nobody knows is told 202 by `auto` where it does not stream, and held where it streams with tools', async () => {
    if (asking.stream) {
      const caller = await bench.caller({ delivery: 'auto' });
      const answer = ask(bench, caller, format, asking);
      const { gate_id: gateId } = await bench.opened(caller);
      await decideAs(bench, 'approve', gateId);
      expect((await answer).text).toContain('1240');
      return;
    }
    const { first, retry, calls } = await waiting({}, 'auto');
    expect(first.headers['retry-after']).toBe('5');
    expect(waitingOf(await retry())).toEqual(waitingOf(first));
    expect(calls()).toBe(1);
  });

  it('x-rungate-gate: retry is told 202 although its agent holds', async () => {
    const { first } = await waiting({ 'x-rungate-gate': 'retry' }, 'hold');
    expect(first.headers['content-type']).toBe('application/json');
  });

  it('the 202 names the governed run and no byte of the answer is in it', async () => {
    const { caller, first, gateId } = await waiting();
    expect(first.headers).toMatchObject({ 'x-rungate-run-id': caller.runId, 'x-rungate-gate-id': gateId });
    expect(first.text).not.toContain('I will pay');
    expect((await bench.run(caller)).state).toBe('waiting');
  });

  it('approved, every retry gets the reviewed bytes, with one call to the provider and one charge', async () => {
    const { caller, gateId, calls, retry } = await waiting();
    await end('approve', gateId, caller);
    for (let n = 0; n < 3; n += 1) {
      const answer = await retry();
      expect([answer.status, answer.text]).toEqual([200, nativeBytes(format, form)]);
      expect(answer.headers['x-rungate-gate-id']).toBe(gateId);
    }
    expect(calls()).toBe(1);
    expect(await bench.run(caller)).toMatchObject({ state: 'open', spent_nano: SMALL_COST, reserved_nano: 0 });
  });

  it('rejected, every retry gets 403 with reason and suggestion, and nothing is forwarded', async () => {
    const { caller, gateId, calls, retry } = await waiting();
    await end('reject', gateId, caller);
    for (let n = 0; n < 2; n += 1) {
      const answer = await retry();
      expect([answer.status, answer.headers['x-should-retry']]).toEqual([403, 'false']);
      expect(answer.refusal).toMatchObject({
        code: 'approval_rejected',
        context: { gate_id: gateId, reason: 'too much', suggested_args: { amount_usd: 400 } },
      });
    }
    expect(calls()).toBe(1);
    expect((await bench.run(caller)).state).toBe('open');
  });

  it('expired, it is 410 until x-rungate-new-gate asks anew', async () => {
    const { caller, gateId, calls, retry } = await waiting();
    await end('expire', gateId, caller);
    expect([(await retry()).status, (await retry()).status]).toEqual([410, 410]);
    expect(calls()).toBe(1);
    const anew = waitingOf(await ask(bench, caller, format, { ...asking, headers: { 'x-rungate-new-gate': 'true' } }));
    expect(anew.gate_id).not.toBe(gateId);
    expect(waitingOf(await retry()).gate_id).toBe(anew.gate_id);
    expect(calls()).toBe(2);
    await end('approve', anew.gate_id, caller);
    expect((await retry()).text).toBe(nativeBytes(format, form));
  });

  it('cancelled by its agent, the next request opens another', async () => {
    const { caller, gateId, calls, retry } = await waiting();
    await end('cancel', gateId, caller);
    expect((await bench.run(caller)).state).toBe('open');
    expect(waitingOf(await retry()).gate_id).not.toBe(gateId);
    expect(calls()).toBe(2);
  });

  it('x-rungate-new-gate opens none while the gate is pending, approved or rejected', async () => {
    const { caller, gateId, calls } = await waiting();
    const anew = () => ask(bench, caller, format, { ...asking, headers: { 'x-rungate-new-gate': 'true' } });
    expect(waitingOf(await anew()).gate_id).toBe(gateId);
    await end('reject', gateId, caller);
    expect((await anew()).status).toBe(403);
    expect(calls()).toBe(1);
  });

  it('a retry in the other form gets the approved answer transcoded', async () => {
    const { caller, gateId, calls } = await waiting();
    await end('approve', gateId, caller);
    const other = await ask(bench, caller, format, { stream: form !== 'stream' });
    expect(other.status).toBe(200);
    expect(other.headers['content-type']).toContain(form === 'stream' ? 'application/json' : 'text/event-stream');
    expect(other.headers['content-length']).toBe(String(other.body.length));
    expect(other.text).toContain('call_refund');
    // To the last digit, as it was approved.
    if (format !== 'messages') expect(other.text).toContain('1240.00');
    expect(calls()).toBe(1);
  });

  it('survives a changed key order, trace headers and a retry counter; a changed message does not', async () => {
    const { caller, gateId } = await waiting();
    const again = await ask(bench, caller, format, {
      ...asking,
      headers: { 'x-stainless-retry-count': '2', traceparent: '00-1-2-01' },
    });
    expect(waitingOf(again).gate_id).toBe(gateId);
    const changed = await ask(bench, caller, format, { ...asking, words: 'pay ord_2 back' });
    expect(waitingOf(changed).gate_id).not.toBe(gateId);
  });
});

const ARGS = { order: 'ord_1', amount_usd: 1240 };

describe.each(cases)('%s %s held for the official SDK by `auto`', (format, form) => {
  /** A caller whose SDK waits at a gate. */
  async function held() {
    const caller = await bench.caller({ delivery: 'auto' });
    const calls = bench.forwarded();
    const answer = askWithSdk(format, { url: bench.rungate.url, caller, stream: form === 'stream' });
    answer.catch(() => undefined);
    const gate = await bench.opened(caller);
    return { caller, calls, answer, gateId: gate.gate_id };
  }

  it('approved, it gets the tool call and nothing was asked twice', async () => {
    const { caller, calls, answer, gateId } = await held();
    expect((await bench.run(caller)).state).toBe('waiting');
    await end('approve', gateId, caller);
    const understood = await answer;
    expect(understood.calls).toEqual([{ name: 'issue_refund', args: ARGS }]);
    expect(understood.finish).toBe(CALLED[format]);
    expect(understood.text).toContain('I will pay it back.');
    // The Responses SDK takes its final text from the provider's own last event, which knows nothing of the note.
    const noted = form === 'stream' && format !== 'responses';
    expect(understood.text.includes(`[Rungate] waiting for approval: refund:over-$500 (${gateId})`)).toBe(noted);
    expect(calls()).toBe(1);
    expect(await bench.run(caller)).toMatchObject({ state: 'open', spent_nano: SMALL_COST, reserved_nano: 0 });
    expect((await bench.gate(gateId)).released_at).toEqual(expect.any(Number));
  });

  it('rejected, it gets a normal end with the reviewer’s words, or the refusal', async () => {
    const { caller, answer, gateId } = await held();
    await end('reject', gateId, caller);
    if (form === 'stream') {
      const understood = await answer;
      expect(understood).toMatchObject({ calls: [], finish: STOPPED[format] });
      expect(understood.text).toContain('[Rungate] Rejected by operator (rule refund:over-$500). Reason: too much');
      expect(understood.text).toContain('{"amount_usd":400}');
      expect(understood.text).not.toContain('1240');
    } else {
      await expect(answer).rejects.toMatchObject({
        status: 403,
        message: expect.stringContaining('Approval gate rejected by reviewer.'),
      });
    }
  });

  it('expired, it gets a normal end that says so, or 410', async () => {
    const { caller, answer, gateId } = await held();
    await end('expire', gateId, caller);
    if (form === 'stream') {
      const understood = await answer;
      expect(understood).toMatchObject({ calls: [], finish: STOPPED[format] });
      expect(understood.text).toContain('[Rungate] Nobody decided in time');
    } else {
      await expect(answer).rejects.toMatchObject({
        status: 410,
        message: expect.stringContaining('expired without resolution'),
      });
    }
  });

  it('cancelled, it ends without the call, and the provider is not asked again', async () => {
    const { caller, answer, calls, gateId } = await held();
    await end('cancel', gateId, caller);
    if (form === 'stream') {
      const understood = await answer;
      expect(understood).toMatchObject({ calls: [], finish: STOPPED[format] });
      expect(understood.text).toContain('[Rungate] The approval was cancelled');
    } else {
      await expect(answer).rejects.toMatchObject({ status: 410, message: expect.stringContaining('cancelled') });
    }
    expect(calls()).toBe(1);
  });

  it('a stopped run ends the wait and releases nothing', async () => {
    const { caller, answer, calls, gateId } = await held();
    await bench.rungate.call('runs.stop', { run_id: caller.runId });
    expect((await bench.gate(gateId)).state).toBe('cancelled');
    expect(
      await answer.then(
        ({ calls: got }) => got,
        () => [],
      ),
    ).toEqual([]);
    expect(calls()).toBe(1);
  });

  it('a revoked token ends the wait, and nothing more is forwarded for it', async () => {
    const { caller, answer, calls, gateId } = await held();
    await bench.rungate.call('agents.revoke', { name: caller.name });
    expect((await bench.gate(gateId)).state).toBe('cancelled');
    expect(
      await answer.then(
        ({ calls: got }) => got,
        () => [],
      ),
    ).toEqual([]);
    expect(calls()).toBe(1);
  });
});

describe.each(cases)('%s %s held for a plain client', (format, form) => {
  it.each([
    ['the agent’s delivery is hold', 'hold', {}],
    ['x-rungate-gate: hold asks for it', 'retry', { 'x-rungate-gate': 'hold' }],
    ['auto knows the SDK by its headers', 'auto', { 'x-stainless-lang': 'js' }],
    ['auto knows Claude Code', 'auto', { 'x-claude-code-session-id': 's-1', 'user-agent': 'claude-cli/2.1.197' }],
    ['auto knows Codex', 'auto', { originator: 'codex_exec' }],
    ['auto knows opencode', 'auto', { 'x-session-affinity': 'ses_1' }],
    ['auto knows the AI SDK', 'auto', { 'user-agent': 'ai-sdk/openai/3.0.141' }],
    ['auto knows the Agents SDK', 'auto', { 'user-agent': 'Agents/JavaScript 0.20.0' }],
  ] as const)('because %s: the connection waits and then has the answer', async (_, delivery, headers) => {
    const caller = await bench.caller({ delivery });
    const call = open(bench, caller, format, { stream: form === 'stream', headers });
    const { gate_id: gateId } = await bench.opened(caller);
    await end('approve', gateId, caller);
    const answer = await call.answer;
    expect([answer.status, answer.ended]).toEqual([200, true]);
    expect(answer.text).toContain('call_refund');
    if (form === 'json') expect(answer.text).toBe(nativeBytes(format, form));
  });
});

describe('the bytes of a provider that says nothing gated', () => {
  it.each(cases)('%s %s pass as they are, and no gate is opened', async (format, form) => {
    const small = { text: 'here', calls: [{ ...REFUND, args: '{"order":"ord_1","amount_usd":12}' }] };
    bench.upstream.script(answering(small));
    for (const delivery of ['retry', 'hold'] as const) {
      const caller = await bench.caller({ delivery });
      const answer = await ask(bench, caller, format, { stream: form === 'stream' });
      const expected = form === 'json' ? JSON.stringify(jsonOf(format, small)) : framesOf(format, small).join('');
      expect([answer.status, answer.text]).toEqual([200, expected]);
      expect(await bench.gates(caller)).toEqual([]);
    }
  });
});
