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
  piecesOf,
  refundArgs,
  type StreamEvent,
} from './draft.ts';
import { callItem, claimServer, outputOf, responseOf, textItem } from './responses-items.ts';

/** Responses streams: a call is said in its opening item, in deltas, in their end, in its finished item and in the final response. */

interface Said {
  /** Its place in the output. */
  readonly index: number;
  readonly opened: StreamEvent;
  readonly deltas: readonly StreamEvent[];
  readonly argumentsDone: StreamEvent;
  readonly itemDone: StreamEvent;
  /** Its item in the final response. */
  readonly item: Dict;
}

interface ResponsesStream {
  readonly plan: Plan;
  readonly events: StreamEvent[];
  readonly said: readonly Said[];
  readonly created: StreamEvent;
  readonly completed: StreamEvent;
  /** The final response's output. */
  readonly output: Dict[];
}

const eventOf = (type: string, fields: Dict): StreamEvent => ({ event: type, data: { type, ...fields } });
/** The event's data; an object of nobody's for `[DONE]`, which has none. */
const dataOf = (event: StreamEvent): Dict => (typeof event.data === 'string' ? {} : (event.data as Dict));
const itemOf = (event: StreamEvent): Dict => dataOf(event)['item'] as Dict;
const responseIn = (event: StreamEvent): Dict => dataOf(event)['response'] as Dict;

export function responsesStream(plan: Plan, random: Random): ResponsesStream {
  const output = outputOf(plan);
  const created = eventOf('response.created', { response: responseOf([], 'in_progress') });
  const completed = eventOf('response.completed', { response: responseOf(output, 'completed') });
  const said = plan.calls.map((call, i): Said => {
    const index = i + (plan.text === null ? 0 : 1);
    const place = { item_id: `fc_${call.id}`, output_index: index };
    return {
      index,
      opened: eventOf('response.output_item.added', {
        output_index: index,
        item: { ...callItem(call, 'in_progress'), arguments: '' },
      }),
      deltas: piecesOf(random, call.args).map((delta) =>
        eventOf('response.function_call_arguments.delta', { ...place, delta }),
      ),
      argumentsDone: eventOf('response.function_call_arguments.done', {
        ...place,
        name: call.name,
        arguments: call.args,
      }),
      itemDone: eventOf('response.output_item.done', { output_index: index, item: callItem(call) }),
      item: output[index] as Dict,
    };
  });
  const events = [
    created,
    eventOf('response.in_progress', { response: responseOf([], 'in_progress') }),
    ...(plan.text === null ? [] : textEvents(plan.text)),
    ...said.flatMap((one) => [one.opened, ...one.deltas, one.argumentsDone, one.itemDone]),
    completed,
  ];
  for (const [i, event] of events.entries()) dataOf(event)['sequence_number'] = i;
  return { plan, events, said, created, completed, output };
}

function textEvents(text: string): readonly StreamEvent[] {
  const place = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  const part = (said: string): Dict => ({ type: 'output_text', text: said, annotations: [] });
  const opened = { ...textItem(''), status: 'in_progress', content: [] };
  return [
    eventOf('response.output_item.added', { output_index: 0, item: opened }),
    eventOf('response.content_part.added', { ...place, part: part('') }),
    eventOf('response.output_text.delta', { ...place, delta: text, logprobs: [] }),
    eventOf('response.output_text.done', { ...place, text, logprobs: [] }),
    eventOf('response.content_part.done', { ...place, part: part(text) }),
    eventOf('response.output_item.done', { output_index: 0, item: textItem(text) }),
  ];
}

/** The events that say this call. */
const allOf = (one: Said): readonly StreamEvent[] => [one.opened, ...one.deltas, one.argumentsDone, one.itemDone];
const otherArgs = (random: Random): string => refundArgs(random, random.chance(0.6));

