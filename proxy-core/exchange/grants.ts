import { hash } from 'node:crypto';
import type { GateRecord, GrantRecord, ProposedAction } from '../contract/records.ts';
import { argsHash } from '../gates/action-hash.ts';
import { coveringGrants, type GrantWish, grantOf, offerGrant } from '../gates/grants.ts';
import { assessRisk, type Risk, type RiskCall, type RiskSetting } from '../gates/risk.ts';
import { readCall } from '../policy/calls.ts';
import { visible } from '../policy/visible.ts';
import type { By } from '../store/store.ts';
import type { ToolCall } from '../wire/format.ts';
import type { Offer } from './gate-book.ts';
import { proposalOf } from './gated-answer.ts';
import type { LiveRun } from './run-directory.ts';

/** Approvals with memory, joined to what the policy reads out of a call. */

const sha256 = (text: string): string => hash('sha256', text, 'hex');
const SETTING: RiskSetting = { cwd: null, amountLimit: null, knownHosts: null, visible };
const NO_RISK = { notGrantable: null };

/** The risk of proposed actions, taken together. */
export const riskOf = (actions: readonly ProposedAction[]): Risk => assessRisk(actions.map(riskCall), SETTING);

function riskCall({ tool, args, call_id: id }: ProposedAction): RiskCall {
  const argsText = typeof args === 'string' ? args : JSON.stringify(args);
  // Arguments of a function that could not be read for certain are kept as text too; read as a function they stay unreadable.
  const kind = typeof args === 'string' && !/^\s*[{["]/.test(args) ? 'custom' : 'function';
  const [namespace, name] = tool.includes('.')
    ? [tool.slice(0, tool.indexOf('.')), tool.slice(tool.indexOf('.') + 1)]
    : [undefined, tool];
  const call: ToolCall = { id, name, kind, argsText, ...(namespace === undefined ? {} : { namespace }) };
  return { tool, args, actions: readCall(call).flatMap((subject) => subject.actions()) };
}

/** The grants that silence their own rule for a call of this run; for null, for the request itself. */
export function grantsCovering(
  grants: readonly GrantRecord[],
  run: LiveRun,
  call: ToolCall | null,
  now: number,
): readonly GrantRecord[] {
  if (grants.length === 0) return [];
  const context = { agentId: run.agentId, runId: run.runId, policy: run.policy, now };
  if (call === null) return coveringGrants(grants, { tool: null, argsSha256: null, risk: NO_RISK }, context);
  const action = proposalOf(call, null);
  const subject = { tool: action.tool, argsSha256: argsHash(action.args, sha256), risk: riskOf([action]) };
  return coveringGrants(grants, subject, context);
}

/** The grant that remembering this approval makes, or why none may be made. */
export function offerFor(gate: GateRecord, wish: GrantWish, by: By, at: number): Offer {
  const gated = gate.proposed_actions.filter(({ rule }) => rule !== null);
  const risk = gate.kind === 'request' ? NO_RISK : riskOf(gated);
  const answer = offerGrant(gate, risk, wish, { sha256, visible });
  if (answer.kind === 'not_offered') return { kind: 'not_grantable', reason: answer.reason };
  const { grant_id: _, ...grant } = grantOf(answer, gate, { grantId: '', actor: by.actor, at });
  return { kind: 'granted', grant };
}
