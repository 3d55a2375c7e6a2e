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

/** Whole Responses answers, and what their output items are made of. */

/** An item of the output that is a call. */
export const callItem = ({ id, name, args }: PlannedCall, status = 'completed'): Dict => ({
  type: 'function_call',
  id: `fc_${id}`,
  call_id: id,
  name,
  arguments: args,
  status,
});

export const textItem = (text: string): Dict => ({
  type: 'message',
  id: 'msg_1',
  status: 'completed',
  role: 'assistant',
  content: [{ type: 'output_text', text, annotations: [] }],
});

/** A response with this output. */
export const responseOf = (output: unknown, status: string): Dict => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status,
  error: null,
  incomplete_details: null,
  instructions: null,
  model: 'gpt-5.5',
  output,
  parallel_tool_calls: true,
  tool_choice: 'auto',
  tools: [],
  usage:
    status === 'in_progress'
      ? null
      : {
          input_tokens: 10,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: 5,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: 15,
        },
});

/** The output of a plan. */
export const outputOf = (plan: Plan): Dict[] => [
  ...(plan.text === null ? [] : [textItem(plan.text)]),
  ...plan.calls.map((call) => callItem(call)),
];

/** Say of a call that the provider has run it, in one of the ways that the format has. */
export function claimServer(item: Dict, random: Random): void {
  const way = random.below(5);
  if (way === 0) Object.assign(item, { type: 'mcp_call', server_label: 'bank', output: 'done', error: null });
  if (way === 1) Object.assign(item, { type: 'tool_search_call', execution: 'server' });
  if (way === 2) Object.assign(item, { environment: { type: 'container_reference', container_id: 'c' } });
  if (way === 3) Object.assign(item, { type: 'program', code: item['arguments'] });
  if (way === 4)
    Object.assign(item, { type: random.pick(['web_search_call', 'code_interpreter_call', 'file_search_call']) });
}

interface ResponsesAnswer {
  readonly plan: Plan;
  readonly root: Dict;
  readonly output: Dict[];
  /** The items that are calls. */
  readonly calls: readonly Dict[];
}

export function responsesJson(plan: Plan): ResponsesAnswer {
  const output = outputOf(plan);
  const calls = output.filter((item) => item['type'] === 'function_call');
  return { plan, root: responseOf(output, 'completed'), output, calls };
}

export const RESPONSES_JSON: readonly Mutation<ResponsesAnswer>[] = [
  {
    kind: 'responses: an object where a list belongs',
    weight: 2,
    apply({ root, output }, random) {
      root['output'] = random.chance(0.8) ? asObject(output) : (output.at(-1) ?? null);
    },
  },
  {
    kind: 'responses: a call said to have run at the provider',
    weight: 2,
    apply({ calls }, random) {
      for (const item of calls) claimServer(item, random);
    },
  },
  {
    kind: 'responses: arguments that are no text',
    apply({ calls, plan }, random) {
      for (const [i, item] of calls.entries()) {
        const args: unknown = JSON.parse(plan.calls[i]?.args ?? '{}');
        item['arguments'] = random.pick([args, args, null, 0, 600, [], [args], {}, undefined]);
      }
    },
  },
  {
    kind: 'responses: two kinds of arguments in one item',
    apply({ calls }, random) {
      for (const item of calls) {
        item['input'] = refundArgs(random, random.chance(0.7));
        if (random.chance(0.3)) item['type'] = 'custom_tool_call';
      }
    },
  },
  {
    kind: 'responses: an item of another type',
    apply({ calls }, random) {
      for (const item of calls)
        item['type'] = random.pick(['custom_tool_call', 'tool_call', 'function_call_output', 'message', '']);
    },
  },
  {
    kind: 'responses: two calls with one id',
    apply({ output, calls }, random) {
      for (const item of calls) Object.assign(item, { call_id: 'call_0', id: random.pick(['fc_call_0', item['id']]) });
      if (random.chance(0.5)) output.push(callItem(anyCall(random, 'call_0')));
    },
  },
  {
    kind: 'responses: ids and names that are none',
    apply({ calls }, random) {
      for (const item of calls) item[random.pick(['id', 'call_id', 'name', 'status'])] = nothing(random);
    },
  },
  {
    kind: 'responses: entries that say nothing',
    apply({ output, root }, random) {
      if (random.chance(0.3)) output.push(null as never);
      output.unshift({ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: null });
      root['status'] = random.pick(['completed', 'incomplete', 'failed', 'queued', null]);
      root[random.pick(['metadata', 'reasoning', 'text', 'store'])] = random.pick<unknown>([null, {}]);
    },
  },
  {
    kind: 'responses: calls inside a message',
    apply({ output }, random) {
      const { name, args } = anyCall(random, 'call_in');
      const content = [
        { type: random.pick(['tool_use', 'function_call']), id: 'call_in', name, input: args, arguments: args },
      ];
      output.push({ type: 'message', id: 'msg_2', role: 'assistant', status: 'completed', content });
    },
  },
];
