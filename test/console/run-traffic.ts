import type { SdkAgent } from '../harness/agent-sdk.ts';
import type { ScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Calls of an agent, as small as a spec about runs needs them. */

type Agent = Pick<SdkAgent, 'agentUrl' | 'token'>;

export interface Told {
  readonly status: number;
  readonly runId: string;
  readonly body: unknown;
}

/** Send a Messages request in a run; `content` is what the user says, or the whole list of messages. */
export async function say(
  { agentUrl, token }: Agent,
  runId: string,
  content: unknown,
  extra: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const isTurns = Array.isArray(content) && typeof content[0] === 'object' && 'role' in (content[0] as object);
  const messages = isTurns ? content : [{ role: 'user', content }];
  const response = await fetch(`${agentUrl}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': token, 'x-rungate-run-id': runId, ...headers },
    body: JSON.stringify({ model: 'claude-opus-4-8', max_tokens: 200, messages, ...extra }),
  });
  const text = await response.text();
  return { status: response.status, runId: response.headers.get('x-rungate-run-id') ?? '', body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Begin a run without any call. */
export async function beginRun({ agentUrl, token }: Agent, runId: string): Promise<void> {
  const response = await fetch(`${agentUrl}/v1/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ run_id: runId }),
  });
  if (response.status !== 201) throw new Error(`the run was not begun: ${response.status} ${await response.text()}`);
}

/** Hand in a file that the run has produced. */
export async function handIn(
  { agentUrl, token }: Agent,
  runId: string,
  file: { readonly name: string; readonly type: string; readonly body: string | Uint8Array<ArrayBuffer> },
): Promise<void> {
  const response = await fetch(`${agentUrl}/v1/runs/${runId}/artifacts/${encodeURIComponent(file.name)}`, {
    method: 'PUT',
    headers: { 'content-type': file.type, authorization: `Bearer ${token}` },
    body: file.body,
  });
  if (!response.ok) throw new Error(`the artifact was not taken: ${response.status} ${await response.text()}`);
}

/** What the provider answers from now on. */
export function answerWith(
  upstream: ScriptedUpstream,
  answer: {
    readonly text?: string;
    readonly tool?: { readonly id: string; readonly name: string; readonly input: unknown };
    readonly usage?: Readonly<Record<string, number>>;
    readonly status?: number;
  },
): void {
  const { text = 'hello', tool, usage = { input_tokens: 1_000, output_tokens: 100 }, status = 200 } = answer;
  const content = [
    { type: 'text', text },
    ...(tool === undefined ? [] : [{ type: 'tool_use', id: tool.id, name: tool.name, input: tool.input }]),
  ];
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-4-8',
    content,
    stop_reason: tool === undefined ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage,
  };
  const refusal = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  upstream.script((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? message : refusal));
  });
}
