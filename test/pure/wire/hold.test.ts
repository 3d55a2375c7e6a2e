import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResponseReport } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import { createHold, type HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { payloadOf } from '../../../proxy-core/wire/hold-frames.ts';
import { renderNote } from '../../../proxy-core/wire/hold-note.ts';
import type { HoldOpening } from '../../../proxy-core/wire/hold-stream.ts';
import type { JsonRecord } from '../../../proxy-core/wire/loose-json.ts';
import { stripNotes } from '../../../proxy-core/wire/note-strip.ts';
import { joinBytes } from '../../../proxy-core/wire/splice.ts';
import { createFramer } from '../../../proxy-core/wire/sse-frames.ts';
import { streamToJson } from '../../../proxy-core/wire/transcode.ts';
import { reportOf, STREAMS, utf8 } from './stream-fixtures.ts';

const NOTE = { rule: 'refund:over-$500', gateId: 'gate_8xk2m' };
const NOTE_TEXT = '[Rungate] waiting for approval: refund:over-$500 (gate_8xk2m)';
const REASON = 'Rejected by the reviewer: too much.';
const opening = (fields: Partial<HoldOpening> = {}): HoldOpening => ({
  model: 'm',
  word: 'w1',
  createdSeconds: 1_790_000_000,
  choices: 1,
  asksUsage: true,
  ...fields,
});

function framesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const framer = createFramer();
  const frames = framer.push(bytes);
  expect(framer.end()).toBeNull();
  return frames;
}

const format = (name: string) => name.split('.')[0] as HoldableFormat;
const read = (name: string, bytes: Uint8Array): ResponseReport =>
  reportOf(FORMATS[format(name)].streamReader(), [bytes]);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const rootsOf = (bytes: Uint8Array): readonly JsonRecord[] =>
  framesOf(bytes).flatMap((frame): readonly JsonRecord[] => {
    const payload = payloadOf(frame);
    return payload === null ? [] : [payload.root];
  });

/** Where the first tool call begins; the frames before it have gone out when a hold starts. */
function firstCall(name: string, frames: readonly Uint8Array[]): number {
  const reader = FORMATS[format(name)].streamReader();
  return frames.findIndex((frame) => reader.pushFrame(frame).toolCall);
}

const callAt = (name: string): number =>
  firstCall(name, framesOf(STREAMS.find((stream) => stream.name === name)?.bytes ?? utf8('')));

/** A stream as a client gets it: `sent` frames, the note, keep-alives, then the verdict. */
function held(
  name: string,
  sentFrames: number,
  verdict: 'release' | 'reject',
  fields?: Partial<HoldOpening>,
): Uint8Array {
  const frames = framesOf(STREAMS.find((stream) => stream.name === name)?.bytes ?? utf8(''));
  const hold = createHold(format(name), opening(fields));
  const sent = frames.slice(0, sentFrames);
  const rest = frames.slice(sentFrames);
  for (const frame of sent) hold.sent(frame);
  const begun = [...sent, hold.note(NOTE), hold.keepAlive(), hold.keepAlive()];
  return joinBytes([
    ...begun,
    ...(verdict === 'release' ? rest.map((frame) => hold.release(frame)) : [hold.reject(REASON, rest)]),
  ]);
}

const CALLS = STREAMS.filter(
  ({ report }) => report.complete && report.toolCalls.some((call) => call.kind !== 'server'),
);

/** The positions a client joins an answer by: each opened once, in order from 0, and closed. */
function checkPositions(name: string, bytes: Uint8Array): void {
  const roots = rootsOf(bytes);
  const at = (type: string, key: string) => roots.filter((root) => root['type'] === type).map((root) => root[key]);
  if (format(name) === 'messages') {
    const opened = at('content_block_start', 'index');
    expect(opened).toEqual(opened.map((_, i) => i));
    expect(at('content_block_stop', 'index')).toEqual(opened);
    expect(at('message_start', 'type')).toHaveLength(1);
    expect(at('message_stop', 'type')).toHaveLength(1);
  }
  if (format(name) === 'responses') {
    const opened = at('response.output_item.added', 'output_index');
    expect(opened).toEqual(opened.map((_, i) => i));
    expect(at('response.output_item.done', 'output_index')).toEqual(opened);
    expect(at('response.created', 'type')).toHaveLength(1);
    const sequence = roots.map((root) => root['sequence_number'] as number);
    expect(sequence.every((n, i) => i === 0 || n > (sequence[i - 1] ?? -1))).toBe(true);
    const ids = new Set(roots.flatMap((root) => (root['response'] as { id?: string } | undefined)?.id ?? []));
    expect(ids.size).toBe(1);
  }
}

