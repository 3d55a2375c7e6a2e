import { hash } from 'node:crypto';
import { type BlockDetail, SENT_KEPT } from '../contract/block.ts';
import type { Failure } from '../contract/failures.ts';
import { visible } from '../contract/visible.ts';
import type { Decision } from '../policy/decision.ts';
import { refusalContext, renderReason } from '../policy/explain.ts';
import type { NewBlock } from '../store/store.ts';
import type { ToolCall } from '../wire/format.ts';
import { renderRefusal, renderStreamRefusal } from '../wire/refusal.ts';
import { proposalOf } from './gated-answer.ts';
import { type AnswerJudgement, ruleName } from './judge.ts';
import { refusalTarget } from './refusal-target.ts';
import type { ReadRequest } from './request.ts';

/** What a block by a rule leaves behind (behaviour §7): which rule and why, what was withheld, what the agent was given instead. */

/** What the agent was given instead of what was withheld. */
export interface Sent {
  readonly as: BlockDetail['sent'];
  /** Of a refusal; null for what ends a stream that has begun. */
  readonly status: number | null;
  readonly contentType: string | null;
  readonly bytes: Uint8Array;
}

/** What did not go on; `bytes` is null where it was more than is kept. */
export interface Withheld {
  readonly of: BlockDetail['withheld'];
  /** How many bytes of it had gone on before. */
  readonly from: number;
  readonly bytes: Uint8Array | null;
}

/** What is known of a block when it is recorded. */
export interface BlockSubject {
  readonly stage: BlockDetail['stage'];
  readonly failure: Failure;
  readonly decision: Decision;
  readonly exchangeId: string;
  /** The calls that were withheld, each with the decision on it. */
  readonly calls: readonly { readonly call: ToolCall; readonly decision: Decision }[];
  readonly withheld: Withheld;
  readonly sent: Sent;
}

/** So many tools are named in the trace; the audit has them all. */
const TOOLS_NAMED = 20;

/** A block for the store. */
export function blockOf({ stage, failure, decision, exchangeId, calls, withheld, sent }: BlockSubject): NewBlock {
  const { rule, policy, matched, recover } = refusalContext(decision);
  const tools = calls.map(({ call }) => (call.namespace === undefined ? call.name : `${call.namespace}.${call.name}`));
  const text = Buffer.from(sent.bytes).toString();
  return {
    detail: {
      stage,
      failure: failure.code,
      rule,
      policy,
      message: decision.rule?.message ?? null,
      recover,
      matched: [...matched],
      tool: decision.tool,
      tools: tools.slice(0, TOOLS_NAMED),
      blocked_exchange_id: exchangeId,
      withheld: withheld.of,
      withheld_from: withheld.from,
      withheld_bytes: withheld.bytes?.length ?? null,
      withheld_sha256: withheld.bytes === null ? null : hash('sha256', withheld.bytes, 'hex'),
      sent: sent.as,
      sent_status: sent.status,
      sent_type: sent.contentType,
      sent_bytes: sent.bytes.length,
      sent_sha256: hash('sha256', sent.bytes, 'hex'),
      sent_text: text.slice(0, SENT_KEPT),
    },
    actions: calls.map(({ call, decision: own }) => proposalOf(call, own.effect === 'allow' ? null : ruleName(own))),
  };
}

/** The calls of an answer as a block names them; an answer that cannot be read names none for certain. */
export const callsOf = (judgement: AnswerJudgement | null): BlockSubject['calls'] => judgement?.calls ?? [];

/** A refusal that is sent instead of an answer. */
export function sentRefusal(failure: Failure, request: ReadRequest, exchangeId: string): Sent {
  const { status, headers, body } = renderRefusal(failure, refusalTarget(request, exchangeId));
  const { 'content-type': contentType = null } = headers;
  return { as: 'refusal', status, contentType, bytes: Buffer.from(body) };
}

/** The last words in a stream that has begun and is then cut. `said` false: it stands inside an event, where no word has place. */
export function sentCut(failure: Failure, request: ReadRequest, exchangeId: string, said: boolean): Sent {
  if (!said) return { as: 'cut', status: null, contentType: null, bytes: new Uint8Array() };
  const bytes = Buffer.from(renderStreamRefusal(failure, refusalTarget(request, exchangeId)));
  return { as: 'error', status: null, contentType: STREAM, bytes };
}

/** The text and normal end of a held stream. */
export const sentText = (bytes: Uint8Array): Sent => ({ as: 'text', status: null, contentType: STREAM, bytes });

/** The agent had gone before anything could be said. */
export const SENT_NOTHING: Sent = { as: 'nothing', status: null, contentType: null, bytes: new Uint8Array() };

const STREAM = 'text/event-stream';

/** What an agent reads in place of a blocked call: which rule, why, and how to go on (behaviour §3). */
export function blockText(decision: Decision): string {
  const { recover } = refusalContext(decision);
  return `[Rungate] ${ended(renderReason(decision))} ${ended(visible(recover))}`;
}

const ended = (sentence: string): string => (/[.!?…]\s*$/.test(sentence) ? sentence.trimEnd() : `${sentence}.`);
