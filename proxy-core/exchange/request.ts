import { hash } from 'node:crypto';
import { type Failure, failure } from '../contract/failures.ts';
import { type NanoUsd, usdToNano } from '../contract/money.ts';
import type { AgentRecord } from '../contract/records.ts';
import { type ClientSession, readSession } from '../runs/client-session.ts';
import { type ClientKind, type Headers, recogniseClient } from '../runs/client-table.ts';
import { conversationKeys, sketchOf } from '../runs/conversation.ts';
import type { RunClaims } from '../runs/identify.ts';
import { BARE, type Opening, readOpening, userTextEnds } from '../runs/opening.ts';
import { parseTraceParent, renderTraceParent } from '../runs/trace-parent.ts';
import type { Format, RequestFacts } from '../wire/format.ts';
import { FORMATS } from '../wire/formats.ts';
import { scanJson } from '../wire/json-scan.ts';
import type { Endpoint, Target } from './endpoint.ts';
import { readToolRequest, type ToolRequest } from './tool-request.ts';

/** A request as the agent port hands it on: authenticated, its body complete and decoded. */
export interface AgentRequest {
  readonly agent: AgentRecord;
  readonly credential: 'inject' | 'pass';
  readonly method: string;
  readonly target: Target;
  readonly endpoint: Endpoint;
  readonly headers: Headers;
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
  readonly bodyDecoded: boolean;
}

/** What reading the request found out, before anything is decided. */
export interface ReadRequest extends AgentRequest {
  readonly format: Format | null;
  readonly facts: RequestFacts | null;
  /** The call itself, for the tool invocation API. */
  readonly tool: ToolRequest | null;
  readonly client: ClientKind | null;
  readonly session: ClientSession;
  /** The agent's own span, as `TRACE-SPAN`. */
  readonly traceParent: string | null;
  readonly asks: Asks;
  /** SHA-256 of the body, hex: tells a resend from a new request. */
  readonly digest: string;
  readonly conversationKey: string | null;
  /** Equal for two sendings of one request, and for few others. */
  readonly sketch: string;
  /** What it shows of how it begins. */
  readonly opening: Opening;
  readonly claims: RunClaims;
}

/** What the `x-rungate-…` headers ask for. */
export interface Asks {
  readonly policy: string | null;
  readonly cap: NanoUsd | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly gate: 'retry' | 'hold' | null;
  readonly newGate: boolean;
}

/** A request that could be understood, or why not. */
export type Reading =
  | { readonly kind: 'read'; readonly request: ReadRequest }
  | { readonly kind: 'refused'; readonly failure: Failure };

const sha256 = (text: string | Uint8Array): string => hash('sha256', text, 'hex');
const LABEL = 'x-rungate-label-';
/** Deep enough for any tool schema; far too shallow to exhaust a stack. */
const BODY_DEPTH = 512;
const HANDED_OUT_LIMIT = 32;
/** Longer names belong to no model, and names are kept: with prices, in traces and as an agent's habits. */
const MODEL_LIMIT = 256;

const endlessModel = (): Failure =>
  failure('invalid_request', `The model’s name is longer than ${MODEL_LIMIT} characters.`, {
    recover: 'Name a model of a configured provider; GET /v1/models lists them.',
  });

