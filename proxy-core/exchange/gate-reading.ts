import { hash } from 'node:crypto';
import type { Conversation } from '../contract/conversation.ts';
import type { ActionView } from '../contract/gate-card.ts';
import type { GateRecord, ProposedAction } from '../contract/records.ts';
import { viewAction } from '../gates/action-view.ts';
import { clientCwd, goalOf, saidBefore } from '../gates/request-context.ts';
import { hostOf, type Risk, type RiskCall } from '../gates/risk.ts';
import { findCwd } from '../gates/shell-args.ts';
import { isAmountKey } from '../gates/text-risks.ts';
import { isScriptTool } from '../policy/calls.ts';
import type { ExplainedCondition } from '../policy/decision.ts';
import { innerCall } from '../policy/inner-call.ts';
import { kindOfTool } from '../policy/tool-kinds.ts';
import type { KeptAnswer } from '../store/store.ts';
import { readConversation } from '../wire/conversation.ts';
import type { ToolCall } from '../wire/format.ts';
import { FORMATS } from '../wire/formats.ts';
import type { Core } from './core.ts';
import { assess, callOf, readAction } from './grants.ts';

/**
 * What a gate shows of itself, read out of what is stored: it never changes while the gate lives. Everything read is
 * bounded, because it is read where agents are served (fault E11).
 */
export interface GateReading {
  readonly actions: readonly ActionView[];
  readonly risk: Risk;
  /** Of the gated calls alone: it says what may be remembered. */
  readonly gatedRisk: Pick<Risk, 'notGrantable'>;
  readonly agentSays: string | null;
  readonly goal: string | null;
}

/** Longer requests are not read for what their client says of itself, bytes. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** Of a longer stream only the beginning is read; a longer document not at all. */
const STREAM_BYTES = 512 * 1024;
/** Of a longer answer the arguments are shown as they were understood, in the same words but for blanks, not as they were written. */
const WRITTEN_BYTES = 512 * 1024;
const DOCUMENT_BYTES = 4 * 1024 * 1024;

/** Read a gate. */
export function readGate(core: Core, gate: GateRecord, conditions: readonly ExplainedCondition[]): GateReading {
  const answer = answerOf(core, gate);
  const own = gate.exchange_id === null ? [] : requestOf(core, gate.exchange_id);
  const first = core.store.read.firstExchange(gate.run_id);
  const begun = first === null ? [] : first === gate.exchange_id ? own : requestOf(core, first);
  const asked = own.length > 0 ? own : begun;
  const cwd = clientCwd(asked);
  const written = answer === null ? [] : writtenArgs(answer);
  const paths = [...new Set(conditions.filter(({ decisive }) => decisive).map(({ path }) => path))];
  const read = judged(gate).map(readAction);
  return {
    actions: gate.proposed_actions.map((action, at) => view(action, gate, rawOf(action, written[at]), paths, cwd)),
    risk: assess(read, {
      cwd: riskCwd(judged(gate), cwd),
      amountLimit: amountLimit(conditions),
      knownHosts: knownHosts(core, gate, read),
    }),
    gatedRisk: assess(read.filter((_, at) => gate.proposed_actions[at]?.rule !== null)),
    agentSays: answer === null ? null : saidBefore(said(answer)),
    goal: core.store.read.run(gate.run_id)?.labels['goal'] ?? goalOf(begun),
  };
}

/** What is approved together is judged together; a whole request proposes no action whose arguments could be risky. */
const judged = ({ kind, proposed_actions }: GateRecord): readonly ProposedAction[] =>
  kind === 'request' ? [] : proposed_actions;

const sha256Bytes = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex');

function decodeBase64(text: string): Uint8Array | null {
  const plain = text.replace(/\s+/g, '');
  return /^[\w+/-]*={0,2}$/.test(plain) ? Buffer.from(plain, 'base64') : null;
}

function view(
  action: ProposedAction,
  gate: GateRecord,
  raw: string,
  paths: readonly string[],
  cwd: string | null,
): ActionView {
  const call = callOf(action);
  const kind = gate.kind === 'request' || isScriptTool(call) ? 'other' : kindOfTool(action.tool);
  const matchedPaths = action.rule === gate.rule ? paths : [];
  const context = { raw, matchedPaths, cwd, sha256Bytes, decodeBase64 };
  const carried = kind === 'other' && gate.kind !== 'request' && raw.length <= CARRIED_LENGTH ? innerCall(call) : null;
  if (carried === null) return viewAction(action, { ...context, kind });
  const { tool, args, path } = carried;
  const shown = viewAction({ ...action, tool, args }, { ...context, kind: kindOfTool(tool) });
  return { ...shown, tool: path.join(' → ') };
}

