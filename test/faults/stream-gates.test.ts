import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Admitted } from '../../proxy-core/exchange/admission.ts';
import { ruleOnAnswer, watchAnswer } from '../../proxy-core/exchange/answer-ruling.ts';
import { openPassage } from '../../proxy-core/exchange/passage.ts';
import type { AgentReply } from '../../proxy-core/exchange/reply.ts';
import type { HoldableFormat } from '../../proxy-core/wire/hold.ts';
import { type CoreBench, openCoreBench } from '../exchange/gates/core-bench.ts';
import {
  applyPolicies,
  ask,
  type Caller,
  callOf,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  receivedSoFar,
  startGateBench,
  waitingOf,
} from '../exchange/gates/gate-bench.ts';
import {
  answering,
  FORMATS,
  framesOf,
  jsonOf,
  LOOKUP,
  REFUND,
  type SaidCall,
  WIPE,
} from '../exchange/gates/provider-answers.ts';
import { askWithSdk } from '../exchange/gates/sdk-client.ts';
import { openCall } from '../harness/agent-client.ts';
import { SMALL_COST } from '../harness/answers.ts';
import type { Script } from '../harness/scripted-upstream.ts';

/** Faults D, where they meet approvals: however a stream arrives, what must wait waits and what may pass passes. */

/** Every call waits; whether one was declared makes no difference. */
const ALL = `policy: all-calls
budget: { run_usd: 100 }
loops: { action: alert }
rules: [{ rule: "every:call", match: { tool: { $exists: true } }, action: gate }]
`;

const RECORDINGS = [
  'chat.parallel-tools',
  'chat.custom-tool',
  'chat.legacy-function',
  'chat.two-choices',
  'chat.text',
  'messages.tools',
  'messages.server-tools',
  'messages.text',
  'responses.tools',
  'responses.code-mode',
  'responses.server-tools',
  'responses.text',
];
/** Cut in two at every byte; the others are taken byte by byte, which has every cut in it. */
const CUT_EVERYWHERE = new Set(['chat.parallel-tools', 'messages.tools', 'responses.tools']);

const recording = (name: string): Buffer => readFileSync(new URL(`../fixtures/streams/${name}.sse`, import.meta.url));
const formatOf = (name: string): HoldableFormat => FORMATS.find((format) => name.startsWith(format)) ?? 'chat';

const single = (bytes: Buffer): readonly Buffer[] =>
  Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i, i + 1));
const cuts = (name: string, bytes: Buffer): readonly (readonly Buffer[])[] =>
  !CUT_EVERYWHERE.has(name)
    ? [single(bytes)]
    : [
        single(bytes),
        ...Array.from({ length: bytes.length - 1 }, (_, i) => [bytes.subarray(0, i + 1), bytes.subarray(i + 1)]),
      ];

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, [ALL]);
});
beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
afterAll(() => bench.close());

