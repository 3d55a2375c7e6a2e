import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import type { Case } from './cases.ts';
import { POLICY } from './gated-call.ts';

/** The proxy's side of a case: a real core, real sockets, and a provider that answers with the case's bytes. */

export type Delivery = 'retry' | 'hold';

/** What came back, to the last byte. */
export interface Received {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
  /** False when the connection was cut before the answer had ended. */
  readonly ended: boolean;
}

/** A call that a gate showed its reviewer. */
export interface Reviewed {
  readonly tool: string;
  readonly args: unknown;
}

/** What a gate did to a request. */
export interface Gated {
  readonly gateId: string;
  readonly proposed: readonly Reviewed[];
}

export interface Asked {
  readonly delivery: Delivery;
  /** Ask for the other form than the case's: JSON for a stream, a stream for JSON. */
  readonly otherForm?: boolean;
  /** How a gate that this request opens is decided while the request waits. */
  readonly verdict?: 'approve' | 'reject';
}

export interface Answered {
  readonly received: Received;
  /** The gate that this request opened, if it opened one. */
  readonly gated: Gated | null;
}

export interface GovernedCore {
  /** Send the case's request; the same request again is the same to the core. */
  ask(one: Case, asked: Asked): Promise<Answered>;
  decide(gateId: string, verdict: 'approve' | 'reject'): Promise<void>;
  close(): Promise<void>;
}

const PATHS = { chat: '/v1/chat/completions', responses: '/v1/responses', messages: '/v1/messages' } as const;
const MODELS = { chat: 'gpt-4.1', responses: 'gpt-5.5', messages: 'claude-opus-4-8' } as const;

/** Start a core whose provider knows the cases that are under way. */
export async function startGovernedCore(): Promise<GovernedCore> {
  const cases = new Map<string, Case>();
  const server = createServer((request, response) => void answer(cases, request, response));
  // On a busy machine a connection may lie idle for long between cases; one that is closed meanwhile would look like a refusal.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const upstreamUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rungate = await startTestRungate({ upstreamUrl });
  await rungate.call('policies.apply', { document: POLICY, file_name: 'differential.yaml', note: 'for tests' });
  const token = await rungate.addAgent('differential', { policy: 'differential' });
  const agent = new Agent({ connections: 64, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const gates = watchGates(rungate);
  const decide: GovernedCore['decide'] = async (gateId, verdict) => {
    await rungate.call(verdict === 'approve' ? 'gates.approve' : 'gates.reject', { gate_id: gateId });
  };
  return {
    async ask(one, asked) {
      const key = `${one.seed}-${one.index}-${asked.delivery}`;
      cases.set(key, one);
      const gate = gates.of(key);
      if (asked.verdict !== undefined) {
        const { verdict } = asked;
        void gate.opened.then(({ gateId }) => decide(gateId, verdict));
      }
      const stream = one.stream !== (asked.otherForm ?? false);
      const received = await send(agent, rungate.url + PATHS[one.format], bodyOf(one, key, stream), {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-case': key,
        'x-rungate-run-id': `run-${key}`,
        'x-rungate-gate': asked.delivery,
      });
      cases.delete(key);
      return { received, gated: gate.end() };
    },
    decide,
    async close() {
      await agent.close();
      await rungate.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  cases: ReadonlyMap<string, Case>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  const one = cases.get(String(request.headers['x-case']));
  if (one === undefined) return void response.writeHead(500).end();
  response.writeHead(200, { 'content-type': one.wire.contentType });
  for (const chunk of one.wire.chunks) response.write(chunk);
  response.end();
}

/** The gates that requests under way open, by their run. */
function watchGates(rungate: TestRungate) {
  const waiting = new Map<string, (gated: Gated) => void>();
  rungate.core.subscribe((event) => {
    if (event.name !== 'approval.pending' || !('gate' in event.body)) return;
    const { gate_id, run_id, proposed_actions } = event.body.gate;
    waiting.get(run_id)?.({ gateId: gate_id, proposed: proposed_actions });
  });
  return {
    of(key: string) {
      let found: Gated | null = null;
      const opened = new Promise<Gated>((resolve) => {
        waiting.set(`run-${key}`, (gated) => {
          found = gated;
          resolve(gated);
        });
      });
      return {
        opened,
        end(): Gated | null {
          waiting.delete(`run-${key}`);
          return found;
        },
      };
    },
  };
}

function bodyOf(one: Case, key: string, stream: boolean): string {
  const messages = [{ role: 'user', content: `case ${key}` }];
  const schema = { type: 'object' };
  const model = MODELS[one.format];
  switch (one.format) {
    case 'chat': {
      const tools = one.declares.map((name) => ({ type: 'function', function: { name, parameters: schema } }));
      const usage = stream ? { stream_options: { include_usage: true } } : {};
      return JSON.stringify({ model, messages, tools, stream, ...usage });
    }
    case 'responses': {
      const tools = one.declares.map((name) => ({ type: 'function', name, parameters: schema, strict: false }));
      return JSON.stringify({ model, input: messages, tools, stream });
    }
    case 'messages': {
      const tools = one.declares.map((name) => ({ name, input_schema: schema }));
      return JSON.stringify({ model, max_tokens: 400, messages, tools, stream });
    }
  }
}

function send(agent: Agent, url: string, body: string, headers: Readonly<Record<string, string>>): Promise<Received> {
  const { origin, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    let status = 0;
    let contentType = '';
    const chunks: Buffer[] = [];
    const finish = (ended: boolean): void => resolve({ status, contentType, body: Buffer.concat(chunks), ended });
    agent.dispatch(
      { origin, path: pathname, method: 'POST', headers, body },
      {
        onRequestStart: () => undefined,
        onResponseStart(_controller, code, head) {
          status = code;
          contentType = String(head['content-type'] ?? '');
        },
        onResponseData: (_controller, chunk) => void chunks.push(chunk),
        onResponseEnd: () => finish(true),
        onResponseError: (_controller, error) => (status === 0 ? reject(error) : finish(false)),
      },
    );
  });
}