describe.each(CALLS)('holding $name', ({ name, bytes, report }) => {
  const start = firstCall(name, framesOf(bytes));
  const choices = name === 'chat.two-choices' ? 2 : 1;

  it.each([
    ['in mid-stream', start],
    ['before anything was sent', 0],
  ])('released %s, says what the upstream said, behind one note', (_, sent) => {
    const out = held(name, sent, 'release', { choices });
    const seen = read(name, out);
    expect({ ...seen, responseId: null, model: null }).toEqual({ ...report, responseId: null, model: null });
    expect(text(out).split(NOTE_TEXT).length - 1).toBe(format(name) === 'responses' ? 4 : 1);
    checkPositions(name, out);
  });

  it.each([
    ['in mid-stream', start],
    ['before anything was sent', 0],
  ])('rejected %s, ends normally with the reason and without a call', (_, sent) => {
    const out = held(name, sent, 'reject', { choices });
    const seen = read(name, out);
    expect(seen.toolCalls.filter((call) => call.kind !== 'server')).toEqual([]);
    expect(seen).toMatchObject({ complete: true, malformed: false, error: null });
    expect(seen.finishReason).toBe({ chat: 'stop', responses: 'completed', messages: 'end_turn' }[format(name)]);
    expect(seen.usage?.output_tokens).toEqual(report.usage?.output_tokens ?? seen.usage?.output_tokens);
    expect(text(out)).toContain(REASON);
    checkPositions(name, out);
  });

  it('without a note passes every frame unchanged', () => {
    const hold = createHold(format(name), opening());
    const frames = framesOf(bytes);
    for (const frame of frames.slice(0, start)) hold.sent(frame);
    expect(text(joinBytes(frames.slice(start).map((frame) => hold.release(frame))))).toBe(
      text(joinBytes(frames.slice(start))),
    );
  });

  it('rejected without a note still ends normally', () => {
    const hold = createHold(format(name), opening({ choices }));
    const frames = framesOf(bytes);
    for (const frame of frames.slice(0, start)) hold.sent(frame);
    const out = joinBytes([...frames.slice(0, start), hold.reject(REASON, frames.slice(start))]);
    expect(read(name, out)).toMatchObject({ complete: true, malformed: false });
    expect(text(out)).not.toContain('waiting for approval');
    checkPositions(name, out);
  });
});