describe('D1 a recorded stream in any pieces', () => {
  let parts: CoreBench;
  let holder: Caller;
  let poller: Caller;
  beforeAll(async () => {
    const own = await startGateBench();
    await applyPolicies(own.rungate, [ALL]);
    [holder, poller] = [
      await own.caller({ policy: 'all-calls', delivery: 'hold' }),
      await own.caller({ policy: 'all-calls', delivery: 'retry' }),
    ];
    await own.rungate.core.close();
    await own.upstream.close();
    parts = await openCoreBench(own.rungate.home, Date.now());
  });
  afterAll(() => parts.close());

  /** What the agent has been sent, what is held back, and the decision. */
  async function pass(admitted: Admitted, pieces: readonly Buffer[]) {
    const sent: Buffer[] = [];
    let headSent = false;
    const reply: AgentReply = {
      program: 'rungate',
      get headSent() {
        return headSent;
      },
      gone: false,
      interim: () => undefined,
      head: () => {
        headSent = true;
      },
      write: (bytes) => sent.push(Buffer.from(bytes)) > 0,
      end: () => undefined,
      cut: () => undefined,
      onGone: () => undefined,
      onDrain: () => undefined,
    };
    const { streaming, passesUnread, passesSpace } = watchAnswer(parts.core, admitted, null);
    const passage = openPassage(
      {
        format: admitted.request.format,
        streaming,
        asksStream: true,
        passesUnread,
        passesSpace,
        status: 200,
        rawHeaders: ['content-type', 'text/event-stream'],
        firstByteAt: 0,
        searched: null,
        atProvider: () => true,
        hear: null,
        governedHeaders: [],
        keepBytes: 1 << 20,
      },
      reply,
    );
    passage.open();
    for (const piece of pieces) passage.push(piece);
    passage.end();
    const answer = passage.answer();
    const outcome = { kind: 'completed', answer, agentGone: false, closed: Promise.resolve() } as const;
    const ruling = await ruleOnAnswer(parts.core, admitted, outcome);
    const held = Buffer.concat(answer.takeRest()).toString('latin1');
    const calls =
      ruling.judgement?.calls.map(({ call, decision }) => [call.name, call.argsText, decision.effect]) ?? [];
    return JSON.stringify({
      sent: Buffer.concat(sent).toString('latin1'),
      held,
      kind: ruling.kind,
      calls,
      usage: answer.report?.usage,
    });
  }

  it.each(RECORDINGS)('%s is decided alike and let out alike', async (name) => {
    const bytes = recording(name);
    const format = formatOf(name);
    for (const caller of [holder, poller]) {
      for (const tools of [['anything'], []]) {
        const asking = { stream: true, tools, headers: {}, body: { stream_options: { include_usage: true } } };
        const admitted = await parts.admitted({ ...callOf(caller, format, asking), headers: {} });
        const whole = await pass(admitted, [bytes]);
        const { sent, held } = JSON.parse(whole) as { sent: string; held: string };
        expect(sent + held).toBe(bytes.toString('latin1'));
        const gated = (JSON.parse(whole) as { kind: string }).kind === 'gated';
        if (gated)
          for (const id of bytes.toString().matchAll(/"(?:call|toolu|fc|ctc)_\w+"/g)) expect(sent).not.toContain(id[0]);
        const everywhere = caller === holder && tools.length > 0;
        for (const pieces of everywhere ? cuts(name, bytes) : [single(bytes)]) {
          const cut = await pass(admitted, pieces);
          if (cut !== whole) expect(JSON.parse(cut)).toEqual(JSON.parse(whole));
        }
      }
    }
  });

  it.each(FORMATS)('%s over sockets, cut in a sample of places, is held alike and released alike', async (format) => {
    const bytes = Buffer.from(framesOf(format, PROPOSAL).join(''));
    const answers = new Set<string>();
    const shown = new Set<string>();
    for (let at = 1; at < bytes.length; at += Math.ceil(bytes.length / 12)) {
      bench.upstream.script((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(bytes.subarray(0, at), () => setImmediate(() => response.end(bytes.subarray(at))));
      });
      const caller = await bench.caller({ delivery: 'hold' });
      const call = open(bench, caller, format, { stream: true });
      const sofar = receivedSoFar(call);
      const { gate_id: gateId } = await bench.opened(caller);
      await call.until(gateId);
      const plain = (text: string): string => text.replaceAll(gateId, 'GATE');
      shown.add(plain(sofar()));
      await decideAs(bench, 'approve', gateId);
      answers.add(plain((await call.answer).text));
    }
    expect([answers.size, shown.size]).toEqual([1, 1]);
    expect([...shown][0]).not.toContain('call_refund');
  });
});

const streamed =
  (bytes: string | Uint8Array): Script =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(bytes);
  };

const replaced = (text: string, from: string, to: Buffer): Buffer => {
  const at = text.indexOf(from);
  if (at === -1) throw new Error(`no ${from}`);
  return Buffer.concat([Buffer.from(text.slice(0, at)), to, Buffer.from(text.slice(at + from.length))]);
};

