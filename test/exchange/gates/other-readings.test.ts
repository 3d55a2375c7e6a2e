import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { send } from '../../harness/agent-client.ts';
import { answerJson } from '../../harness/scripted-upstream.ts';
import {
  applyPolicies,
  ask,
  decideAs,
  type GateBench,
  open,
  POLICY,
  PROPOSAL,
  startGateBench,
  waitingOf,
} from './gate-bench.ts';
import { FORMATS, framesOf, jsonOf, MODELS, PATHS } from './provider-answers.ts';

/** Bytes that are judged leave as they were judged: moved, transcoded, refused, in errors, under another type. */

/** Requests wait, and so do refunds from 500 USD in their answers. */
const BOTH = POLICY.replace('policy: gated', 'policy: both').replace(
  'rules:\n',
  'rules:\n  - { rule: "model:ask", match: { wire_format: { $in: [chat, responses, messages] } }, action: gate }\n',
);

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, [BOTH]);
});
afterAll(() => bench.close());

const streams = (frames: readonly string[]): void =>
  bench.upstream.script((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(frames.join(''));
  });
const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const refund = (usd: number): string => `{"amount_usd":${usd}}`;

/** A message whose opening holds blocks, so that behind a note, with that opening left out, its blocks stand at other places. */
function misplaced(...more: readonly string[]): readonly string[] {
  const early = { type: 'tool_use', id: 't_early', name: 'issue_refund', input: { amount_usd: 2 } };
  const content = [{ type: 'text', text: 'Paying.' }, early];
  const opened = { id: 'm', type: 'message', role: 'assistant', model: MODELS.messages, content };
  const start = (index: number, name: string): string =>
    event('content_block_start', { index, content_block: { type: 'tool_use', id: `t_${index}`, name, input: {} } });
  const input = (index: number, json: string): string =>
    event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: json } });
  return [
    event('message_start', { message: { ...opened, usage: { input_tokens: 25, output_tokens: 1 } } }),
    start(1, 'issue_refund'),
    start(0, 'lookup'),
    input(0, refund(900)),
    input(1, refund(1)),
    ...more,
    event('message_delta', { delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 15 } }),
    event('message_stop', {}),
  ];
}
/** One more call, for which a gate opens. */
const GATED = event('content_block_start', {
  index: 2,
  content_block: { type: 'tool_use', id: 't_2', name: 'issue_refund', input: { amount_usd: 600 } },
});

describe('a stream that would be read otherwise behind a note', () => {
  it('is held without one, and released to the byte', async () => {
    const frames = misplaced(GATED);
    streams(frames);
    const caller = await bench.caller({ delivery: 'hold' });
    const call = open(bench, caller, 'messages', { stream: true });
    const { gate_id: gateId, proposed_actions: proposed } = await bench.opened(caller);
    expect(proposed).not.toContainEqual(expect.objectContaining({ tool: 'issue_refund', args: { amount_usd: 900 } }));
    await decideAs(bench, 'approve', gateId);
    const { text, ended } = await call.answer;
    expect([ended, text.replace(/event: ping\ndata: .*\n\n/g, '')]).toEqual([true, frames.join('')]);
  });

  it('does not follow the note of its request, now or from the store', async () => {
    streams(misplaced());
    const caller = await bench.caller({ policy: 'both', delivery: 'hold' });
    const calls = bench.forwarded();
    const asking = { stream: true, tools: ['lookup', 'issue_refund'] };
    const [first, second] = [0, 1].map(() => open(bench, caller, 'messages', asking));
    const { gate_id: gateId } = await bench.opened(caller);
    await Promise.all([first?.until(gateId), second?.until(gateId)]);
    await decideAs(bench, 'approve', gateId);
    const answers = await Promise.all([first?.answer, second?.answer]);
    expect(calls()).toBe(1);
    for (const answer of answers) {
      expect(answer?.text).toContain('cannot follow what this stream has been sent');
      expect(answer?.text).not.toContain('amount_usd');
    }
    expect(answers.map((answer) => answer?.ended).toSorted()).toEqual([false, true]);
  });
});

describe('an approved answer in its other form', () => {
  it('is not given where it holds a call that the reviewed one does not', async () => {
    const piece = (fields: object): string => chunk({ tool_calls: [{ index: 0, ...fields }] });
    const frames = [
      piece({ id: 'call_1', function: { name: 'issue_refund', arguments: '' } }),
      // Not text: the document has only the text behind it.
      piece({ function: { arguments: { amount_usd: 600 } } }),
      piece({ function: { arguments: refund(9000) } }),
      chunk({}, 'tool_calls'),
      'data: [DONE]\n\n',
    ];
    streams(frames);
    const caller = await bench.caller({ delivery: 'retry' });
    const { gate_id: gateId } = waitingOf(await ask(bench, caller, 'chat', { stream: true }));
    await decideAs(bench, 'approve', gateId);
    const other = await ask(bench, caller, 'chat', { stream: false });
    expect([other.status, other.refusal.code]).toEqual([400, 'invalid_request']);
    expect(other.text).not.toContain('issue_refund');
    expect((await ask(bench, caller, 'chat', { stream: true })).text).toBe(frames.join(''));
  });
});

