import { describe, expect, it, vi } from 'vitest';
import type { WireFormat } from '../../../proxy-core/contract/records.ts';
import type { ResponseReport } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import { sse, utf8 } from './stream-fixtures.ts';

/** Answers that clients put together differently: what is recorded, and which other readings are judged with it. */

type Reading = readonly [report: ResponseReport, unsure: boolean];

function stream(format: WireFormat, frames: readonly string[]): Reading {
  const reader = FORMATS[format].streamReader();
  for (const frame of frames) reader.pushFrame(utf8(frame));
  reader.end();
  return [reader.report, reader.begun.unsure];
}

function json(format: WireFormat, body: unknown): Reading {
  const reader = FORMATS[format].jsonReader();
  reader.push(utf8(JSON.stringify(body)));
  reader.end();
  return [reader.report, false];
}

const said = ({ name, argsText }: { readonly name: string; readonly argsText: string }): string =>
  `${name}(${argsText})`;
const recorded = ([report]: Reading): readonly string[] => report.toolCalls.map(said);
const everything = ([{ toolCalls, otherCalls = [] }]: Reading): readonly string[] =>
  [...toolCalls, ...otherCalls].map(said);

const delta = (value: unknown, choice = 0, more: object = {}) =>
  sse({ id: 'c', choices: [{ index: choice, delta: value, finish_reason: null, ...more }] });
const piece = (index: number | undefined, id: string | undefined, name: string | undefined, args: string) => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id }),
  function: { ...(name === undefined ? {} : { name }), arguments: args },
});
const chat = (...pieces: readonly object[]) =>
  stream(
    'chat',
    pieces.map((one) => delta({ tool_calls: [one] })),
  );

describe('a call of a great many names and a long text', () => {
  it('is read without writing the text anew for each of them', () => {
    const text = JSON.stringify({ command: 'x'.repeat(100_000) });
    const reader = FORMATS.chat.streamReader();
    for (let nth = 0; nth < 500; nth += 1)
      reader.pushFrame(utf8(delta({ tool_calls: [piece(0, 'a', `name${nth}`, nth === 0 ? text : '')] })));
    reader.end();
    const write = vi.spyOn(JSON, 'stringify');
    const { otherCalls = [] } = reader.report;
    const written = write.mock.results.reduce((sum, { value }) => sum + String(value).length, 0);
    write.mockRestore();
    expect(otherCalls.length).toBeGreaterThan(490);
    expect(written).toBeLessThan(10 * text.length);
  });

  it('of more calls than are kept, only the first are recorded and the answer is in doubt', () => {
    const [report] = chat(...Array.from({ length: 5_000 }, (_, nth) => piece(0, `id${nth}`, 'pay', '{}')));
    expect([report.malformed, report.toolCalls.length, report.otherCalls]).toEqual([true, 1024, undefined]);
  });
});

describe('pieces of a chat call', () => {
  it('are one call by index, whatever their ids', () => {
    const read = chat(piece(0, 'a', 'pay', ''), piece(0, 'b', undefined, '{"usd":'), piece(0, 'c', undefined, '900}'));
    expect(recorded(read)).toEqual(['pay({"usd":900})']);
    expect(read[0].malformed).toBe(false);
  });

  it('are one call where every piece repeats the name under an id of its own', () => {
    const read = chat(piece(0, 'a', 'pay', ''), piece(0, 'b', 'pay', '"x'), piece(0, 'c', 'pay', 'y"'));
    expect(everything(read)).toContain('pay("xy")');
  });

  it('are two calls where a provider numbers every call 0, and one to clients that join by index', () => {
    const read = chat(piece(0, 'a', 'look', '{"q":1}'), piece(0, 'b', 'pay', '{"usd":900}'));
    expect(recorded(read)).toEqual(['look({"q":1})', 'pay({"usd":900})']);
    expect(everything(read)).toContain('pay({"q":1})');
  });

  it('go on under a new index without a name, as the AI SDK reads them', () => {
    const read = chat(
      piece(1, 'a', 'pay', ''),
      piece(2, undefined, undefined, '{"usd":'),
      piece(2, undefined, undefined, '900}'),
    );
    expect(everything(read)).toContain('pay({"usd":900})');
  });

  it('go on by id under another index, as some clients read them', () => {
    const read = chat(piece(0, 'a', 'pay', '{"usd":'), piece(1, 'a', undefined, '900}'));
    expect(everything(read)).toContain('pay({"usd":900})');
  });

  it.each([
    ['joined', 'get_weather({})'],
    ['the first', 'get_({})'],
    ['the last', 'weather({})'],
  ])('of a name are read %s', (_, call) => {
    const read = chat(
      piece(0, 'a', 'get_', ''),
      piece(0, undefined, 'weather', ''),
      piece(0, undefined, undefined, '{}'),
    );
    expect(everything(read)).toContain(call);
    expect(read[0].malformed).toBe(false);
  });

  it('go on in another choice for clients that read only the first of each chunk', () => {
    const read = stream('chat', [
      delta({ tool_calls: [piece(0, 'a', 'pay', '')] }),
      delta({ tool_calls: [piece(0, undefined, undefined, '{"usd":900}')] }, 1),
    ]);
    expect(everything(read)).toContain('pay({"usd":900})');
  });

  it('wait at their index for a name, as one provider of the AI SDK has them', () => {
    const read = chat(
      piece(undefined, undefined, 'pay', ''),
      piece(2, 'a', undefined, '{"q":1}'),
      piece(2, 'b', 'look', ''),
      piece(3, undefined, undefined, '{"usd":900}'),
    );
    expect(everything(read)).toEqual(expect.arrayContaining(['look({"q":1})', 'pay({"usd":900})']));
  });

  it('are unsure until their call has a name', () => {
    expect(chat(piece(0, 'a', undefined, '{"usd":900}'))[1]).toBe(true);
    expect(chat(piece(0, 'a', 'pay', '{"usd":'), piece(0, undefined, undefined, '900}'))[1]).toBe(false);
  });
});