describe.each(FORMATS)('D2 a damaged %s stream', (format) => {
  const text = framesOf(format, { text: 'I say it.', calls: [] }).join('');
  const proposal = framesOf(format, PROPOSAL).join('');
  const invalid = Buffer.from([0xff, 0xfe, 0xc3, 0x28]);

  it.each([
    ['begins with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['has CRLF line ends', Buffer.from(text.replaceAll('\n', '\r\n'))],
    ['has CR line ends', Buffer.from(text.replaceAll('\n', '\r'))],
    ['lacks its last blank line', Buffer.from(text.slice(0, -1))],
    ['holds bytes that are no UTF-8 in its text', replaced(text, 'it.', invalid)],
  ])('that %s passes as it is, or nothing is made up', async (_, bytes) => {
    bench.upstream.script(streamed(bytes));
    for (const delivery of ['retry', 'hold'] as const) {
      const caller = await bench.caller({ delivery });
      const answer = await ask(bench, caller, format, { stream: true });
      if (answer.ended && answer.status === 200) expect(answer.body.equals(bytes)).toBe(true);
      else expect(answer.ended ? answer.refusal.code : 'cut').toMatch(/policy_blocked|upstream_unreachable|cut/);
    }
  });

  it.each([
    ['begins with a byte order mark', Buffer.from(`\uFEFF${proposal}`)],
    ['has CRLF line ends', Buffer.from(proposal.replaceAll('\n', '\r\n'))],
    ['has CR line ends', Buffer.from(proposal.replaceAll('\n', '\r'))],
    ['lacks its last blank line', Buffer.from(proposal.slice(0, -1))],
    ['holds bytes that are no UTF-8 in its arguments', replaced(proposal, 'ord_1', invalid)],
    [
      'ends without its last event',
      Buffer.from(proposal.slice(0, proposal.lastIndexOf(format === 'chat' ? 'data: {' : 'event: '))),
    ],
    ['is cut within the call', Buffer.from(proposal.slice(0, proposal.indexOf('1240')))],
  ])('with a gated call that %s lets nothing of the call out', async (_, bytes) => {
    bench.upstream.script(streamed(bytes));
    for (const delivery of ['retry', 'hold'] as const) {
      const caller = await bench.caller({ delivery });
      const call = open(bench, caller, format, { stream: true });
      const sofar = receivedSoFar(call);
      const gate = bench.opened(caller).then((one) => one.gate_id);
      const first = await Promise.race([gate, call.answer.then(() => 'answered')]);
      expect(sofar()).not.toContain('call_refund');
      if (first !== 'answered') await decideAs(bench, 'reject', first);
      const answer = await call.answer;
      if (answer.status !== 202) expect(answer.text).not.toContain('call_refund');
      if (answer.status === 200 && delivery === 'retry') expect(answer.ended).toBe(false);
    }
  });
});

describe('a call that the request never declared, in a stream that has begun', () => {
  const passing = { stream: true, tools: ['lookup'] };
  const proposing = (call: SaidCall) => answering({ text: 'I will pay it back.', calls: [call] });

  describe.each(FORMATS)('of %s', (format) => {
    it('is withheld when gated: the connection is destroyed, and the retry is told 202', async () => {
      const caller = await bench.caller({ delivery: 'retry' });
      const answer = await ask(bench, caller, format, passing);
      expect([answer.status, answer.ended]).toEqual([200, false]);
      expect(answer.text).toContain('it back.');
      expect(answer.text).toContain('approval_pending');
      expect(answer.text).not.toContain('call_refund');
      const waits = waitingOf(await ask(bench, caller, format, passing));
      await decideAs(bench, 'approve', waits.gate_id);
      expect((await ask(bench, caller, format, passing)).text).toBe(framesOf(format, PROPOSAL).join(''));
    });

    it('is withheld when blocked: the connection is destroyed', async () => {
      bench.upstream.script(proposing(WIPE));
      const caller = await bench.caller({ delivery: 'retry' });
      const answer = await ask(bench, caller, format, passing);
      expect([answer.status, answer.ended]).toEqual([200, false]);
      expect(answer.text).toContain('policy_blocked');
      expect(answer.text).not.toContain('call_wipe');
      expect((await bench.run(caller)).spent_nano).toBe(SMALL_COST);
    });

    it('is held when gated and its agent holds, and replaced by a native end when blocked', async () => {
      const caller = await bench.caller({ delivery: 'hold' });
      const call = open(bench, caller, format, passing);
      await decideAs(bench, 'approve', (await bench.opened(caller)).gate_id);
      expect((await call.answer).text).toContain('call_refund');
      bench.upstream.script(proposing(WIPE));
      const understood = await askWithSdk(format, {
        url: bench.rungate.url,
        caller: await bench.caller(),
        stream: true,
        tools: ['lookup'],
      });
      expect(understood.calls).toEqual([]);
      expect(understood.text).toContain('Disks stay as they are.');
    });

    it('passes when nothing stops it, piece by piece', async () => {
      bench.upstream.script(proposing(LOOKUP));
      const caller = await bench.caller({ delivery: 'retry' });
      const answer = await ask(bench, caller, format, passing);
      expect(answer.text).toBe(framesOf(format, { text: 'I will pay it back.', calls: [LOOKUP] }).join(''));
    });
  });
});

describe.each(FORMATS)('D4 arguments that readers read differently, in %s', (format) => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  it.each([
    ['a key twice, the small value last', '{"amount_usd":9000,"amount_usd":1}'],
    ['a key twice, the small value first', '{"amount_usd":1,"amount_usd":9000}'],
    ['a prototype', '{"__proto__":{"amount_usd":9000}}'],
    ['an integer beyond 2^53', '{"amount_usd":9007199254740993}'],
    ['a number as text', '{"amount_usd":"500"}'],
    ['a nesting of ten thousand', `{"amount_usd":1,"x":${deep}}`],
    ['no JSON at all', '{"amount_usd":1'],
    ['two documents', '{"amount_usd":1}{"amount_usd":9000}'],
  ])('%s are never let through', async (_, args) => {
    for (const stream of [false, true]) {
      bench.upstream.script((_request, response) => {
        const marked = { text: 'x', calls: [{ ...REFUND, args: '{"marker":1}' }] };
        const inJson = format === 'messages' ? '{"marker":1}' : JSON.stringify('{"marker":1}');
        response.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
        if (!stream)
          return void response.end(
            JSON.stringify(jsonOf(format, marked)).replace(inJson, () =>
              format === 'messages' ? args : JSON.stringify(args),
            ),
          );
        const whole = framesOf(format, {
          ...marked,
          calls: [{ ...REFUND, args }].map((call) => (format === 'messages' ? { ...call, args } : call)),
        });
        response.end(whole.join(''));
      });
      for (const delivery of ['retry', 'hold'] as const) {
        const caller = await bench.caller({ delivery });
        const call = open(bench, caller, format, { stream });
        const gate = bench.opened(caller).then((one) => one.gate_id);
        const first = await Promise.race([gate, call.answer.then(() => 'answered')]);
        if (first !== 'answered') await decideAs(bench, 'reject', first);
        const answer = await call.answer;
        if (answer.status !== 202) expect(answer.text, `${stream} ${delivery}`).not.toContain('call_refund');
        if (delivery === 'retry') expect([202, 400, 403, 502]).toContain(answer.status);
      }
    }
  });
});

