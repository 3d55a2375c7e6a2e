import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type OpenCall, openCall } from '../../harness/agent-client.ts';
import {
  ask,
  type Caller,
  callOf,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  receivedSoFar,
  settled,
  startGateBench,
  waitingOf,
} from './gate-bench.ts';
import { answering, FORMATS, framesOf, jsonOf, REFUND } from './provider-answers.ts';
import { askWithSdk, CALLED } from './sdk-client.ts';

/** Connections that are held while a person decides: what has left, what keeps them open, and how they end early. */

const noteOf = (gateId: string): string => `[Rungate] waiting for approval: refund:over-$500 (${gateId})`;

describe('a held stream', () => {
  let bench: GateBench;
  beforeAll(async () => {
    bench = await startGateBench();
  });
  beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
  afterAll(() => bench.close());

  describe.each(FORMATS)('of %s', (format) => {
    /** The provider says its text, waits for `goOn`, and then proposes the call. */
    async function slowly() {
      const frames = framesOf(format, PROPOSAL);
      const first = frames.findIndex((frame) => frame.includes('call_refund'));
      const goOn = Promise.withResolvers<void>();
      bench.upstream.script(async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const frame of frames.slice(0, first)) response.write(frame);
        await goOn.promise;
        for (const frame of frames.slice(first)) response.write(frame);
        response.end();
      });
      const caller = await bench.caller({ delivery: 'hold' });
      const call = open(bench, caller, format, { stream: true });
      const bytes = receivedSoFar(call);
      const [text, proposal] = [frames.slice(0, first).join(''), frames.slice(first).join('')];
      await call.until('back.');
      return { caller, call, bytes, text, proposal, goOn: goOn.resolve };
    }

    it('has shown all that precedes the gated call, then the note, and nothing of the call', async () => {
      const { caller, call, bytes, text, goOn } = await slowly();
      expect(bytes()).toBe(text);
      expect(await bench.gates(caller)).toEqual([]);
      goOn();
      const gate = await bench.opened(caller);
      await call.until(gate.gate_id);
      const held = bytes();
      expect(held.startsWith(text)).toBe(true);
      expect(held).toContain(noteOf(gate.gate_id));
      for (const secret of ['call_refund', 'issue_refund', 'ord_1', '1240']) expect(held).not.toContain(secret);
      expect(call.request.destroyed).toBe(false);
      await decideAs(bench, 'approve', gate.gate_id);
      const answer = await call.answer;
      expect([answer.status, answer.ended]).toEqual([200, true]);
      expect(answer.text.startsWith(held)).toBe(true);
      expect(answer.text).toContain('call_refund');
    });

    it('is kept open by empty content that its SDK accepts', async () => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      try {
        const caller = await bench.caller({ delivery: 'auto' });
        const understood = askWithSdk(format, { url: bench.rungate.url, caller, stream: true });
        const plain = await bench.caller({ delivery: 'hold' });
        const call = open(bench, plain, format, { stream: true });
        const bytes = receivedSoFar(call);
        const [gate, other] = [await bench.opened(plain), await bench.opened(caller)];
        await call.until(gate.gate_id);
        const before = bytes().length;
        vi.advanceTimersByTime(60_000);
        await decideAs(bench, 'reject', gate.gate_id, { reason: 'enough' });
        await decideAs(bench, 'approve', other.gate_id);
        const beats = (await call.answer).text.slice(before).split('\n\n').slice(0, 4);
        const beat = { chat: '"delta":{}', responses: '"delta":""', messages: '"text":""' }[format];
        for (const frame of beats) expect(frame).toContain(beat);
        expect(await understood).toMatchObject({ calls: [{ name: 'issue_refund' }], finish: CALLED[format] });
      } finally {
        vi.useRealTimers();
      }
    });

    it('leaves no note in what the provider is sent next', async () => {
      const caller = await bench.caller({ delivery: 'hold' });
      const call = open(bench, caller, format, { stream: true });
      const gate = await bench.opened(caller);
      await decideAs(bench, 'approve', gate.gate_id);
      await call.answer;
      bench.upstream.script(answering({ text: 'done', calls: [] }));
      const words = `I will pay it back.\n\n${noteOf(gate.gate_id)}\n\n`;
      const block = (text: string) => ({ type: 'text', text });
      const call1 = { id: 'call_refund', type: 'function', function: { name: 'issue_refund', arguments: REFUND.args } };
      const history = {
        chat: {
          messages: [
            { role: 'user', content: 'pay ord_1 back' },
            { role: 'assistant', content: words, tool_calls: [call1] },
            { role: 'tool', tool_call_id: 'call_refund', content: 'paid' },
          ],
        },
        messages: {
          messages: [
            { role: 'user', content: 'pay ord_1 back' },
            {
              role: 'assistant',
              content: [
                block('I will pay it back.'),
                block(noteOf(gate.gate_id)),
                { type: 'tool_use', id: 'call_refund', name: 'issue_refund', input: { order: 'ord_1' } },
              ],
            },
            { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_refund', content: 'paid' }] },
          ],
        },
        responses: {
          input: [
            { role: 'user', content: 'pay ord_1 back' },
            {
              type: 'message',
              id: `msg_rungate_${gate.gate_id}`,
              role: 'assistant',
              status: 'completed',
              content: [{ type: 'output_text', text: noteOf(gate.gate_id), annotations: [] }],
            },
            { type: 'function_call', call_id: 'call_refund', name: 'issue_refund', arguments: REFUND.args },
            { type: 'function_call_output', call_id: 'call_refund', output: 'paid' },
          ],
        },
      }[format];
      expect((await ask(bench, caller, format, { body: history })).status).toBe(200);
      const sent = bench.upstream.received.at(-1)?.body.toString() ?? '';
      expect(sent).not.toContain('[Rungate]');
      expect(sent).toContain('call_refund');
      if (format !== 'responses') expect(sent).toContain('I will pay it back.');
    });

    it('of an agent that asks for structured output is held without a note', async () => {
      const caller = await bench.caller({ delivery: 'hold' });
      const structured = {
        chat: { response_format: { type: 'json_object' } },
        responses: { text: { format: { type: 'json_object' } } },
        messages: { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      }[format];
      const call = open(bench, caller, format, { stream: true, body: structured });
      const gate = await bench.opened(caller);
      await decideAs(bench, 'approve', gate.gate_id);
      const { text } = await call.answer;
      expect(text).not.toContain('[Rungate]');
      expect(text).toContain('call_refund');
    });
  });

  it('of chat keeps the usage chunk from an agent that did not ask for it, and leaves it to one that did', async () => {
    for (const asked of [false, true]) {
      for (const verdict of ['approve', 'reject'] as const) {
        const caller = await bench.caller({ delivery: 'hold' });
        const body = asked ? { stream_options: { include_usage: true } } : {};
        const call = open(bench, caller, 'chat', { stream: true, body });
        await decideAs(bench, verdict, (await bench.opened(caller)).gate_id);
        const { text } = await call.answer;
        expect(text.includes('"usage":{"prompt_tokens":100'), `${asked} ${verdict}`).toBe(asked);
        expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
        expect((await bench.run(caller)).output_tokens).toBe(20);
      }
    }
  });

  it('is cut, not ended, when the core shuts down', async () => {
    const other = await startGateBench({ limits: { shutdownMs: 0 } });
    const caller = await other.caller({ delivery: 'hold' });
    const call = open(other, caller, 'messages', { stream: true });
    const gate = await other.opened(caller);
    await call.until(gate.gate_id);
    const again = await other.rungate.restart();
    const answer = await call.answer;
    expect(answer.ended).toBe(false);
    expect(answer.text).not.toContain('1240');
    expect((await again.call('gates.show', { gate_id: gate.gate_id })).gate.state).toBe('pending');
    await again.close();
    await other.upstream.close();
  });
});