describe('arguments of another reading', () => {
  /** Two calls under one index: clients that join by index get one text. */
  const joined = (first: string, second: string) => chat(piece(0, 'a', 'look', first), piece(0, 'b', 'pay', second));

  it('count as far as they are a whole value, or can be closed to one', () => {
    expect(everything(joined('{"usd":900}', '{"q":1}'))).toContain('pay({"usd":900})');
    const cut = chat(
      piece(0, 'a', 'pay', '{"usd":900,"o'),
      piece(1, 'b', 'look', '{}'),
      piece(0, 'c', undefined, '"}'),
    );
    expect(everything(cut)).toContain('pay({"usd":900})');
  });

  it('are no reading where no client can make anything of them', () => {
    const read = joined('x', 'y');
    expect(everything(read)).toEqual(['look(x)', 'pay(y)']);
  });
});

describe('a chat call said in two ways', () => {
  const call = (usd: number) => ({
    id: `k${usd}`,
    type: 'function',
    function: { name: 'pay', arguments: `{"usd":${usd}}` },
  });

  it.each(['', 0, false, [], {}, null])('is read from the message beside a delta of %j', (odd) => {
    const read = json('chat', { choices: [{ index: 0, delta: odd, message: { tool_calls: [call(900)] } }] });
    expect(recorded(read)).toEqual(['pay({"usd":900})']);
  });

  it('is read from the delta and the message, and the message with the deltas behind it', () => {
    const read = stream('chat', [
      delta({ tool_calls: [piece(0, 'a', 'pay', '{"usd":1}')] }),
      delta({}, 0, { message: { tool_calls: [{ ...call(2), function: { name: 'pay', arguments: '{"usd":9' } }] } }),
      delta({ tool_calls: [piece(0, undefined, undefined, '00}')] }),
    ]);
    expect(everything(read)).toEqual(expect.arrayContaining(['pay({"usd":1})', 'pay({"usd":900})']));
  });

  it('is recorded once where the last chunk repeats the message', () => {
    const whole = { tool_calls: [{ id: 'a', function: { name: 'pay', arguments: '{"usd":1}' } }] };
    const read = stream('chat', [
      delta({ tool_calls: [piece(0, 'a', 'pay', '{"usd":1}')] }),
      delta({}, 0, { message: whole }),
    ]);
    expect(recorded(read)).toEqual(['pay({"usd":1})']);
    expect(everything(read)).toHaveLength(1);
  });

  it.each([
    ['JSON', (value: object) => json('chat', { choices: [{ message: { tool_calls: [value] } }] })],
    ['a stream', (value: object) => chat({ index: 0, ...value })],
  ])('is read as a function and as a custom tool in %s', (_, read) => {
    const both = { id: 'k', function: { name: 'pay', arguments: '{"usd":900}' }, custom: { name: 'look', input: 'x' } };
    expect(everything(read(both))).toEqual(expect.arrayContaining(['pay({"usd":900})', 'look(x)']));
  });

  it.each([
    ['choices', { choices: { 0: { message: { tool_calls: [call(900)] } } } }],
    ['choices that are one', { choices: { message: { tool_calls: [call(900)] } } }],
    ['tool_calls', { choices: [{ message: { tool_calls: { 0: call(900) } } }] }],
    ['tool_calls that are one', { choices: [{ message: { tool_calls: call(900) } }] }],
    ['a place where no calls belong', { choices: [{ message: {}, tool_calls: [call(900)] }] }],
    ['another place', { choices: [], output: { calls: [call(900)] } }],
  ])('is read from %s', (_, body) => {
    expect(everything(json('chat', body))).toEqual(['pay({"usd":900})']);
  });
});

