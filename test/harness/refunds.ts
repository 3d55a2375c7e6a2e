import { type AgentAnswer, type AgentCall, openCall } from './agent-client.ts';
import type { TestRungate } from './rungate.ts';

/** A policy whose one rule gates refunds from 500 USD on. */
export const REFUNDS = `policy: refunds
rules:
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
    message: "Refunds over $500 need a second pair of eyes."
`;

/** An agent of that policy, which is answered 202 while its gate is pending. Returns its token. */
export async function addRefundAgent(rungate: TestRungate, name = 'refund-bot'): Promise<string> {
  await rungate.call('policies.apply', { document: REFUNDS, file_name: 'refunds.yaml', note: 'refunds' });
  return rungate.addAgent(name, { policy: 'refunds', delivery: 'retry' });
}

/** A call whose answer (by the demo provider) proposes a refund with these arguments. */
export const refundCall = (token: string, args: unknown, runId = 'refund-run'): AgentCall => ({
  path: '/v1/messages',
  token,
  headers: { 'x-rungate-run-id': runId },
  body: {
    model: 'demo-model',
    max_tokens: 200,
    tools: [{ name: 'issue_refund', input_schema: { type: 'object' } }],
    messages: [{ role: 'user', content: `call issue_refund ${JSON.stringify(args)}` }],
  },
});

/** Ask for a refund; the answer is 202 when a gate was opened or still waits. */
export const askRefund = (
  rungate: TestRungate,
  token: string,
  args: unknown = { order: 'ord_1', amount_usd: 1240 },
  runId?: string,
): Promise<AgentAnswer> => openCall(rungate.url, refundCall(token, args, runId)).answer;

/** Open a gate and return its id. */
export async function openRefundGate(rungate: TestRungate, token: string, args?: unknown): Promise<string> {
  const answer = await askRefund(rungate, token, args);
  if (answer.status !== 202) throw new Error(`no gate was opened: ${answer.status} ${answer.text}`);
  return answer.json<{ context: { gate_id: string } }>().context.gate_id;
}
