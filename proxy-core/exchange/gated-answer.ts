import { hash } from 'node:crypto';
import type { GateRecord, ProposedAction } from '../contract/records.ts';
import { actionHash, proposedArgs } from '../gates/action-hash.ts';
import { parseArguments, renderValue } from '../policy/arguments.ts';
import type { DecidingRule, Decision } from '../policy/decision.ts';
import type { GateOpening, KeptAnswer } from '../store/store.ts';
import type { ToolCall } from '../wire/format.ts';
import { FORMATS } from '../wire/formats.ts';
import type { Core } from './core.ts';
import { framesOf } from './held-stream.ts';
import { makeId } from './make-id.ts';
import type { Answer } from './passage.ts';
import type { ReadRequest } from './request.ts';
import type { EditedBody } from './request-edits.ts';
import type { LiveRun } from './run-directory.ts';

/** Turning a decision into a gate: what it proposes, who is asked, until when, and the answer it holds. */

const sha256 = (text: string): string => hash('sha256', text, 'hex');

/** Arguments as text that two readers read the same way, or null. */
function readExactly(argsText: string): string | null {
  const parsed = parseArguments(argsText);
  return parsed.kind === 'parsed' ? renderValue(parsed.value) : null;
}

/** What one tool call proposes; `rule` names the rule that gates it, null where none does. */
export const proposalOf = (call: ToolCall, rule: string | null): ProposedAction => ({
  tool: call.namespace === undefined ? call.name : `${call.namespace}.${call.name}`,
  args: call.kind === 'custom' ? call.argsText : proposedArgs(call.argsText, readExactly),
  call_id: call.id,
  rule,
});

/** What a gate is opened for. */
export interface GateSubject {
  readonly kind: GateRecord['kind'];
  readonly request: ReadRequest;
  readonly run: LiveRun;
  readonly fingerprint: string;
  readonly exchangeId: string | null;
  readonly decision: Decision;
  readonly actions: readonly ProposedAction[];
}

/** The opening of a gate for what a decision stops. */
export function gateOpening(core: Core, subject: GateSubject): GateOpening {
  const { run, request, decision } = subject;
  const rule: DecidingRule | null = decision.rule;
  return {
    gateId: makeId('gate', core),
    kind: subject.kind,
    runId: run.runId,
    agentId: run.agentId,
    agentName: request.agent.name,
    rule: rule?.name ?? 'default',
    policy: decision.version,
    message: rule?.message ?? null,
    fingerprint: subject.fingerprint,
    actionHash: actionHash(subject.actions, sha256),
    proposedActions: subject.actions,
    explanation: decision.explanation.map((condition) => ({ ...condition })),
    approverChannels: rule?.approverChannels ?? ['desktop://'],
    exchangeId: subject.exchangeId,
    expiresAt: core.clock.now() + (rule?.expiresInSeconds ?? 3600) * 1000,
  };
}

/** The answer as it is to be released: complete, and without the usage chunk that only the proxy asked for. */
export function keepAnswer(answer: Answer, request: ReadRequest, edited: EditedBody): KeptAnswer | null {
  if (answer.body === null) return null;
  const kept = {
    status: answer.status,
    headers: answer.headers,
    stream: answer.stream,
    body: Buffer.concat(answer.body),
  };
  return answer.stream && edited.hidesUsage ? { ...kept, body: withoutUsage(kept, request) } : kept;
}

function withoutUsage(kept: KeptAnswer, request: ReadRequest): Uint8Array {
  if (request.endpoint.kind !== 'model') return kept.body;
  const reader = FORMATS[request.endpoint.format].streamReader();
  return Buffer.concat(framesOf(kept).filter((frame) => !reader.pushFrame(frame).usageOnly));
}