export const RESPONSES_STREAM: readonly Mutation<ResponsesStream>[] = [
  {
    kind: 'responses: the end of the arguments differs from the deltas',
    apply({ said }, random) {
      for (const one of said) if (random.chance(0.7)) dataOf(one.argumentsDone)['arguments'] = otherArgs(random);
    },
  },
  {
    kind: 'responses: the finished item differs',
    apply({ said }, random) {
      for (const one of said) {
        const key = random.pick(['arguments', 'arguments', 'name', 'call_id', 'id', 'type']);
        const other = {
          arguments: otherArgs(random),
          name: 'read_file',
          call_id: 'call_x',
          id: 'fc_x',
          type: 'custom_tool_call',
        };
        itemOf(one.itemDone)[key] = other[key as 'name'];
      }
    },
  },
  {
    kind: 'responses: the final output differs',
    apply({ said, output, completed }, random) {
      const way = random.below(4);
      for (const { item } of said) {
        if (way === 0) item['arguments'] = otherArgs(random);
        if (way === 1) item['name'] = random.pick(['issue_refund', 'read_file']);
      }
      if (way === 2) output.push(callItem(anyCall(random, 'call_final')));
      if (way === 3) responseIn(completed)['output'] = [];
    },
  },
  {
    kind: 'responses: the opening item has arguments',
    apply({ said }, random) {
      for (const one of said) {
        itemOf(one.opened)['arguments'] = random.pick<unknown>([
          otherArgs(random),
          itemOf(one.itemDone)['arguments'],
          {},
          null,
        ]);
      }
    },
  },
  {
    kind: 'responses: item ids that do not fit',
    apply({ said }, random) {
      for (const event of said.flatMap((one) => [...one.deltas, one.argumentsDone])) {
        if (random.chance(0.6))
          dataOf(event)['item_id'] = random.pick<unknown>(['fc_x', 'fc_call_1', 'fc_call_0', null, '']);
      }
    },
  },
  {
    kind: 'responses: output indexes that do not fit',
    apply({ said }, random) {
      for (const event of said.flatMap((one) => (random.chance(0.5) ? allOf(one) : one.deltas))) {
        if (random.chance(0.6))
          dataOf(event)['output_index'] = random.pick<unknown>([0, 1, 2, 7, -1, '0', null, undefined]);
      }
    },
  },
  {
    kind: 'responses: an event of an unknown type with a call in it',
    mayRefuse: 'clients of a later day, which know the event',
    weight: 2,
    apply({ events, said }, random) {
      const type = random.pick([
        'ping',
        'response.heartbeat',
        'response.output_item.updated',
        'keepalive',
        'response.tool_call',
      ]);
      const index = random.pick([0, 1, said.length]);
      const { id, name, args } = anyCall(random, 'call_ping');
      const fields = random.pick<Dict>([
        { output_index: index, item: callItem({ id, name, args }) },
        { output_index: index, item_id: said[0] && dataOf(said[0].argumentsDone)['item_id'], delta: '000' },
        { output_index: index, item_id: `fc_${id}`, arguments: args, name },
        { response: responseOf([callItem({ id, name, args })], 'completed') },
      ]);
      insertAnywhere(random, events, { event: random.chance(0.8) ? type : null, data: { type, ...fields } });
    },
  },
  {
    kind: 'responses: an item opened twice',
    apply({ events, said }, random) {
      if (said.length === 0) return;
      const one = random.pick(said);
      const again = copy(one.opened);
      if (random.chance(0.5)) Object.assign(itemOf(again), { name: random.pick(['issue_refund', 'read_file']) });
      if (random.chance(0.4)) Object.assign(itemOf(again), { arguments: otherArgs(random) });
      insertAfter(events, random.pick(allOf(one)), [again]);
    },
  },
  {
    kind: 'responses: an item finished twice',
    apply({ events, said }, random) {
      if (said.length === 0) return;
      const one = random.pick(said);
      const again = copy(one.itemDone);
      if (random.chance(0.6)) itemOf(again)['arguments'] = otherArgs(random);
      insertAfter(events, one.itemDone, [again]);
    },
  },
  {
    kind: 'responses: calls in the opening response',
    weight: 2,
    apply({ created, events }, random) {
      const second = events.find((event) => dataOf(event)['type'] === 'response.in_progress');
      const target = random.chance(0.7) ? created : (second ?? created);
      responseIn(target)['output'] = [callItem(anyCall(random, random.pick(['call_0', 'call_new'])))];
    },
  },
  {
    kind: 'responses: several ends',
    apply({ events, completed }, random) {
      const type = random.pick(['response.completed', 'response.incomplete', 'response.failed']);
      const output = [callItem(anyCall(random, random.pick(['call_0', 'call_late'])))];
      const end = eventOf(type, { response: responseOf(random.chance(0.7) ? output : [], type.slice(9)) });
      insertAfter(events, random.chance(0.7) ? completed : events.at(-2), [end]);
    },
  },
  {
    kind: 'responses: another end',
    apply({ completed }, random) {
      const status = random.pick(['incomplete', 'failed', 'cancelled', 'done']);
      Object.assign(dataOf(completed), { type: `response.${status}` });
      if (random.chance(0.8)) completed.event = `response.${status}`;
      responseIn(completed)['status'] = status;
    },
  },
  {
    kind: 'responses: calls after the end',
    apply({ events }, random) {
      const call = anyCall(random, 'call_after');
      const index = random.pick([0, 3]);
      events.push(
        eventOf('response.output_item.added', { output_index: index, item: { ...callItem(call), arguments: '' } }),
        eventOf('response.function_call_arguments.done', {
          output_index: index,
          item_id: 'fc_call_after',
          arguments: call.args,
        }),
        eventOf('response.output_item.done', { output_index: index, item: callItem(call) }),
      );
    },
  },
  {
    kind: 'responses: the event is named otherwise than its type',
    apply({ events }, random) {
      for (const event of events) {
        if (!random.chance(0.4)) continue;
        event.event = random.pick([null, null, 'message', 'response.output_text.delta', 'error']);
        if (random.chance(0.15)) delete dataOf(event)['type'];
      }
    },
  },
  {
    kind: 'responses: an object where a list belongs',
    weight: 2,
    apply({ completed, output, created }, random) {
      responseIn(completed)['output'] = random.chance(0.8) ? asObject(output) : (output.at(-1) ?? null);
      if (random.chance(0.3)) responseIn(created)['output'] = asObject([callItem(anyCall(random, 'call_0'))]);
    },
  },
  {
    kind: 'responses: a call said to have run at the provider',
    weight: 2,
    apply({ said }, random) {
      for (const one of said) {
        const items = [itemOf(one.opened), itemOf(one.itemDone), one.item];
        const claimed = random.pick([items, items, items.slice(0, 1), items.slice(1)]);
        const way = random.below(1000);
        for (const item of claimed) claimServer(item, { ...random, below: (limit) => way % limit });
      }
    },
  },
  {
    kind: 'responses: arguments that are no text',
    apply({ said, plan }, random) {
      for (const [i, one] of said.entries()) {
        const args: unknown = JSON.parse(plan.calls[i]?.args ?? '{}');
        const odd = random.pick([args, args, null, 0, [args], {}]);
        for (const holder of [itemOf(one.itemDone), one.item, dataOf(one.argumentsDone)]) {
          if (random.chance(0.6)) holder['arguments'] = odd;
        }
      }
    },
  },
  {
    kind: 'responses: deltas that nothing opened',
    apply({ events, said }, random) {
      for (const one of said) {
        const gone = random.pick([
          [one.opened],
          [one.opened, one.itemDone],
          [one.itemDone],
          [...one.deltas],
          [one.argumentsDone],
        ]);
        for (const event of gone) events.splice(events.indexOf(event), 1);
      }
    },
  },
  {
    kind: 'responses: pieces of two calls interleaved',
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
    kind: 'responses: an argument piece said twice',
    apply({ events, said }, random) {
      if (said.length === 0) return;
      const event = random.pick(random.pick(said).deltas);
      insertAfter(events, event, [copy(event)]);
    },
  },
  {
    kind: 'responses: ids and names that are none',
    apply({ said }, random) {
      for (const one of said) {
        const key = random.pick(['id', 'call_id', 'name']);
        const value = nothing(random);
        for (const item of [itemOf(one.opened), itemOf(one.itemDone), one.item])
          if (random.chance(0.7)) item[key] = value;
      }
    },
  },
  {
    kind: 'responses: signs of life and fields nobody knows',
    apply({ events }, random) {
      const lives = [
        eventOf('keepalive', {}),
        eventOf('response.queued', {}),
        eventOf('response.in_progress', { response: responseOf([], 'in_progress') }),
        eventOf('codex.rate_limits', { rate_limits: {} }),
      ];
      for (let i = 0; i < 1 + random.below(3); i += 1)
        insertAfter(events, random.pick(events.slice(0, -1)), [copy(random.pick(lives))]);
      for (const event of events) {
        if (random.chance(0.2)) dataOf(event)['obfuscation'] = 'x';
        if (random.chance(0.2)) delete dataOf(event)['sequence_number'];
      }
    },
  },
  {
    kind: 'responses: [DONE] at the end',
    apply({ events }) {
      events.push({ event: null, data: '[DONE]' });
    },
  },
  {
    kind: 'responses: an error inside the stream',
    apply({ events }, random) {
      const error = { type: 'error', code: 'server_error', message: 'Overloaded', param: null };
      insertAnywhere(random, events, { event: random.pick([null, 'error']), data: error });
    },
  },
  {
    kind: 'responses: more calls than are kept',
    mayRefuse: 'what is over a bound is withheld',
    weight: 0.06,
    apply({ output }, random) {
      const many = Array.from({ length: 1030 }, (_, i) =>
        callItem({ id: `c${i}`, name: 'read_file', args: '{"path":"a"}' }),
      );
      output.push(...many, callItem(anyCall(random, 'call_last')));
    },
  },
];