describe('content blocks of a message', () => {
  const use = (id: string, name: string, input: object = {}) => ({ type: 'tool_use', id, name, input });
  const start = (index: unknown, block: object) =>
    sse({ type: 'content_block_start', index, content_block: block }, 'content_block_start');
  const more = (index: unknown, text: string, type = 'input_json_delta') =>
    sse({ type: 'content_block_delta', index, delta: { type, partial_json: text } }, 'content_block_delta');

  it('are found by index and by place', () => {
    const read = stream('messages', [
      start(1, use('t1', 'look')),
      start(0, use('t0', 'pay')),
      more(1, '{"usd":900}'),
      more(0, '{"usd":1}'),
    ]);
    expect(everything(read)).toEqual(
      expect.arrayContaining(['look({"usd":900})', 'pay({"usd":1})', 'pay({"usd":900})', 'look({"usd":1})']),
    );
    expect(read[0].malformed).toBe(false);
  });

  it('of one index are the last and the first with it', () => {
    const read = stream('messages', [start(0, use('a', 'pay')), start(0, use('b', 'look')), more(0, '{"usd":900}')]);
    expect(everything(read)).toEqual(expect.arrayContaining(['pay({"usd":900})', 'look({"usd":900})']));
  });

  it('have the input of the start, of the deltas, or of both', () => {
    const read = stream('messages', [start(0, use('a', 'pay', { usd: 1 })), more(0, '{"usd":2}')]);
    expect(everything(read)).toEqual(['pay({"usd":2})', 'pay({"usd":1})']);
  });

  it('count from what the message began with', () => {
    const begun = sse({ type: 'message_start', message: { id: 'm', content: [use('a', 'pay')] } }, 'message_start');
    const read = stream('messages', [begun, start(0, use('b', 'look')), more(0, '{"usd":900}')]);
    expect(everything(read)).toEqual(expect.arrayContaining(['pay({"usd":900})', 'look({"usd":900})']));
  });

  it('of an unknown index may be of any call', () => {
    const read = stream('messages', [more(4, '{"usd":900}')]);
    expect(everything(read)).toEqual(['({"usd":900})']);
    expect(read[1]).toBe(true);
  });

  it('take no input from a delta of another type', () => {
    expect(everything(stream('messages', [start(0, use('a', 'pay')), more(0, '{"usd":900}', 'text_delta')]))).toEqual([
      'pay({})',
    ]);
  });

  it.each([
    ['an event that is not known', sse({ type: 'ping', content_block: use('a', 'pay', { usd: 900 }) }, 'ping')],
    [
      'an event named otherwise than its data',
      sse({ type: 'ping', index: 0, content_block: use('a', 'pay', { usd: 900 }) }, 'content_block_start'),
    ],
    [
      'content that is no list',
      sse({ type: 'message_start', message: { content: { 0: use('a', 'pay', { usd: 900 }) } } }, 'message_start'),
    ],
  ])('are read from %s', (_, frame) => {
    expect(everything(stream('messages', [frame]))).toContain('pay({"usd":900})');
  });

  it('past the bound put the answer in doubt', () => {
    const reader = FORMATS.messages.streamReader();
    const frames = Array.from({ length: 1024 }, (_, i) => start(i, use(`t${i}`, 'look')));
    for (const frame of frames) reader.pushFrame(utf8(frame));
    expect(reader.pushFrame(utf8(start(1024, use('a', 'pay', { usd: 900 })))).toolCall).toBe(true);
    expect(reader.report.malformed).toBe(true);
  });
});

