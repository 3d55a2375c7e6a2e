import {
  anyCall,
  asObject,
  type Dict,
  type Mutation,
  nothing,
  type Plan,
  type PlannedCall,
  refundArgs,
} from './draft.ts';

/** Whole Chat Completions answers. */

interface ChatAnswer {
  readonly plan: Plan;
  root: Dict;
  readonly choice: Dict;
  readonly message: Dict;
  readonly calls: Dict[];
}

const callOf = ({ id, name, args }: PlannedCall): Dict => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});

/** An assistant message with these calls. */
export const chatMessage = (text: string | null, calls: readonly PlannedCall[]): Dict => ({
  role: 'assistant',
  content: text,
  refusal: null,
  ...(calls.length === 0 ? {} : { tool_calls: calls.map(callOf) }),
});

/** The answer as OpenAI writes it. */
export function chatJson(plan: Plan): ChatAnswer {
  const message = chatMessage(plan.text, plan.calls);
  const choice = { index: 0, message, logprobs: null, finish_reason: plan.calls.length === 0 ? 'stop' : 'tool_calls' };
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const root = { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-4.1', choices: [choice], usage };
  return { plan, root, choice, message, calls: (message['tool_calls'] as Dict[] | undefined) ?? [] };
}

const saidOf = (call: Dict): Dict => (call['function'] ?? {}) as Dict;

export const CHAT_JSON: readonly Mutation<ChatAnswer>[] = [
  {
    kind: 'chat: a delta beside the message',
    weight: 2,
    apply({ choice, plan }, random) {
      choice['delta'] = random.pick<unknown>([
        nothing(random),
        nothing(random),
        { content: 'hi' },
        chatMessage(plan.text, [anyCall(random, 'call_delta')]),
      ]);
      if (random.chance(0.15)) delete choice['message'];
    },
  },
  {
    kind: 'chat: function and custom in one call',
    weight: 2,
    apply({ calls }, random) {
      const name = random.pick(['read_file', 'issue_refund', '']);
      for (const call of calls) {
        call['custom'] = random.pick<unknown>([
          { name, input: '' },
          { name, input: refundArgs(random, true) },
          {},
          null,
        ]);
        if (random.chance(0.3)) call['type'] = 'custom';
      }
    },
  },
  {
    kind: 'chat: an object where a list belongs',
    weight: 2,
    apply({ root, choice, message, calls }, random) {
      if (random.chance(0.5)) root['choices'] = random.chance(0.8) ? asObject([choice]) : choice;
      else message['tool_calls'] = random.chance(0.8) ? asObject(calls) : (calls[0] ?? null);
    },
  },
  {
    kind: 'chat: a list where an object belongs',
    apply({ choice, message, calls }, random) {
      if (random.chance(0.4)) choice['message'] = [message];
      else for (const call of calls) call['function'] = [saidOf(call)];
    },
  },
  {
    kind: 'chat: arguments that are no text',
    apply({ calls, plan }, random) {
      for (const [i, call] of calls.entries()) {
        const args: unknown = JSON.parse(plan.calls[i]?.args ?? '{}');
        saidOf(call)['arguments'] = random.pick([args, args, null, 0, 600, false, [], [args], {}]);
      }
    },
  },
  {
    kind: 'chat: names that are none',
    apply({ calls }, random) {
      for (const call of calls) saidOf(call)['name'] = random.pick<unknown>(['', null, 0, ['issue_refund'], undefined]);
    },
  },
  {
    kind: 'chat: several choices',
    apply({ root, plan, choice }, random) {
      const index = random.pick<unknown>([1, 1, 0, null, '0']);
      const message = chatMessage(plan.text, [anyCall(random, 'call_second')]);
      root['choices'] = [choice, { index, message, finish_reason: 'tool_calls' }];
    },
  },
  {
    kind: 'chat: the legacy function_call',
    apply({ message, calls }, random) {
      const [call] = calls;
      if (call === undefined) return;
      message['function_call'] = random.chance(0.5)
        ? saidOf(call)
        : { name: 'issue_refund', arguments: refundArgs(random, true) };
      if (random.chance(0.5)) delete message['tool_calls'];
    },
  },
  {
    kind: 'chat: two calls with one id',
    apply({ calls }, random) {
      for (const call of calls) call['id'] = 'call_0';
      if (random.chance(0.5)) calls.push(callOf(anyCall(random, 'call_0')));
    },
  },
  {
    kind: 'chat: ids and types that are none',
    apply({ calls }, random) {
      for (const call of calls) {
        call[random.pick(['id', 'type', 'index'])] = random.pick<unknown>([null, '', 0, 'custom', undefined]);
      }
    },
  },
  {
    kind: 'chat: entries that say nothing',
    apply({ message, calls, choice, root }, random) {
      if (random.chance(0.4)) message['tool_calls'] = [...calls, null];
      message['audio'] ??= null;
      message['annotations'] ??= [];
      message['function_call'] ??= null;
      choice['finish_reason'] = random.pick<unknown>(['stop', 'length', 'tool_calls', '', 'eos']);
      root[random.pick(['service_tier', 'system_fingerprint', 'citations', 'prompt_filter_results'])] = random.pick([
        null,
        [],
      ]);
    },
  },
  {
    kind: 'chat: calls inside the content',
    apply({ message, plan }, random) {
      const { name, args } = anyCall(random, 'call_content');
      message['content'] = [
        { type: 'text', text: plan.text ?? '' },
        { type: random.pick(['tool_use', 'function', 'tool_call']), id: 'call_content', name, input: JSON.parse(args) },
      ];
    },
  },
];
