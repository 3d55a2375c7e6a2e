import type { GateRecord, RunRecord } from '../../../proxy-core/contract/records.ts';
import type { HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { type AgentAnswer, type AgentCall, type OpenCall, openCall } from '../../harness/agent-client.ts';
import { startTestRungate, type TestOptions, type TestRungate } from '../../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../../harness/scripted-upstream.ts';
import { answering, LOOKUP, MODELS, PATHS, REFUND, type Said, WIPE } from './provider-answers.ts';

/** A core with a provider behind it and the policy that these tests are about. */
export interface GateBench {
  readonly rungate: TestRungate;
  readonly upstream: ScriptedUpstream;
  /** An agent of its own for each test, so that no two share a run. */
  caller(settings?: CallerSettings): Promise<Caller>;
  /** The provider's requests from now on. */
  forwarded(): () => number;
  gate(gateId: string): Promise<GateRecord>;
  gates(caller: Caller): Promise<readonly GateRecord[]>;
  run(caller: Caller): Promise<RunRecord>;
  /** The next gate that this caller's run opens, or the one it has opened. */
  opened(caller: Caller): Promise<GateRecord>;
  close(): Promise<void>;
}

export interface CallerSettings {
  readonly policy?: string;
  readonly delivery?: 'retry' | 'hold' | 'auto';
}

export interface Caller {
  readonly name: string;
  readonly token: string;
  readonly runId: string;
}

/** Refunds from 500 USD wait for a person; disks are never wiped. */
export const POLICY = `policy: gated
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "disk:never"
    match: { tool: wipe_disk }
    action: block
    message: "Disks stay as they are."
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
    expires_in_seconds: 3600
    message: "Refunds over $500 need a second pair of eyes."
`;

/** Every call of a model waits before it leaves. */
export const REQUEST_POLICY = `policy: asking
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "model:ask"
    match: { endpoint: { $in: [/v1/messages, /v1/chat/completions, /v1/responses] } }
    action: gate
    expires_in_seconds: 3600
`;

/** What the provider proposes unless a test scripts something else. */
export const PROPOSAL: Said = { text: 'I will pay it back.', calls: [REFUND] };

export async function startGateBench(options: TestOptions = {}): Promise<GateBench> {
  const upstream = await startScriptedUpstream(answering(PROPOSAL));
  const rungate = await startTestRungate({ upstreamUrl: upstream.url, ...options });
  await applyPolicies(rungate, [POLICY, REQUEST_POLICY]);
  return { ...benchOn(rungate, upstream), upstream };
}

/** The same bench over another core, after a restart. */
export function benchOn(rungate: TestRungate, upstream: ScriptedUpstream): GateBench {
  const gatesOf = async ({ runId }: Caller) => (await rungate.call('gates.list', { run_id: runId })).gates;
  return {
    rungate,
    upstream,
    caller: (settings = {}) => newCaller(rungate, settings),
    forwarded() {
      const before = upstream.received.length;
      return () => upstream.received.length - before;
    },
    gate: async (gateId) => (await rungate.call('gates.show', { gate_id: gateId })).gate,
    gates: gatesOf,
    run: async ({ runId }) => (await rungate.call('runs.show', { run_id: runId })).run,
    async opened({ runId }) {
      const event = await rungate.event(
        'approval.pending',
        (one) => 'gate' in one.body && one.body.gate.run_id === runId && one.body.gate.state === 'pending',
      );
      if (!('gate' in event.body)) throw new Error('no gate');
      return event.body.gate;
    },
    async close() {
      await rungate.close();
      await upstream.close();
    },
  };
}

export async function applyPolicies(rungate: TestRungate, documents: readonly string[]): Promise<void> {
  for (const document of documents) {
    const name = /^policy: (\S+)/.exec(document)?.[1] ?? '';
    await rungate.call('policies.apply', { document, file_name: `${name}.yaml`, note: 'for tests' });
  }
}

let callers = 0;
async function newCaller(rungate: TestRungate, settings: CallerSettings): Promise<Caller> {
  callers += 1;
  const name = `agent-${callers}`;
  const token = await rungate.addAgent(name, { policy: 'gated', ...settings });
  return { name, token, runId: `run-of-${name}` };
}

/** How one request differs from the plain one. */
export interface Asking {
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly words?: string;
  /** Members added to the body. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly tools?: readonly string[];
}

/** A request of a caller in one wire format; the same arguments make the same bytes. */
export function callOf(caller: Caller, format: HoldableFormat, asking: Asking = {}): AgentCall {
  return {
    path: PATHS[format],
    token: caller.token,
    headers: { 'x-rungate-run-id': caller.runId, ...asking.headers },
    body: {
      ...bodyOf(format, asking),
      ...(asking.stream === undefined ? {} : { stream: asking.stream }),
      ...asking.body,
    },
  };
}

const TOOLS = [REFUND.name, LOOKUP.name, WIPE.name];

export function bodyOf(
  format: HoldableFormat,
  { words = 'pay ord_1 back', tools = TOOLS }: Asking = {},
): Record<string, unknown> {
  const messages = [{ role: 'user', content: words }];
  const schema = { type: 'object', additionalProperties: true };
  switch (format) {
    case 'chat': {
      const declared = tools.map((name) => ({ type: 'function', function: { name, parameters: schema } }));
      return { model: MODELS.chat, messages, tools: declared };
    }
    case 'responses': {
      const declared = tools.map((name) => ({ type: 'function', name, parameters: schema, strict: false }));
      return { model: MODELS.responses, input: messages, tools: declared };
    }
    case 'messages': {
      const declared = tools.map((name) => ({ name, input_schema: schema }));
      return { model: MODELS.messages, max_tokens: 400, messages, tools: declared };
    }
  }
}

/** Send one request and wait for its whole answer. */
export const ask = (bench: GateBench, caller: Caller, format: HoldableFormat, asking?: Asking): Promise<AgentAnswer> =>
  open(bench, caller, format, asking).answer;

/** Send one request whose answer is under way. */
export const open = (bench: GateBench, caller: Caller, format: HoldableFormat, asking?: Asking): OpenCall =>
  openCall(bench.rungate.url, callOf(caller, format, asking));

/** The `context` of a 202. */
export interface Waiting {
  readonly gate_id: string;
  readonly run_id: string;
  readonly rule: string;
  readonly proposed_action: { readonly tool: string; readonly args: unknown };
  readonly proposed_actions: readonly { readonly tool: string; readonly args: unknown; readonly rule: string | null }[];
  readonly approver_channel: string;
  readonly expires_at: string;
  readonly retry_after_seconds: number;
  readonly fingerprint: string;
}

/** The `context` of an answer that must be a 202. */
export function waitingOf(answer: AgentAnswer): Waiting {
  if (answer.status !== 202) throw new Error(`expected 202, got ${answer.status}: ${answer.text.slice(0, 400)}`);
  return answer.json<{ context: Waiting }>().context;
}

export const decideAs = async (
  bench: GateBench,
  verdict: 'approve' | 'reject',
  gateId: string,
  input: { reason?: string; suggested_args?: unknown; remember?: 'exact-run' | 'rule-run' | 'rule-agent' } = {},
): Promise<GateRecord> => {
  const operation = verdict === 'approve' ? 'gates.approve' : 'gates.reject';
  return (await bench.rungate.call(operation, { gate_id: gateId, ...input } as never)).gate as GateRecord;
};

/** The bytes of a call's answer that have arrived when asked, as text. Call it before the answer begins. */
export function receivedSoFar(call: OpenCall): () => string {
  const chunks: Buffer[] = [];
  call.request.on('response', (response) => response.on('data', (chunk: Buffer) => chunks.push(chunk)));
  return () => Buffer.concat(chunks).toString();
}

/** Ask until it is so, once in each turn of the event loop; gives up after many. */
export async function settled(isSo: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 20_000; turn += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('it did not come to be so');
}