describe('D4 a request', () => {
  it.each(FORMATS)('of %s that holds a key twice is refused with 400 and opens nothing', async (format) => {
    const caller = await bench.caller();
    const calls = bench.forwarded();
    const { body, ...call } = callOf(caller, format);
    const text = JSON.stringify(body).replace('{"model"', '{"model":"gpt-4.1-mini","model"');
    const answer = await openCall(bench.rungate.url, { ...call, body: text }).answer;
    expect([answer.status, answer.refusal.code]).toEqual([400, 'invalid_request']);
    expect(calls()).toBe(0);
  });
});

describe('D13 an SDK that resends', () => {
  /** The pause before a resend is the SDK's own; only its length is changed. */
  const hurried =
    (before: () => Promise<unknown>, statuses: number[]): typeof globalThis.fetch =>
    async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      if (response.status !== 503) return response;
      await before();
      const headers = new Headers(response.headers);
      headers.set('retry-after-ms', '1');
      headers.delete('retry-after');
      return new Response(await response.text(), { status: 503, headers });
    };

  it.each(FORMATS)('%s after the provider’s 503 has one reservation and one gate', async (format) => {
    bench.upstream.script((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":{"message":"overloaded"}}');
    });
    const caller = await bench.caller();
    const statuses: number[] = [];
    const again = async () => bench.upstream.script(answering(PROPOSAL));
    const answer = askWithSdk(format, {
      url: bench.rungate.url,
      caller,
      stream: false,
      retries: 2,
      fetch: hurried(again, statuses),
    });
    const gate = await bench.opened(caller);
    const waiting = await bench.run(caller);
    expect(waiting).toMatchObject({ spent_nano: SMALL_COST, reserved_nano: 0 });
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await answer).calls).toHaveLength(1);
    expect(statuses).toEqual([503, 200]);
    expect(await bench.gates(caller)).toHaveLength(1);
    expect((await bench.run(caller)).spent_nano).toBe(SMALL_COST);
  });

  it('after our own 503 while a gate waits finds that gate', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    const waits = waitingOf(await ask(bench, caller, 'messages'));
    await bench.rungate.call('core.pause', {});
    const calls = bench.forwarded();
    const statuses: number[] = [];
    await decideAs(bench, 'approve', waits.gate_id);
    const understood = await askWithSdk('messages', {
      url: bench.rungate.url,
      caller,
      stream: false,
      retries: 2,
      fetch: hurried(() => bench.rungate.call('core.resume', {}), statuses),
    });
    expect(understood.calls).toHaveLength(1);
    expect([statuses, calls()]).toEqual([[503, 200], 0]);
  });
});
