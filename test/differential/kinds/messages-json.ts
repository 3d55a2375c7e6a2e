import type { Random } from '../random.ts';
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

/** Whole Anthropic Messages answers. */

interface MessagesAnswer {
  readonly plan: Plan;
  readonly root: Dict;
  readonly content: Dict[];
  /** The blocks that are calls. */
  readonly calls: readonly Dict[];
}

export const blockFor = ({ id, name, args }: PlannedCall): Dict => ({
  type: 'tool_use',
  id,
  name,
  input: JSON.parse(args) as unknown,
});

/** A message with these blocks. */
export const messageOf = (content: unknown, stop: string | null): Dict => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-8',
  content,
  stop_reason: stop,
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
});

export function messagesJson(plan: Plan): MessagesAnswer {
  const content = [...(plan.text === null ? [] : [{ type: 'text', text: plan.text }]), ...plan.calls.map(blockFor)];
  const root = messageOf(content, plan.calls.length === 0 ? 'end_turn' : 'tool_use');
  return { plan, root, content, calls: content.filter((block) => block['type'] === 'tool_use') };
}

/** Say of a call that the provider has run it. */
export function claimServer(block: Dict, random: Random): void {
  block['type'] = random.pick(['server_tool_use', 'server_tool_use', 'mcp_tool_use']);
  if (block['type'] === 'mcp_tool_use') block['server_name'] = 'bank';
}

export const MESSAGES_JSON: readonly Mutation<MessagesAnswer>[] = [
  {
    kind: 'messages: an object where a list belongs',
    weight: 2,
    apply({ root, content }, random) {
      root['content'] = random.chance(0.8) ? asObject(content) : (content.at(-1) ?? null);
    },
  },
  {
    kind: 'messages: a call said to have run at the provider',
    weight: 2,
    apply({ calls }, random) {
      for (const block of calls) claimServer(block, random);
    },
  },
  {
    kind: 'messages: input that is no object',
    apply({ calls, plan }, random) {
      for (const [i, block] of calls.entries()) {
        const args = plan.calls[i]?.args ?? '{}';
        block['input'] = random.pick<unknown>([args, args, [JSON.parse(args)], null, 600, '', undefined]);
      }
    },
  },
  {
    kind: 'messages: two kinds of arguments in one block',
    apply({ calls }, random) {
      for (const block of calls) {
        block[random.pick(['arguments', 'partial_json', 'args'])] = random.pick<unknown>([
          refundArgs(random, true),
          JSON.parse(refundArgs(random, true)),
        ]);
      }
    },
  },
  {
    kind: 'messages: a block of another type',
    apply({ calls }, random) {
      for (const block of calls)
        block['type'] = random.pick(['tool_call', 'function', 'text', 'custom_tool_use', '', 'tool_result']);
    },
  },
  {
    kind: 'messages: two calls with one id',
    apply({ content, calls }, random) {
      for (const block of calls) block['id'] = 'call_0';
      if (random.chance(0.5)) content.push(blockFor(anyCall(random, 'call_0')));
    },
  },
  {
    kind: 'messages: ids and names that are none',
    apply({ calls }, random) {
      for (const block of calls) block[random.pick(['id', 'name'])] = nothing(random);
    },
  },
  {
    kind: 'messages: entries that say nothing',
    apply({ content, root }, random) {
      if (random.chance(0.3)) content.push(null as never);
      content.unshift({ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' });
      root['stop_reason'] = random.pick(['end_turn', 'tool_use', 'max_tokens', 'pause_turn', null]);
      root[random.pick(['container', 'context_management', 'metadata'])] = null;
    },
  },
];