/** What opens an answer, with a whole gated call in it. */
const OPENINGS: Readonly<Record<HoldableFormat, string>> = {
  chat: chunk({
    role: 'assistant',
    tool_calls: [{ index: 0, id: 'call_hidden', function: { name: 'issue_refund', arguments: refund(7000) } }],
  }),
  responses: event('response.created', {
    response: {
      id: 'resp_1',
      output: [{ type: 'function_call', call_id: 'call_hidden', name: 'issue_refund', arguments: refund(7000) }],
    },
  }),
  messages: event('message_start', {
    message: {
      id: 'm',
      content: [{ type: 'tool_use', id: 'call_hidden', name: 'issue_refund', input: { amount_usd: 7000 } }],
    },
  }),
};

describe.each(FORMATS)('a refusal in a %s stream', (format) => {
  it('repeats no frame that was held', async () => {
    streams([OPENINGS[format], ...framesOf(format, PROPOSAL).slice(1)]);
    const caller = await bench.caller({ delivery: 'hold' });
    const call = open(bench, caller, format, { stream: true });
    const { gate_id: gateId } = await bench.opened(caller);
    await decideAs(bench, 'reject', gateId);
    const { text, ended } = await call.answer;
    expect([ended, text.includes('[Rungate] Rejected by')]).toEqual([true, true]);
    expect(text).not.toMatch(/call_hidden|issue_refund|7000/);
  });
});

describe('a chat call whose name comes after its arguments', () => {
  it('is held from its first piece, though no declared tool could be stopped', async () => {
    const piece = (fields: object): string => chunk({ tool_calls: [{ index: 0, ...fields }] });
    streams([
      chunk({ role: 'assistant', content: 'Paying.' }),
      piece({ id: 'call_late', function: { arguments: refund(8000) } }),
      piece({ function: { name: 'issue_refund' } }),
      chunk({}, 'tool_calls'),
      'data: [DONE]\n\n',
    ]);
    const caller = await bench.caller({ delivery: 'retry' });
    const asking = { stream: true, tools: ['lookup'] };
    const { text, ended } = await ask(bench, caller, 'chat', asking);
    expect([ended, text.includes('Paying.'), text.includes('call_late')]).toEqual([false, true, false]);
    expect(waitingOf(await ask(bench, caller, 'chat', asking)).proposed_action.args).toEqual({ amount_usd: 8000 });
  });
});

describe('a call where answers have none', () => {
  it.each(FORMATS.flatMap((format) => [400, 500].map((status) => [format, status] as const)))(
    'is refused in a %s answer of status %i',
    async (format, status) => {
      bench.upstream.script(answerJson({ ...jsonOf(format, PROPOSAL), error: { message: 'no' } }, status));
      const answer = await ask(bench, await bench.caller(), format);
      expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
      expect(answer.text).not.toContain('ord_1');
    },
  );

  it('is refused beside a count of tokens, which passes alone', async () => {
    const caller = await bench.caller();
    const count = { path: `${PATHS.messages}/count_tokens`, token: caller.token };
    const body = { model: MODELS.messages, messages: [{ role: 'user', content: 'hi' }] };
    bench.upstream.script(answerJson({ input_tokens: 3, ...jsonOf('messages', PROPOSAL) }));
    const refused = await send(bench.rungate.url, { ...count, body });
    expect([refused.status, refused.refusal.code]).toEqual([403, 'policy_blocked']);
    expect(refused.text).not.toContain('ord_1');
    bench.upstream.script(answerJson({ input_tokens: 3 }));
    expect((await send(bench.rungate.url, { ...count, body })).text).toBe('{"input_tokens":3}');
  });
});

describe.each(FORMATS)('a %s document that calls itself a stream', (format) => {
  const answered = (body: object): void =>
    bench.upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(JSON.stringify(body));
    });

  it('is the document that was asked for: delivered as it is, and judged', async () => {
    const plain = jsonOf(format, { text: 'Hello.', calls: [] });
    answered(plain);
    const caller = await bench.caller({ delivery: 'retry' });
    const { status, text } = await ask(bench, caller, format, { words: 'hello' });
    expect([status, text]).toEqual([200, JSON.stringify(plain)]);
    const { exchanges } = await bench.rungate.call('runs.show', { run_id: caller.runId });
    expect(exchanges).toMatchObject([{ state: 'completed', estimated: false }]);
    answered(jsonOf(format, PROPOSAL));
    expect(waitingOf(await ask(bench, caller, format)).proposed_action.tool).toBe('issue_refund');
  });
});