describe('the statements of a Responses call', () => {
  const item = (fields: object = {}) => ({
    type: 'function_call',
    id: 'fc',
    call_id: 'call',
    name: 'pay',
    arguments: '{"usd":1}',
    ...fields,
  });
  const event = (type: string, fields: object) => sse({ type: `response.${type}`, ...fields });
  const added = (fields: object = {}, index = 0) =>
    event('output_item.added', { output_index: index, item: item({ arguments: '', ...fields }) });
  const more = (text: string, index: unknown = 0, id = 'fc') =>
    event('function_call_arguments.delta', { output_index: index, item_id: id, delta: text });
  const done = (fields: object = {}, index = 0) =>
    event('output_item.done', { output_index: index, item: item(fields) });
  const completed = (...output: readonly object[]) =>
    event('completed', { response: { id: 'r', status: 'completed', output } });

  it('are one call where they agree', () => {
    const read = stream('responses', [added(), more('{"usd"'), more(':1}'), done(), completed(item())]);
    expect(everything(read)).toEqual(['pay({"usd":1})']);
  });

  it.each([
    ['arguments', { arguments: '{"usd":900}' }, 'pay({"usd":900})'],
    ['a name', { name: 'drop' }, 'drop({"usd":1})'],
    ['an id and arguments', { call_id: 'other', arguments: '{"usd":900}' }, 'pay({"usd":900})'],
  ])('are each read where the final response has other %s', (_, fields, call) => {
    const read = stream('responses', [done(), completed(item(fields))]);
    expect(everything(read)).toEqual(expect.arrayContaining(['pay({"usd":1})', call]));
    expect(read[0].malformed).toBe(false);
  });

  it('are one call where only the ids of the final response are others', () => {
    const read = stream('responses', [added(), more('{"usd":1}'), done(), completed(item({ call_id: 'x', id: 'y' }))]);
    expect(everything(read)).toEqual(['pay({"usd":1})']);
  });

  it('are each read where the deltas, their end and the item disagree', () => {
    const end = event('function_call_arguments.done', { output_index: 0, item_id: 'fc', arguments: '{"usd":3}' });
    const read = stream('responses', [added(), more('{"usd":2}'), end, done()]);
    expect(everything(read)).toEqual(expect.arrayContaining(['pay({"usd":1})', 'pay({"usd":2})', 'pay({"usd":3})']));
  });

  it('are the opened arguments and the deltas behind them, as LangChain reads them', () => {
    const read = stream('responses', [added({ arguments: '{"usd":9' }), more('00}'), done()]);
    expect(everything(read)).toContain('pay({"usd":900})');
  });

  it('are found by place and by item id', () => {
    const read = stream('responses', [
      added({ name: 'look', id: 'a', call_id: 'ca' }, 0),
      added({ name: 'pay', id: 'b', call_id: 'cb' }, 1),
      more('{"usd":900}', 0, 'b'),
    ]);
    expect(everything(read)).toEqual(expect.arrayContaining(['pay({"usd":900})', 'look({"usd":900})']));
  });

  it('are read under every name of their place, as LangChain reads them', () => {
    const read = stream('responses', [
      more('{"usd":900}'),
      done({ name: 'look', arguments: '{}' }),
      added({ id: 'other', call_id: 'other' }),
    ]);
    expect(everything(read)).toContain('pay({"usd":900})');
  });

  it('are read from an output that is no list, and from an event that is not known', () => {
    const odd = event('completed', { response: { id: 'r', output: { 0: item() } } });
    expect(everything(stream('responses', [odd]))).toEqual(['pay({"usd":1})']);
    expect(everything(stream('responses', [event('new_thing', { call: item() })]))).toEqual(['pay({"usd":1})']);
  });
});

describe('a tool that is said to have run at the provider', () => {
  const body = { content: [{ type: 'server_tool_use', id: 's', name: 'pay', input: { usd: 900 } }] };
  const kinds = (declared: 'hosted' | 'local'): readonly string[] => {
    const reader = FORMATS.messages.jsonReader(undefined, () => declared === 'hosted');
    reader.push(utf8(JSON.stringify(body)));
    reader.end();
    return reader.report.toolCalls.map((call) => call.kind);
  };

  it('has done so only if the request declared it so', () => {
    expect(kinds('hosted')).toEqual(['server']);
    expect(kinds('local')).toEqual(['function']);
  });
});

describe('what is known while a stream comes', () => {
  it('grows by what is new, however many calls there are', () => {
    const reader = FORMATS.chat.streamReader();
    const push = (index: number, name: string) =>
      reader.pushFrame(utf8(delta({ tool_calls: [piece(index, `k${index}`, name, '{}')] })));
    for (let index = 0; index < 500; index += 1) push(index, 'look');
    expect(reader.begun).toEqual({
      tools: [{ kind: 'function', name: 'look' }],
      calls: 500,
      unsure: false,
      foreign: false,
    });
    push(500, 'pay');
    expect(reader.begun.tools.map(({ name }) => name)).toEqual(['look', 'pay']);
  });
});
