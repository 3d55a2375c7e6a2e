import { type AgentAnswer, send } from './agent-client.ts';
import { messageAnswer } from './answers.ts';
import { startTestRungate, type TestOptions, type TestRungate } from './rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

/**
 * One run in which everything happens that an export has to tell: a refund that a person approves, one that a person
 * rejects, a call that fails and is repeated, a file that is handed in, a secret in a tool's result, and a budget that
 * ends it. The provider is scripted; everything else is the product.
 */
export interface EventfulRun {
  readonly rungate: TestRungate;
  readonly upstream: ScriptedUpstream;
  readonly runId: string;
  readonly agent: string;
  readonly token: string;
  readonly gates: { readonly approved: string; readonly rejected: string };
  /** The status of the call that the budget stopped. */
  readonly stoppedWith: number;
  close(): Promise<void>;
}

export const RUN_ID = 'refunds-2026-11-22';
const AGENT = 'refund-desk';
/** Looks like a provider's key; an export must not hold it. */
export const CANARY = 'sk-canary-4f9a8b7c6d5e4f3a2b1c';
/** Markup that must stay text wherever the run is shown. */
export const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>';
export const REPORT =
  'order,customer,amount_usd,decision\nord_8812,Ada L.,1240.00,refunded\nord_8840,Unknown,2600.00,refused\n';

const POLICY = `policy: refund-desk
rules:
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
    expires_in_seconds: 3600
    message: "Refunds over $500 need a second pair of eyes."
`;

const MODEL = 'claude-opus-4-8';
const TOOLS = ['list_refund_requests', 'issue_refund', 'write_note'].map((name) => ({
  name,
  input_schema: { type: 'object' },
}));

type Turn = { readonly role: 'user' | 'assistant'; readonly content: unknown };

const toolUse = (id: string, name: string, input: unknown) => ({ type: 'tool_use', id, name, input });
const toolResult = (id: string, content: string) => ({ type: 'tool_result', tool_use_id: id, content });
const textBlock = (text: string) => ({ type: 'text', text });
const answerOf = (blocks: readonly unknown[], id: string, input: number, output: number) => ({
  ...messageAnswer(blocks, id),
  usage: { input_tokens: input, output_tokens: output },
});

/** Let it happen. `options` go to the core. */
export async function playEventfulRun(options: TestOptions = {}): Promise<EventfulRun> {
  const upstream = await startScriptedUpstream((_request, response) => {
    response.writeHead(500).end();
  });
  const rungate = await startTestRungate({ ...options, upstreamUrl: upstream.url });
  await rungate.call('policies.apply', { document: POLICY, file_name: 'refund-desk.yaml', note: 'first version' });
  const token = await rungate.addAgent(AGENT, { policy: 'refund-desk', delivery: 'retry' });
  const post = (path: string, body: unknown, method = 'POST'): Promise<AgentAnswer> =>
    send(rungate.url, { method, path, token, headers: { 'x-rungate-run-id': RUN_ID }, body });
  const labels = { goal: 'Work through today’s refund requests', ticket: 'OPS-311' };
  await post('/v1/runs', { run_id: RUN_ID, budget_usd: 0.08, labels });

  const conversation: Turn[] = [
    { role: 'user', content: `Please work through today’s refund requests and tell me what you did. ${HOSTILE}` },
  ];
  const ask = (maxTokens = 600): Promise<AgentAnswer> =>
    post('/v1/messages', { model: MODEL, max_tokens: maxTokens, tools: TOOLS, messages: conversation });
  const answerNext = (blocks: readonly unknown[], id: string, input: number, output: number): void =>
    upstream.script((_request, response) => {
      const body = JSON.stringify(answerOf(blocks, id, input, output));
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  const gateOf = (answer: AgentAnswer): string => answer.json<{ context: { gate_id: string } }>().context.gate_id;

  const look = [
    textBlock('I will look at the open requests first.'),
    toolUse('toolu_1', 'list_refund_requests', { day: '2026-11-22' }),
  ];
  answerNext(look, 'msg_1', 1_840, 96);
  await ask();
  rungate.advance(4_000);
  conversation.push(
    { role: 'assistant', content: look },
    {
      role: 'user',
      content: [
        toolResult(
          'toolu_1',
          `2 open: ord_8812 Ada L. $1,240.00 damaged; ord_8840 unknown buyer $2,600.00. (api_key=${CANARY})`,
        ),
      ],
    },
  );

  const first = [
    textBlock('Ada’s parcel arrived damaged; the photos show it. I will refund it in full.'),
    toolUse('toolu_2', 'issue_refund', {
      order: 'ord_8812',
      customer: 'Ada L.',
      amount_usd: 1240,
      reason: 'arrived damaged',
    }),
  ];
  answerNext(first, 'msg_2', 2_210, 142);
  const approved = gateOf(await ask());
  rungate.advance(42_000);
  await rungate.core.call(
    'gates.approve',
    { gate_id: approved, reason: 'Photos checked, order is genuine.' },
    BY_CONSOLE,
  );
  rungate.advance(8_000);
  await ask();
  conversation.push(
    { role: 'assistant', content: first },
    { role: 'user', content: [toolResult('toolu_2', 'refund re_5521 issued, $1,240.00')] },
  );

  const second = [
    textBlock('The other buyer asks for $2,600.00. I will refund it as well.'),
    toolUse('toolu_3', 'issue_refund', {
      order: 'ord_8840',
      customer: 'unknown',
      amount_usd: 2600,
      reason: 'customer asks',
    }),
  ];
  answerNext(second, 'msg_3', 2_460, 131);
  const rejected = gateOf(await ask());
  rungate.advance(95_000);
  await rungate.core.call(
    'gates.reject',
    { gate_id: rejected, reason: 'No such order. Looks like fraud; ask for proof.' },
    BY_CONSOLE,
  );
  rungate.advance(8_000);
  await ask();
  conversation.push({ role: 'user', content: 'The second refund was refused by a reviewer. Write a note and finish.' });

  upstream.script((_request, response) => {
    response
      .writeHead(529, { 'content-type': 'application/json' })
      .end('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}');
  });
  await ask();
  rungate.advance(3_000);
  const note = [
    textBlock('Noted. One refund was issued, one was refused.'),
    toolUse('toolu_4', 'write_note', { text: 'ord_8840 needs proof of purchase' }),
  ];
  answerNext(note, 'msg_4', 2_610, 118);
  await ask();
  await send(rungate.url, {
    method: 'PUT',
    path: `/v1/runs/${RUN_ID}/artifacts/refunds.csv`,
    token,
    headers: { 'content-type': 'text/csv' },
    body: REPORT,
  });
  rungate.advance(2_000);
  conversation.push(
    { role: 'assistant', content: note },
    { role: 'user', content: [toolResult('toolu_4', 'note saved')] },
  );
  const stopped = await ask(4_000);
  rungate.advance(1_000);
  await post(`/v1/runs/${RUN_ID}/complete`, {});
  return {
    rungate,
    upstream,
    runId: RUN_ID,
    agent: AGENT,
    token,
    gates: { approved, rejected },
    stoppedWith: stopped.status,
    async close() {
      await rungate.close();
      await upstream.close();
    },
  };
}

const BY_CONSOLE = { actor: 'operator', channel: 'console' };