describe('at its client’s ceiling', () => {
  let bench: GateBench;
  beforeAll(async () => {
    bench = await startGateBench({ limits: { holdCeilingMs: 40 } });
  });
  afterAll(() => bench.close());

  it.each(FORMATS)(
    'a held %s call is sent back with 409 approval_pending, and the next one finds its gate',
    async (format) => {
      const caller = await bench.caller({ delivery: 'hold' });
      const calls = bench.forwarded();
      const first = await ask(bench, caller, format);
      expect([first.status, first.headers['x-should-retry']]).toEqual([409, 'true']);
      expect(Number(first.headers['retry-after'])).toBeLessThanOrEqual(60);
      expect(first.refusal.code).toBe('approval_pending');
      expect(first.refusal.message).not.toContain('issue_refund');
      const { gate_id: gateId } = await bench.opened(caller);
      expect((await ask(bench, caller, format)).refusal.context['gate_id']).toBe(gateId);
      await decideAs(bench, 'approve', gateId);
      expect((await ask(bench, caller, format)).text).toBe(JSON.stringify(jsonOf(format, PROPOSAL)));
      expect(calls()).toBe(1);
      expect(await bench.gates(caller)).toHaveLength(1);
    },
  );

  it.each(FORMATS)('the %s SDK’s own retry attaches to the same gate', async (format) => {
    const caller = await bench.caller();
    const calls = bench.forwarded();
    const statuses: number[] = [];
    /** What the SDK would wait for is decided in its pause; the pause itself is shortened. */
    const during: typeof globalThis.fetch = async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      if (response.status !== 409) return response;
      await decideAs(bench, 'approve', (await bench.opened(caller)).gate_id);
      const headers = new Headers(response.headers);
      headers.set('retry-after-ms', '1');
      headers.delete('retry-after');
      return new Response(await response.text(), { status: 409, headers });
    };
    const understood = await askWithSdk(format, {
      url: bench.rungate.url,
      caller,
      stream: false,
      fetch: during,
      retries: 2,
    });
    expect(understood.calls).toEqual([{ name: 'issue_refund', args: { order: 'ord_1', amount_usd: 1240 } }]);
    expect(statuses).toEqual([409, 200]);
    expect(calls()).toBe(1);
  });

  it('a stream that has begun is held on until its verdict', async () => {
    const caller = await bench.caller({ delivery: 'hold' });
    const held = open(bench, caller, 'messages', { stream: true });
    const gate = await bench.opened(caller);
    await held.until(gate.gate_id);
    // This one has the same patience and starts later; when it has been sent back, the first one’s is over too.
    expect((await ask(bench, await bench.caller({ delivery: 'hold' }), 'messages')).status).toBe(409);
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await held.answer).text).toContain('call_refund');
  });
});