describe('what a held stream says', () => {
  it('Messages: the note and the refusal are one text block of their own', () => {
    const body = JSON.parse(
      text(streamToJson('messages', held('messages.tools', callAt('messages.tools'), 'reject')) ?? utf8('null')),
    ) as {
      content: { type: string; text?: string }[];
    };
    expect(body.content.map((block) => block.type)).toEqual(['thinking', 'text', 'text']);
    expect(body.content[2]?.text).toBe(`${NOTE_TEXT}\n\n${REASON}`);
  });

  it('Responses: the final response of a rejection repeats what was said before', () => {
    const out = held('responses.server-tools', callAt('responses.server-tools'), 'reject');
    const final = rootsOf(out).at(-1)?.['response'] as { output: { type: string; content?: { text: string }[] }[] };
    expect(final.output.map((item) => item.type)).toEqual(['web_search_call', 'mcp_call', 'message']);
    expect(final.output[2]?.content?.[0]?.text).toBe(`${NOTE_TEXT}\n\n${REASON}`);
  });

  it('chat: the note is set apart from what was said', () => {
    const hold = createHold('chat', opening());
    const sent = utf8(
      'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"I will."},"finish_reason":null}]}\n\n',
    );
    hold.sent(sent);
    const out = joinBytes([sent, hold.note(NOTE), hold.reject(REASON, [])]);
    const body = JSON.parse(text(streamToJson('chat', out) ?? utf8('null'))) as { choices: { message: unknown }[] };
    expect(body.choices[0]?.message).toEqual({ role: 'assistant', content: `I will.\n\n${NOTE_TEXT}\n\n${REASON}` });
  });

  it('chat: a refusal is written for as many choices as providers give, whatever number is asked for or said', () => {
    const asked = createHold('chat', opening({ choices: 50_000_000 }));
    expect(rootsOf(asked.reject(REASON, []))).toHaveLength(2 * 128);
    const said = createHold('chat', opening());
    said.sent(utf8('data: {"id":"c","choices":[{"index":50000000,"delta":{"content":"a"},"finish_reason":null}]}\n\n'));
    expect(rootsOf(said.reject(REASON, []))).toHaveLength(2 * 128);
  });

  it('keeps alive with events that say nothing', () => {
    for (const [name, expected] of [
      ['messages.tools', { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: '' } }],
      ['responses.tools', { type: 'response.output_text.delta', output_index: 1, delta: '' }],
      ['chat.parallel-tools', { choices: [{ index: 0, delta: {}, finish_reason: null }] }],
    ] as const) {
      const frames = framesOf(STREAMS.find((stream) => stream.name === name)?.bytes ?? utf8(''));
      const hold = createHold(format(name), opening());
      for (const frame of frames.slice(0, firstCall(name, frames))) hold.sent(frame);
      hold.note(NOTE);
      expect(rootsOf(hold.keepAlive())).toMatchObject([expected]);
    }
  });

  it('Responses: keeps alive without a note by repeating the response with its finished items', () => {
    const frames = framesOf(STREAMS.find((stream) => stream.name === 'responses.tools')?.bytes ?? utf8(''));
    const hold = createHold('responses', opening());
    for (const frame of frames.slice(0, 4)) hold.sent(frame);
    expect(rootsOf(hold.keepAlive())).toMatchObject([
      { type: 'response.in_progress', response: { id: 'resp_01', output: [{ type: 'reasoning' }] } },
    ]);
  });

  it('tells the id it made up and the upstream’s own', () => {
    const frames = framesOf(STREAMS.find((stream) => stream.name === 'responses.tools')?.bytes ?? utf8(''));
    const hold = createHold('responses', opening());
    hold.note(NOTE);
    for (const frame of frames) hold.release(frame);
    expect(hold.alias).toEqual({ told: 'resp_rungate_w1', upstream: 'resp_01' });
  });

  it.each(['chat', 'responses', 'messages'] as const)('%s: ends the note with a blank line of its own', (kind) => {
    const shown = rootsOf(createHold(kind, opening()).note(NOTE))
      .map((root) => JSON.stringify(root))
      .join('');
    expect(shown).toContain(`${JSON.stringify(`${NOTE_TEXT}\n\n`).slice(1)}`);
  });

  it('C9 a rule’s name stays on the note’s one line', () => {
    expect(renderNote({ rule: 'a\r\nb\u2028c\u202Ed', gateId: 'gate_1' })).toBe(
      '[Rungate] waiting for approval: a b c d (gate_1)',
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (rule) => {
        const note = renderNote({ rule, gateId: 'gate_1' });
        expect(note).not.toMatch(/[\r\n]/);
        expect(note.length).toBeLessThan(320);
        for (const kind of ['chat', 'responses', 'messages'] as const) {
          expect(rootsOf(createHold(kind, opening()).note({ rule, gateId: 'gate_1' })).length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('stripNotes', () => {
  const ours = (id: string) => id === NOTE.gateId;
  const strip = (kind: HoldableFormat, body: unknown, isOurs = ours) => {
    const stripped = stripNotes(kind, utf8(typeof body === 'string' ? body : JSON.stringify(body)), isOurs);
    return { body: JSON.parse(text(stripped.bytes)) as unknown, changed: stripped.changed };
  };
  const assistant = (content: unknown, more: object = {}) => ({ role: 'assistant', content, ...more });
  const block = (value: string) => ({ type: 'text', text: value });

  it('Messages: cuts the note’s block and leaves every other byte', () => {
    const call = '{"type":"tool_use","id":"t","name":"f","input":{"n":9007199254740993}}';
    const before = `{ "messages" : [{"role":"user","content":"x"}, {"role":"assistant","content":[{"type":"text","text":"I will."} , ${JSON.stringify(block(NOTE_TEXT))}, ${call} ]}], "n":1.0}`;
    const after = `{ "messages" : [{"role":"user","content":"x"}, {"role":"assistant","content":[{"type":"text","text":"I will."}, ${call} ]}], "n":1.0}`;
    expect(text(stripNotes('messages', utf8(before), ours).bytes)).toBe(after);
  });

  it('Messages: cuts a note at the front, and one that a client merged into a text', () => {
    expect(strip('messages', { messages: [assistant([block(NOTE_TEXT), block('b')])] }).body).toEqual({
      messages: [assistant([block('b')])],
    });
    expect(strip('messages', { messages: [assistant([block(`a\n\n${NOTE_TEXT}\n\nb`)])] }).body).toEqual({
      messages: [assistant([block('ab')])],
    });
    expect(strip('messages', { messages: [assistant(`a${NOTE_TEXT}`)] }).body).toEqual({ messages: [assistant('a')] });
  });

  it('Messages: keeps what a rejection said', () => {
    expect(strip('messages', { messages: [assistant([block(`${NOTE_TEXT}\n\n${REASON}`)])] }).body).toEqual({
      messages: [assistant([block(REASON)])],
    });
  });

  it('removes a message that was nothing but the note', () => {
    const user = { role: 'user', content: 'x' };
    expect(strip('messages', { messages: [user, assistant([block(NOTE_TEXT)]), user] }).body).toEqual({
      messages: [user, user],
    });
    expect(strip('chat', { messages: [user, assistant(`${NOTE_TEXT}\n\n`)] }).body).toEqual({ messages: [user] });
  });

  it('chat: leaves a message its tool calls', () => {
    const calls = { tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] };
    expect(strip('chat', { messages: [assistant(`${NOTE_TEXT}\n\n`, calls)] }).body).toEqual({
      messages: [assistant(null, calls)],
    });
    expect(strip('chat', { messages: [assistant(`I will.\n\n${NOTE_TEXT}\n\n`, calls)] }).body).toEqual({
      messages: [assistant('I will.', calls)],
    });
  });

  it('Responses: removes the note’s item and keeps the reasoning before a call that followed', () => {
    const item = {
      type: 'message',
      role: 'assistant',
      id: 'msg_rungate_gate_8xk2m',
      content: [{ type: 'output_text', text: NOTE_TEXT }],
    };
    const input = [
      { type: 'reasoning', id: 'rs' },
      item,
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    ];
    expect(strip('responses', { input }).body).toEqual({ input: [input[0], input[2]] });
  });

  it('Responses: removes the reasoning of a call that was rejected', () => {
    const said = (value: string) => ({
      type: 'message',
      role: 'assistant',
      id: 'msg_rungate_gate_8xk2m',
      content: [{ type: 'output_text', text: value }],
    });
    const user = { role: 'user', content: 'x' };
    const input = [
      user,
      { type: 'reasoning', id: 'rs1' },
      { type: 'reasoning', id: 'rs2' },
      said(`${NOTE_TEXT}\n\n${REASON}`),
      user,
    ];
    expect(strip('responses', { input }).body).toEqual({ input: [user, said(REASON), user] });
  });

  it('Responses: keeps the reasoning before a message of the model’s own that a client put the note into', () => {
    const content = [{ type: 'output_text', text: `said\n\n${NOTE_TEXT}` }];
    const input = [
      { type: 'reasoning', id: 'rs' },
      { type: 'message', role: 'assistant', id: 'msg_1', content },
    ];
    expect(strip('responses', { input }).body).toMatchObject({ input: [input[0], { content: [{ text: 'said' }] }] });
  });

  it('removes several notes at the front', () => {
    const notes = [block(NOTE_TEXT), block(`${NOTE_TEXT}\n\n`)];
    const kept = [block('a'), block('b')];
    expect(strip('messages', { messages: [assistant([...notes, ...kept, ...notes])] }).body).toEqual({
      messages: [assistant(kept)],
    });
  });

  it('leaves notes of unknown gates, of users and of other places alone', () => {
    const body = {
      system: NOTE_TEXT,
      messages: [{ role: 'user', content: NOTE_TEXT }, assistant(`quoted: ${NOTE_TEXT.replace('8xk2m', 'other')}`)],
    };
    const bytes = utf8(JSON.stringify(body));
    expect(stripNotes('messages', bytes, ours)).toEqual({ bytes, changed: 0 });
    expect(stripNotes('messages', utf8('not json [Rungate] waiting for approval: x (gate_8xk2m)'), ours).changed).toBe(
      0,
    );
  });

  it('undoes what a hold put into a conversation, whatever the rule is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 20 }), (rule, said) => {
        const note = renderNote({ rule, gateId: NOTE.gateId });
        fc.pre(!rule.includes('(gate_') && !said.includes('Rungate') && !said.endsWith('\n'));
        const rest = said === '' ? [] : [assistant(said)];
        expect(strip('chat', { messages: [assistant(`${said === '' ? '' : `${said}\n\n`}${note}\n\n`)] }).body).toEqual(
          { messages: rest },
        );
      }),
    );
  });
});