/** Longer arguments are shown as they are, characters. */
const CARRIED_LENGTH = 512 * 1024;

const rawOf = ({ tool, args }: ProposedAction, written: ToolCall | undefined): string => {
  if (typeof args === 'string') return args;
  const same = written !== undefined && tool.endsWith(written.name) && written.truncated !== true;
  return same ? written.argsText : JSON.stringify(args);
};

interface ReadableAnswer {
  readonly format: NonNullable<Parameters<typeof readConversation>[0]['format']>;
  readonly kept: KeptAnswer;
  /** Not all of it is there. */
  readonly cut: boolean;
}

function answerOf(core: Core, gate: GateRecord): ReadableAnswer | null {
  if (gate.kind !== 'response' || gate.exchange_id === null) return null;
  const format = core.store.read.exchange(gate.exchange_id)?.wire_format ?? null;
  const kept = format === null ? null : core.store.read.keptAnswer(gate.gate_id);
  if (format === null || kept === null) return null;
  const most = kept.stream ? STREAM_BYTES : DOCUMENT_BYTES;
  if (kept.body.length <= most) return { format, kept, cut: false };
  return kept.stream ? { format, kept: { ...kept, body: kept.body.subarray(0, most) }, cut: true } : null;
}

const said = ({ format, kept }: ReadableAnswer): Conversation['messages'] =>
  readConversation({ format, request: null, response: kept.body, stream: kept.stream }).messages;

/** The calls of an answer with their arguments as the model wrote them, in the order a gate lists them. */
function writtenArgs({ format, kept, cut }: ReadableAnswer): readonly ToolCall[] {
  if (cut || kept.body.length > WRITTEN_BYTES) return [];
  const reader = kept.stream ? FORMATS[format].streamReader() : FORMATS[format].jsonReader();
  reader.push(kept.body);
  reader.end();
  return reader.report.toolCalls.filter(({ kind }) => kind !== 'server');
}

function requestOf(core: Core, exchangeId: string): Conversation['messages'] {
  const bytes = core.store.read.requestBytes(exchangeId);
  const format = core.store.read.exchange(exchangeId)?.wire_format ?? null;
  if (bytes === null || bytes > REQUEST_BYTES || format === null) return [];
  const request = core.store.read.requestBody(exchangeId);
  return request === null ? [] : readConversation({ format, request, response: null, stream: false }).messages;
}

/** The directory that all calls work in: what they name themselves, else the client's; null where that is not one place. */
function riskCwd(actions: readonly ProposedAction[], usual: string | null): string | null {
  const named = new Set(actions.map(({ args }) => findCwd(args) ?? usual));
  const [only] = named;
  return named.size === 1 && only != null && /^(?:\/|[A-Za-z]:)/.test(only) ? only : null;
}

/** The lowest amount that a condition of the rule compares with, in the unit of the arguments. */
function amountLimit(conditions: readonly ExplainedCondition[]): number | null {
  const limits = conditions
    .filter(({ path, operator, negated }) => {
      const key = path.split('.').at(-1) ?? '';
      return path.startsWith('args.') && isAmountKey(key) && !negated && (operator === '$gt' || operator === '$gte');
    })
    .map(({ expected }) => Number(expected))
    .filter(Number.isFinite);
  return limits.length === 0 ? null : Math.min(...limits);
}

/** Judging notes a host as seen, at most this long before its gate is opened. */
const JUDGING_MS = 5_000;
const SEEN_LENGTH = 256;
/** Hosts looked up; further ones count as new. */
const HOSTS = 100;

/** The hosts of the gate's calls that the agent had addressed before them. */
function knownHosts(core: Core, gate: GateRecord, calls: readonly RiskCall[]): ReadonlySet<string> {
  const exchange = gate.exchange_id === null ? null : core.store.read.exchange(gate.exchange_id);
  const before = exchange?.started_at ?? gate.created_at - JUDGING_MS;
  const readings = calls.flatMap(({ actions }) => actions.flat());
  const hosts = new Set(readings.flatMap(({ url }) => (url.kind === 'value' ? (hostOf(String(url.value)) ?? []) : [])));
  const known = [...hosts].slice(0, HOSTS).filter((host) => {
    const seenAt = core.store.read.firstSeenAt(gate.agent_id, 'host', host.slice(0, SEEN_LENGTH));
    return seenAt !== null && seenAt < before;
  });
  return new Set(known);
}