describe('an agent that hangs up', () => {
  let bench: GateBench;
  beforeAll(async () => {
    bench = await startGateBench({ limits: { abandonMs: 60 } });
  });
  afterAll(() => bench.close());

  const gone = (caller: Caller) =>
    bench.rungate.event(
      'approval.changed',
      ({ body }) => 'gate' in body && body.gate.run_id === caller.runId && body.gate.agent_gone_at !== null,
    );
  const cancelled = (caller: Caller) =>
    bench.rungate.event('approval.cancelled', ({ body }) => 'gate' in body && body.gate.run_id === caller.runId);

  /** A held call whose gate is open, with how its connection is left. */
  async function held(stream: boolean, known?: Caller) {
    const caller = known ?? (await bench.caller({ delivery: 'hold' }));
    const call = open(bench, caller, 'messages', { stream });
    const gate = await bench.opened(caller);
    if (stream) await call.until(gate.gate_id);
    return { caller, call, gate };
  }

  /** Another agent’s gate, abandoned now and left in its time: whatever was abandoned before has had its time too. */
  async function patiencePasses(): Promise<void> {
    const { caller, call } = await held(false);
    call.leave();
    await gone(caller);
  }

  const pendingOf = async ({ runId }: Caller) =>
    (await bench.rungate.call('gates.list', { run_id: runId, states: ['pending'] })).gates;

  it.each([false, true])('and does not come back leaves a gate that waits for nobody (stream: %s)', async (stream) => {
    const { caller, call, gate } = await held(stream);
    expect(await pendingOf(caller)).toHaveLength(1);
    call.leave();
    await gone(caller);
    expect(await bench.gate(gate.gate_id)).toMatchObject({ state: 'pending', agent_gone_at: expect.any(Number) });
    expect(await pendingOf(caller)).toEqual([]);
    expect((await bench.run(caller)).state).toBe('open');
    // It may still be decided, and the same request finds it: no new gate, no new call to the provider.
    await decideAs(bench, 'approve', gate.gate_id);
    const calls = bench.forwarded();
    expect((await ask(bench, caller, 'messages', { stream })).text).toContain('call_refund');
    expect(calls()).toBe(0);
    expect(await bench.gates(caller)).toHaveLength(1);
  });

  it('and comes back late finds its gate, which waits for it again', async () => {
    const { caller, call, gate } = await held(true);
    call.leave();
    await gone(caller);
    const again = open(bench, caller, 'messages', { stream: true });
    await settled(async () => (await bench.gate(gate.gate_id)).agent_gone_at === null);
    expect((await bench.run(caller)).state).toBe('waiting');
    expect(await pendingOf(caller)).toHaveLength(1);
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await again.answer).text).toContain('call_refund');
  });

  /** The held conversation as its client goes on with it. */
  const longer = (words: string) => ({
    messages: [
      { role: 'user', content: 'pay ord_1 back' },
      { role: 'assistant', content: 'I will pay it back.' },
      { role: 'user', content: words },
    ],
  });

  it('and goes on without it has its gate cancelled at once: one verdict is enough', async () => {
    const { caller, call, gate } = await held(true);
    call.leave();
    // Another conversation of the run says nothing of this one.
    bench.upstream.script(answering({ text: 'A title', calls: [] }));
    expect((await ask(bench, caller, 'messages', { words: 'a title', tools: [] })).status).toBe(200);
    bench.upstream.script(answering(PROPOSAL));
    expect((await bench.gate(gate.gate_id)).state).toBe('pending');
    const steered = open(bench, caller, 'messages', { stream: true, body: longer('only half of it') });
    await cancelled(caller);
    expect(await bench.gate(gate.gate_id)).toMatchObject({ state: 'cancelled', reason: 'conversation_went_on' });
    await settled(async () => (await pendingOf(caller)).length === 1);
    const [waiting] = await pendingOf(caller);
    await decideAs(bench, 'approve', waiting?.gate_id ?? '');
    expect((await steered.answer).text).toContain('call_refund');
  });

  it('after its conversation has gone on has its gate cancelled when it hangs up', async () => {
    const { caller, call, gate } = await held(true);
    const steered = open(bench, caller, 'messages', { stream: true, body: longer('only half of it') });
    await settled(async () => (await pendingOf(caller)).length === 2);
    expect((await bench.gate(gate.gate_id)).state).toBe('pending');
    call.leave();
    await cancelled(caller);
    steered.leave();
  });

  /** Resolves once the gate has been met by `count` retries. */
  const met = (gateId: string, count: number) => settled(async () => (await bench.gate(gateId)).retries >= count);

  it('on one of two connections keeps its gate while the other waits', async () => {
    const { caller, call, gate } = await held(false);
    const second: OpenCall = open(bench, caller, 'messages', { stream: false });
    await met(gate.gate_id, 1);
    call.leave();
    await patiencePasses();
    expect((await bench.gate(gate.gate_id)).state).toBe('pending');
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await second.answer).status).toBe(200);
  });

  it('and polls from then on keeps its gate', async () => {
    const { caller, call, gate } = await held(true);
    call.leave();
    const polled = await ask(bench, caller, 'messages', { stream: true, headers: { 'x-rungate-gate': 'retry' } });
    expect(waitingOf(polled).gate_id).toBe(gate.gate_id);
    await patiencePasses();
    expect((await bench.gate(gate.gate_id)).state).toBe('pending');
  });

  it('before its answer came can still poll for it', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    const goOn = Promise.withResolvers<void>();
    const asked = bench.upstream.received.length + 1;
    bench.upstream.script(async (_request, response) => {
      await goOn.promise;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jsonOf('messages', PROPOSAL)));
    });
    const call = openCall(bench.rungate.url, callOf(caller, 'messages'));
    await bench.upstream.request(asked);
    call.leave();
    await call.answer.catch(() => undefined);
    goOn.resolve();
    bench.upstream.script(answering(PROPOSAL));
    const gate = await bench.opened(caller);
    expect(waitingOf(await ask(bench, caller, 'messages')).gate_id).toBe(gate.gate_id);
    await patiencePasses();
    expect((await bench.gate(gate.gate_id)).state).toBe('pending');
  });
});
