import type { Random } from '../random.ts';
import {
  anyCall,
  asObject,
  copy,
  type Dict,
  insertAfter,
  insertAnywhere,
  type Mutation,
  nothing,
  type Plan,
  type PlannedCall,
  piecesOf,
  refundArgs,
  type StreamEvent,
} from './draft.ts';
import { blockFor, claimServer, messageOf } from './messages-json.ts';

/** Anthropic Messages streams: blocks are opened, filled by deltas and closed, each at an index. */

interface Said {
  readonly started: StreamEvent;
  readonly deltas: readonly StreamEvent[];
  readonly stopped: StreamEvent;
}

interface MessagesStream {
  readonly plan: Plan;
  readonly events: StreamEvent[];
  readonly said: readonly Said[];
  readonly start: StreamEvent;
  readonly end: StreamEvent;
}

const eventOf = (type: string, fields: Dict): StreamEvent => ({ event: type, data: { type, ...fields } });
const dataOf = (event: StreamEvent): Dict => event.data as Dict;
const blockOf = (event: StreamEvent): Dict => dataOf(event)['content_block'] as Dict;
const messageIn = (event: StreamEvent): Dict => dataOf(event)['message'] as Dict;
const jsonDelta = (index: unknown, text: unknown): StreamEvent =>
  eventOf('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: text } });

function sayCall(index: unknown, call: PlannedCall, random: Random): Said {
  return {
    started: eventOf('content_block_start', { index, content_block: { ...blockFor(call), input: {} } }),
    deltas: piecesOf(random, call.args).map((text) => jsonDelta(index, text)),
    stopped: eventOf('content_block_stop', { index }),
  };
}

const allOf = ({ started, deltas, stopped }: Said): readonly StreamEvent[] => [started, ...deltas, stopped];

export function messagesStream(plan: Plan, random: Random): MessagesStream {
  const before = plan.text === null ? 0 : 1;
  const said = plan.calls.map((call, i) => sayCall(before + i, call, random));
  const start = eventOf('message_start', { message: messageOf([], null) });
  const delta = { stop_reason: plan.calls.length === 0 ? 'end_turn' : 'tool_use', stop_sequence: null };
  const end = eventOf('message_delta', { delta, usage: { output_tokens: 5 } });
  const text = plan.text === null ? [] : textEvents(plan.text);
  const events = [start, ...text, ...said.flatMap(allOf), end, eventOf('message_stop', {})];
  return { plan, events, said, start, end };
}

const textEvents = (text: string): readonly StreamEvent[] => [
  eventOf('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  eventOf('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  eventOf('content_block_stop', { index: 0 }),
];

/** Where the blocks' next index is. */
const nextIndex = ({ said, plan }: MessagesStream): number => said.length + (plan.text === null ? 0 : 1);

export const MESSAGES_STREAM: readonly Mutation<MessagesStream>[] = [
  {
    kind: 'messages: block indexes out of order',
    weight: 3,
    apply(draft, random) {
      const { events, said } = draft;
      const first = said.length === 0 ? events[0] : said[0]?.started;
      const at = first === undefined ? 1 : Math.max(1, events.indexOf(first));
      const count = Math.max(2, said.length);
      const base = nextIndex(draft) - said.length;
      const calls = said.map((_, i) => draft.plan.calls[i] as PlannedCall);
      while (calls.length < count) calls.push(anyCall(random, `call_${calls.length}`));
      // Told apart by index, a file is read with a refund's arguments; told apart by place, the refund gets them.
      if (random.chance(0.5)) {
        const [one, two] = random.shuffle(['read_file', 'issue_refund']);
        calls.splice(0, 2, {
          ...(calls[0] as PlannedCall),
          name: one ?? '',
          args: refundArgs(random, one === 'read_file'),
        });
        calls.splice(1, 0, { id: 'call_1', name: two ?? '', args: refundArgs(random, two === 'read_file') });
      }
      const indexes = random.shuffle(calls.map((_, i) => base + i + (random.chance(0.15) ? 1 : 0)));
      const again = calls.map((call, i) => sayCall(indexes[i], call, random));
      const all = again.map(allOf);
      const flat = random.chance(0.6)
        ? [
            ...again.map((one) => one.started),
            ...random.shuffle(again).flatMap((one) => one.deltas),
            ...again.map((one) => one.stopped),
          ]
        : all.flat();
      events.splice(at, said.flatMap(allOf).length, ...flat);
    },
  },
  {
    kind: 'messages: block indexes with gaps, or no numbers',
    apply({ said }, random) {
      const odd = random.pick<(n: number) => unknown>([
        (n) => n + 1,
        (n) => n * 2,
        String,
        (n) => -1 - n,
        (n) => n + 0.5,
        () => 0,
        () => null,
      ]);
      for (const event of said.flatMap((one) => (random.chance(0.7) ? allOf(one) : one.deltas))) {
        dataOf(event)['index'] = odd(dataOf(event)['index'] as number);
      }
    },
  },
  {
    kind: 'messages: deltas for another block',
    apply(draft, random) {
      for (const event of draft.said.flatMap((one) => one.deltas)) {
        if (random.chance(0.6)) dataOf(event)['index'] = random.pick([0, 1, 2, nextIndex(draft)]);
      }
    },
  },
  {
    kind: 'messages: pieces of two blocks interleaved',
    apply({ events, said }, random) {
      const places = said.flatMap(allOf).map((event) => events.indexOf(event));
      const queues = said.map((one) => [...allOf(one)]);
      for (const place of places) {
        const event = random.pick(queues.filter((queue) => queue.length > 0)).shift();
        if (event !== undefined) events[place] = event;
      }
    },
  },
  {
    kind: 'messages: an event of an unknown type with a call in it',
    mayRefuse: 'clients of a later day, which know the event',
    weight: 2,
    apply(draft, random) {
      const { events, said } = draft;
      const type = random.pick(['ping', 'content_block_update', 'heartbeat', 'message_chunk']);
      const index = random.pick([0, 1, nextIndex(draft)]);
      const fields = random.pick<Dict>([
        { index, content_block: blockFor(anyCall(random, 'call_ping')) },
        {
          index,
          delta: { type: 'input_json_delta', partial_json: random.pick(['000', refundArgs(random, true), '}']) },
        },
        { message: messageOf([blockFor(anyCall(random, 'call_ping'))], 'tool_use') },
      ]);
      const added = { event: random.chance(0.8) ? type : null, data: { type, ...fields } };
      const near = said[0]?.deltas[0];
      if (near !== undefined && random.chance(0.6)) insertAfter(events, near, [added]);
      else insertAnywhere(random, events, added);
    },
  },
  {
    kind: 'messages: a block opened twice',
    apply({ events, said }, random) {
      if (said.length === 0) return;
      const one = random.pick(said);
      const again = copy(one.started);
      if (random.chance(0.6)) Object.assign(blockOf(again), { name: random.pick(['issue_refund', 'read_file']) });
      if (random.chance(0.4)) Object.assign(blockOf(again), { input: JSON.parse(refundArgs(random, true)) as unknown });
      insertAfter(events, random.pick(allOf(one)), [again]);
    },
  },
  {
    kind: 'messages: input in the opening of a block',
    apply({ said, plan, events }, random) {
      for (const [i, one] of said.entries()) {
        const whole = random.chance(0.5) ? (plan.calls[i]?.args ?? '{}') : refundArgs(random, random.chance(0.5));
        blockOf(one.started)['input'] = random.chance(0.85) ? (JSON.parse(whole) as unknown) : whole;
        if (random.chance(0.5)) for (const event of one.deltas) events.splice(events.indexOf(event), 1);
      }
    },
  },
  {
    kind: 'messages: calls in the opening of the message',
    weight: 2,
    apply({ start }, random) {
      messageIn(start)['content'] = [blockFor(anyCall(random, random.pick(['call_0', 'call_new'])))];
      if (random.chance(0.3)) messageIn(start)['stop_reason'] = 'tool_use';
    },
  },
  {
    kind: 'messages: a message opened twice',
    mayRefuse: 'Anthropic’s SDK for Go, which begins anew',
    apply({ events, start }, random) {
      const again = copy(start);
      if (random.chance(0.6)) messageIn(again)['content'] = [blockFor(anyCall(random, 'call_again'))];
      insertAfter(events, random.pick(events), [again]);
    },
  },
  {
    kind: 'messages: a call said to have run at the provider',
    weight: 2,
    apply({ said }, random) {
      for (const one of said) claimServer(blockOf(one.started), random);
    },
  },
  {
    kind: 'messages: the event is named otherwise than its type',
    apply({ events }, random) {
      for (const event of events) {
        if (!random.chance(0.4)) continue;
        event.event = random.pick([null, 'message', 'ping', 'content_block_delta', 'error']);
        if (random.chance(0.15)) delete dataOf(event)['type'];
      }
    },
  },
  {
    kind: 'messages: an object where a list belongs',
    weight: 2,
    apply({ start, end }, random) {
      const content = asObject([blockFor(anyCall(random, 'call_object'))]);
      messageIn(start)['content'] = content;
      if (random.chance(0.3)) Object.assign(dataOf(end)['delta'] as Dict, { content });
    },
  },
  {
    kind: 'messages: input pieces that are no text',
    apply({ said, plan }, random) {
      for (const [i, one] of said.entries()) {
        const args: unknown = JSON.parse(plan.calls[i]?.args ?? '{}');
        for (const event of one.deltas) {
          if (random.chance(0.6))
            (dataOf(event)['delta'] as Dict)['partial_json'] = random.pick([args, null, 600, '', [args], undefined]);
        }
      }
    },
  },
  {
    kind: 'messages: a delta of another type',
    apply({ said }, random) {
      for (const event of said.flatMap((one) => one.deltas)) {
        const delta = dataOf(event)['delta'] as Dict;
        if (random.chance(0.5))
          delta['type'] = random.pick<unknown>(['text_delta', 'thinking_delta', 'json_delta', '', null]);
        if (random.chance(0.3)) delta['text'] = delta['partial_json'];
      }
    },
  },
  {
    kind: 'messages: deltas behind the end of a block',
    apply({ events, said }, random) {
      for (const one of said) {
        const index = dataOf(one.started)['index'];
        const added = jsonDelta(index, random.pick(['0', '000', refundArgs(random, true), ' ']));
        insertAfter(events, random.pick([one.stopped, one.stopped, one.deltas.at(-1)]), [added]);
      }
    },
  },
  {
    kind: 'messages: blocks that nothing closes',
    apply({ events, said }, random) {
      for (const one of said) {
        const gone = random.pick([[one.stopped], [one.started], [one.stopped, one.stopped]]);
        for (const event of gone) if (events.includes(event)) events.splice(events.indexOf(event), 1);
      }
    },
  },
  {
    kind: 'messages: calls after the end',
    apply(draft, random) {
      const index = random.pick([0, nextIndex(draft)]);
      const added = allOf(sayCall(index, anyCall(random, 'call_after'), random));
      if (random.chance(0.6)) draft.events.push(...added, copy(draft.end), eventOf('message_stop', {}));
      else insertAfter(draft.events, draft.end, added);
    },
  },
  {
    kind: 'messages: ids and names that are none',
    apply({ said }, random) {
      for (const one of said) blockOf(one.started)[random.pick(['id', 'name', 'input'])] = nothing(random);
    },
  },
  {
    kind: 'messages: content in the closing delta',
    apply({ end }, random) {
      const key = random.pick(['content', 'content_block', 'tool_calls', 'partial_json']);
      Object.assign(dataOf(end)['delta'] as Dict, { [key]: [blockFor(anyCall(random, 'call_end'))] });
      dataOf(end)['index'] = 0;
    },
  },
  {
    kind: 'messages: signs of life and fields nobody knows',
    apply({ events, said }, random) {
      for (let i = 0; i < 1 + random.below(3); i += 1)
        insertAfter(events, random.pick(events.slice(0, -1)), [eventOf('ping', {})]);
      for (const event of events) if (random.chance(0.2)) dataOf(event)['extra'] = null;
      for (const one of said)
        if (random.chance(0.4)) insertAfter(events, one.started, [jsonDelta(dataOf(one.started)['index'], '')]);
    },
  },
  {
    kind: 'messages: an error inside the stream',
    apply({ events }, random) {
      const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
      insertAnywhere(random, events, { event: random.pick([null, 'error']), data: error });
    },
  },
  {
    kind: 'messages: more blocks than are kept',
    mayRefuse: 'what is over a bound is withheld',
    weight: 0.25,
    apply(draft, random) {
      const { start, events } = draft;
      const filler = Array.from({ length: 4097 }, () => ({ type: 'text', text: '' }));
      const last = blockFor(anyCall(random, 'call_last'));
      messageIn(start)['content'] = random.chance(0.5) ? [...filler, last] : filler;
      if (random.chance(0.5))
        insertAfter(events, start, allOf(sayCall(filler.length, anyCall(random, 'call_over'), random)));
    },
  },
];
