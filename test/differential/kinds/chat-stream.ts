import type { Random } from '../random.ts';
import { chatMessage } from './chat-json.ts';
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

/** Chat Completions streams, and how providers and gateways have been seen to write them otherwise. */

/** One piece of a call, with the objects around it. */
interface Piece {
  readonly event: StreamEvent;
  readonly choice: Dict;
  readonly delta: Dict;
  /** The entry of `tool_calls`. */
  readonly call: Dict;
  /** Its `function`. */
  readonly said: Dict;
  /** Which planned call it belongs to. */
  readonly of: number;
}

interface ChatStream {
  readonly plan: Plan;
  readonly events: StreamEvent[];
  readonly pieces: Piece[];
}

const chunkOf = (choices: readonly Dict[], more: Dict = {}): StreamEvent => ({
  event: null,
  data: { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4.1', choices, ...more },
});

const deltaOf = (delta: Dict, finish: string | null = null): Dict => ({
  index: 0,
  delta,
  logprobs: null,
  finish_reason: finish,
});

function pieceOf(of: number, call: Dict): Piece {
  const delta = { tool_calls: [call] };
  const choice = deltaOf(delta);
  return { event: chunkOf([choice]), choice, delta, call, said: call['function'] as Dict, of };
}

const opening = (index: number, id: string, name: string): Dict => ({
  index,
  id,
  type: 'function',
  function: { name, arguments: '' },
});

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** The stream as OpenAI writes it. */
export function chatStream(plan: Plan, random: Random): ChatStream {
  const pieces = plan.calls.flatMap((call, i) => [
    pieceOf(i, opening(i, call.id, call.name)),
    ...piecesOf(random, call.args).map((text) => pieceOf(i, { index: i, function: { arguments: text } })),
  ]);
  const finish = plan.calls.length === 0 ? 'stop' : 'tool_calls';
  const events = [
    chunkOf([deltaOf({ role: 'assistant', content: plan.text === null ? null : '' })]),
    ...(plan.text === null ? [] : [chunkOf([deltaOf({ content: plan.text })])]),
    ...pieces.map((piece) => piece.event),
    chunkOf([deltaOf({}, finish)]),
    chunkOf([], { usage: USAGE }),
    { event: null, data: '[DONE]' },
  ];
  return { plan, events, pieces };
}

const later = (draft: ChatStream): readonly Piece[] =>
  draft.pieces.filter((piece, i) => draft.pieces[i - 1]?.of === piece.of);
const first = (draft: ChatStream): readonly Piece[] =>
  draft.pieces.filter((piece, i) => draft.pieces[i - 1]?.of !== piece.of);
const choicesOf = (event: StreamEvent): Dict[] => {
  const { choices } = (event.data ?? {}) as { choices?: unknown };
  return Array.isArray(choices) ? (choices as Dict[]) : [];
};
const done = (draft: ChatStream): StreamEvent | undefined => draft.events.find((event) => event.data === '[DONE]');
const finish = (draft: ChatStream): StreamEvent | undefined =>
  draft.events.find((event) => choicesOf(event).some((choice) => typeof choice['finish_reason'] === 'string'));

/** A whole call in one piece. */
const wholeCall = (random: Random, index: number, id: string): Dict => {
  const { name, args } = anyCall(random, id);
  return { index, id, type: 'function', function: { name, arguments: args } };
};

const idOf = (random: Random): string => `call_${random.below(1_000_000).toString(36)}`;

export const CHAT_STREAM: readonly Mutation<ChatStream>[] = [
  {
    kind: 'chat: id changes under one index',
    weight: 2,
    apply(draft, random) {
      const always = random.chance(0.5);
      for (const { call } of later(draft)) {
        if (always || random.chance(0.5)) call['id'] = random.chance(0.85) ? idOf(random) : nothing(random);
      }
      if (random.chance(0.3)) for (const { call } of later(draft)) call['type'] = 'function';
    },
  },
  {
    kind: 'chat: goes on under a new index without a name',
    weight: 2,
    apply(draft, random) {
      const from = random.pick([1, 1, 2]);
      const step = random.pick([1, 1, 7, 100]);
      for (const [i, { call }] of later(draft).entries()) {
        if (i + 1 < from) continue;
        call['index'] = (call['index'] as number) + step;
        if (random.chance(0.4)) call['id'] = idOf(random);
      }
    },
  },
  {
    kind: 'chat: pieces without an index',
    apply(draft, random) {
      const all = random.chance(0.4);
      for (const { call } of draft.pieces) if (all || random.chance(0.5)) delete call['index'];
      if (random.chance(0.3)) for (const { call, of } of draft.pieces) call['id'] = `call_${of}`;
    },
  },
  {
    kind: 'chat: every call has the same index',
    apply(draft, random) {
      const withIds = random.chance(0.5);
      for (const { call, of } of draft.pieces) {
        call['index'] = 0;
        if (withIds) call['id'] = `call_${of}`;
      }
    },
  },
  {
    kind: 'chat: indexes in another order, with gaps, or no numbers',
    apply(draft, random) {
      const count = draft.plan.calls.length;
      const numbers = random.shuffle(Array.from({ length: count }, (_, i) => i));
      const gap = random.pick([0, 1, 5, -1]);
      const odd = random.pick<(n: number) => unknown>([(n) => n, (n) => n, String, (n) => n + 0.5, (n) => -n]);
      for (const { call, of } of draft.pieces) call['index'] = odd((numbers[of] ?? 0) * (gap + 1) + gap);
    },
  },
  {
    kind: 'chat: pieces of two calls interleaved',
    apply(draft, random) {
      const places = draft.pieces.map((piece) => draft.events.indexOf(piece.event));
      const queues = draft.plan.calls.map((_, i) => draft.pieces.filter((piece) => piece.of === i));
      for (const place of places) {
        const piece = random.pick(queues.filter((queue) => queue.length > 0)).shift();
        if (piece !== undefined) draft.events[place] = piece.event;
      }
    },
  },
  {
    kind: 'chat: a name in pieces',
    mayRefuse: 'Mistral’s client, which joins the pieces of a name',
    apply(draft, random) {
      for (const piece of first(draft)) {
        const name = draft.plan.calls[piece.of]?.name ?? '';
        const at = 1 + random.below(name.length - 1);
        piece.said['name'] = name.slice(0, at);
        const rest = pieceOf(piece.of, { index: piece.call['index'], function: { name: name.slice(at) } });
        if (random.chance(0.6)) rest.said['arguments'] = '';
        insertAfter(draft.events, piece.event, [rest.event]);
      }
    },
  },
  {
    kind: 'chat: a name said again',
    apply(draft, random) {
      const other = random.chance(0.3);
      for (const { said, of } of later(draft)) {
        const name = draft.plan.calls[of]?.name ?? '';
        if (random.chance(0.7)) said['name'] = other ? random.pick(['read_file', 'issue_refund', '']) : name;
      }
    },
  },
  {
    kind: 'chat: a name that comes late',
    apply(draft, random) {
      for (const piece of first(draft)) {
        const target = random.pick([...later(draft).filter((other) => other.of === piece.of), piece]);
        const name = piece.said['name'];
        if (random.chance(0.5)) delete piece.said['name'];
        else piece.said['name'] = random.pick(['', null]);
        if (random.chance(0.8)) target.said['name'] = name;
      }
    },
  },
  {
    kind: 'chat: arguments that are no text',
    apply(draft, random) {
      for (const { said, of } of random.chance(0.5) ? draft.pieces : later(draft)) {
        const args: unknown = JSON.parse(draft.plan.calls[of]?.args ?? '{}');
        if (random.chance(0.5)) said['arguments'] = random.pick([args, args, null, 0, 600, false, [], [args], {}]);
      }
    },
  },
  {
    kind: 'chat: a message beside the delta',
    weight: 2,
    apply(draft, random) {
      const event = random.pick(draft.events.filter((one) => choicesOf(one).length > 0));
      for (const choice of choicesOf(event)) {
        choice['message'] = chatMessage(draft.plan.text, [anyCall(random, idOf(random))]);
        if (random.chance(0.6)) choice['delta'] = nothing(random);
        if (random.chance(0.3)) delete choice['delta'];
      }
    },
  },
  {
    kind: 'chat: function and custom in one call',
    weight: 2,
    apply(draft, random) {
      const pieces = random.chance(0.5) ? first(draft) : draft.pieces;
      const name = random.pick(['read_file', 'issue_refund', '']);
      for (const { call } of pieces) {
        call['custom'] = random.pick<unknown>([{ name, input: '' }, { name, input: refundArgs(random, true) }, {}]);
        if (random.chance(0.3)) call['type'] = 'custom';
      }
    },
  },
  {
    kind: 'chat: a type that does not fit',
    apply(draft, random) {
      const type = random.pick<unknown>(['custom', 'tool', '', null, 7]);
      for (const { call } of first(draft)) {
        if (random.chance(0.3)) delete call['type'];
        else call['type'] = type;
      }
    },
  },
  {
    kind: 'chat: the legacy function_call',
    apply(draft, random) {
      const moved = random.chance(0.5);
      for (const { delta, said, of } of draft.pieces) {
        if (of !== 0) continue;
        delta['function_call'] = copy(said);
        if (moved) delete delta['tool_calls'];
        else if (random.chance(0.5)) (delta['function_call'] as Dict)['arguments'] = refundArgs(random, true);
      }
    },
  },
  {
    kind: 'chat: an object where a list belongs',
    weight: 2,
    apply(draft, random) {
      const event = random.pick(draft.events.filter((one) => choicesOf(one).length > 0));
      const piece = draft.pieces.length === 0 ? undefined : random.pick(draft.pieces);
      const where = random.below(3);
      if (where === 0 || piece === undefined) (event.data as Dict)['choices'] = asObject(choicesOf(event));
      else if (where === 1) piece.delta['tool_calls'] = asObject([piece.call]);
      else piece.delta['tool_calls'] = piece.call;
      if (random.chance(0.5)) {
        for (const one of draft.pieces) one.delta['tool_calls'] = asObject([one.call]);
      }
    },
  },
  {
    kind: 'chat: a list where an object belongs',
    apply(draft, random) {
      if (draft.pieces.length === 0) return;
      const piece = random.pick(draft.pieces);
      if (random.chance(0.5)) piece.call['function'] = [piece.said];
      else piece.choice['delta'] = [piece.delta];
      if (random.chance(0.3)) piece.delta['tool_calls'] = [[piece.call]];
    },
  },
  {
    kind: 'chat: several choices',
    apply(draft, random) {
      const index = random.pick<unknown>([1, 1, 0, 2, null, '0', -1]);
      const extra = { index, delta: { tool_calls: [wholeCall(random, 0, idOf(random))] }, finish_reason: null };
      const event = random.pick(draft.events.filter((one) => choicesOf(one).length > 0));
      if (random.chance(0.2)) delete (extra as Dict)['index'];
      choicesOf(event).push(extra);
      if (random.chance(0.7))
        insertAfter(draft.events, finish(draft), [chunkOf([{ index, delta: {}, finish_reason: 'tool_calls' }])]);
    },
  },
  {
    kind: 'chat: calls after the finish reason',
    apply(draft, random) {
      const index = random.pick([0, 1, draft.plan.calls.length]);
      const added = pieceOf(0, wholeCall(random, index, idOf(random)));
      insertAfter(draft.events, finish(draft), [added.event]);
      if (random.chance(0.4)) insertAfter(draft.events, added.event, [chunkOf([deltaOf({}, 'tool_calls')])]);
    },
  },
  {
    kind: 'chat: calls after [DONE]',
    apply(draft, random) {
      const added = pieceOf(0, wholeCall(random, random.pick([0, draft.plan.calls.length]), idOf(random)));
      insertAfter(draft.events, done(draft), [
        added.event,
        chunkOf([deltaOf({}, 'tool_calls')]),
        { event: null, data: '[DONE]' },
      ]);
    },
  },
  {
    kind: 'chat: a piece said twice',
    apply(draft, random) {
      if (draft.pieces.length === 0) return;
      const { event } = random.pick(draft.pieces);
      insertAfter(draft.events, event, [copy(event)]);
    },
  },
  {
    kind: 'chat: several calls in one piece',
    apply(draft, random) {
      const [target] = draft.pieces;
      if (target === undefined) return;
      const index = random.pick<unknown>([draft.plan.calls.length, 0, 9, undefined]);
      target.delta['tool_calls'] = [target.call, { ...wholeCall(random, 0, idOf(random)), index }];
    },
  },
  {
    kind: 'chat: entries that say nothing',
    apply(draft, random) {
      for (const event of draft.events) {
        for (const choice of choicesOf(event)) {
          const delta = choice['delta'];
          if (typeof delta !== 'object' || delta === null || !random.chance(0.4)) continue;
          const key = random.pick(['tool_calls', 'function_call', 'content', 'refusal', 'reasoning_content', 'audio']);
          (delta as Dict)[key] ??= random.pick<unknown>([null, null, key === 'tool_calls' ? [] : '']);
        }
      }
    },
  },
  {
    kind: 'chat: signs of life and fields nobody knows',
    apply(draft, random) {
      const lives = [
        chunkOf([]),
        chunkOf([deltaOf({})]),
        chunkOf([deltaOf({ content: '' })]),
        chunkOf([], { provider: 'x', obfuscation: 'ab' }),
      ];
      for (let i = 0; i < 1 + random.below(3); i += 1) {
        draft.events.splice(random.below(draft.events.length), 0, copy(random.pick(lives)));
      }
      if (random.chance(0.5))
        for (const { choice } of draft.pieces) choice['finish_reason'] = random.pick<unknown>(['', null]);
      if (random.chance(0.3)) for (const { delta } of draft.pieces) delta['role'] = 'assistant';
    },
  },
  {
    kind: 'chat: events with a name',
    apply(draft, random) {
      for (const event of draft.events)
        if (random.chance(0.5)) event.event = random.pick(['message', 'chunk', 'error', 'data']);
    },
  },
  {
    kind: 'chat: an error inside the stream',
    apply(draft, random) {
      const error = { error: { message: 'Overloaded', type: 'server_error', code: null } };
      insertAnywhere(random, draft.events, { event: random.pick([null, 'error']), data: error });
    },
  },
  {
    kind: 'chat: no finish reason, or another',
    apply(draft, random) {
      const reason = random.pick<unknown>(['stop', 'length', null, '', 'function_call', 'error', 7]);
      for (const event of draft.events) {
        for (const choice of choicesOf(event)) if (choice['finish_reason'] !== null) choice['finish_reason'] = reason;
      }
    },
  },
  {
    kind: 'chat: more calls than are kept',
    mayRefuse: 'what is over a bound is withheld',
    weight: 0.06,
    apply(draft, random) {
      const many = Array.from({ length: 1030 }, (_, i) => opening(i + draft.plan.calls.length, `c${i}`, 'read_file'));
      const last = wholeCall(random, 1100, 'call_last');
      insertAfter(draft.events, draft.events[0], [chunkOf([deltaOf({ tool_calls: [...many, last] })])]);
    },
  },
];