/** Read a request once: one scan, one parse, its facts. Malformed JSON and repeated keys are refused. */
export function readRequest(request: AgentRequest): Reading {
  const asks = readAsks(request.headers);
  if ('code' in asks) return { kind: 'refused', failure: asks };
  const { endpoint } = request;
  const format = endpoint.kind === 'model' || endpoint.kind === 'count' ? FORMATS[endpoint.format] : null;
  const parsed = format === null && endpoint.kind !== 'tool' ? null : parseBody(request.body);
  if (parsed !== null && parsed.kind === 'refused') return parsed;
  const facts = parsed === null || format === null ? null : format.parseRequest(parsed.value);
  if ((facts?.model?.length ?? 0) > MODEL_LIMIT) return { kind: 'refused', failure: endlessModel() };
  const client = recogniseClient(request.headers, facts?.tools, facts?.sessionHints.systemHead);
  const tool = endpoint.kind === 'tool' ? readToolRequest(endpoint.name, request.body, parsed?.value) : null;
  if (tool !== null && 'code' in tool) return { kind: 'refused', failure: tool };
  const session = readSession(client, request.headers, facts, () => userTextEnds(parsed?.value));
  // A client that names its session is found by that alone, unless it leaves open which of its subagents calls.
  const shows = parsed !== null && (session.session === null || session.unnamedSubagent);
  const keys = shows ? conversationKeys(parsed.value, sha256) : { whole: null, earlier: [] };
  const digest = sha256(request.body);
  const opening =
    shows && facts !== null
      ? readOpening(parsed.value, {
          declaresTools: facts.tools.length > 0,
          toolResults: facts.toolResults.length > 0,
          responseIds: facts.responseIds.length > 0,
        })
      : BARE;
  return {
    kind: 'read',
    request: {
      ...request,
      format,
      facts,
      tool,
      client,
      traceParent: traceParentOf(request.headers),
      session: endpoint.kind === 'count' ? { ...session, side: 'count_tokens' } : session,
      asks,
      digest,
      conversationKey: keys.whole,
      sketch: `${request.method} ${request.target.path}\n${facts?.model ?? ''}\n${sketchOf(parsed?.value, keys.whole, digest)}`,
      opening,
      claims: {
        headerRun: present(request.headers['x-rungate-run-id']),
        pathRun: request.target.pathRun,
        newRun: request.headers['x-rungate-new-run'] === 'true',
        session,
        handedOut: tool === null ? handedOut(facts) : [{ kind: 'tool_call', key: tool.callId }],
        conversation: keys.earlier,
        opening,
        counts: endpoint.kind === 'count',
      },
    },
  };
}

function traceParentOf(headers: Headers): string | null {
  const parent = parseTraceParent(headers['traceparent']);
  return parent === null ? null : renderTraceParent(parent);
}

type ParsedBody =
  | { readonly kind: 'parsed'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly failure: Failure };

function parseBody(body: Uint8Array): ParsedBody {
  const refused = (message: string): ParsedBody => ({
    kind: 'refused',
    failure: failure('invalid_request', message, { recover: 'Send one JSON object, each key once.' }),
  });
  const scan = scanJson(body, { depth: BODY_DEPTH, elements: 0 });
  if (scan.kind === 'refused') {
    if (scan.reason === 'duplicate_key') return refused(`The body holds the key ${scan.at} twice.`);
    if (scan.reason === 'too_deep') return refused(`The body is nested deeper than ${BODY_DEPTH} levels.`);
    return refused('The body is not a JSON object.');
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return refused('The body is not a JSON object.');
    return { kind: 'parsed', value };
  } catch {
    return refused('The body is not valid JSON.');
  }
}

function handedOut(facts: RequestFacts | null): RunClaims['handedOut'] {
  if (facts === null) return [];
  const calls = facts.toolResults
    .slice(-HANDED_OUT_LIMIT)
    .reverse()
    .map(({ callId }) => ({ kind: 'tool_call', key: callId }) as const);
  return [...calls, ...facts.responseIds.map((key) => ({ kind: 'response', key }) as const)];
}

function readAsks(headers: Headers): Asks | Failure {
  const gate = present(headers['x-rungate-gate']);
  if (gate !== null && gate !== 'retry' && gate !== 'hold') {
    return failure('invalid_request', 'x-rungate-gate must be retry or hold.', {
      recover: 'Send retry, hold or no such header.',
    });
  }
  const budget = present(headers['x-rungate-budget-usd']);
  if (budget !== null && !/^\d{1,6}(\.\d{1,9})?$/.test(budget)) {
    return failure('invalid_request', 'x-rungate-budget-usd must be an amount such as 2.50.', {
      recover: 'Send a positive decimal number of US dollars.',
    });
  }
  return {
    policy: present(headers['x-rungate-policy']),
    cap: budget === null ? null : usdToNano(budget),
    labels: readLabels(headers),
    gate,
    newGate: headers['x-rungate-new-gate'] === 'true',
  };
}

function readLabels(headers: Headers): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    if (name.startsWith(LABEL) && name.length > LABEL.length && name.length <= LABEL.length + 64) {
      labels[name.slice(LABEL.length)] = (headers[name] ?? '').slice(0, 512);
    }
  }
  return labels;
}

const present = (value: string | undefined): string | null => (value === undefined || value === '' ? null : value);
