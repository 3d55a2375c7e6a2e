import { hash } from 'node:crypto';
import type { GateRecord, GrantRecord, ProposedAction } from '../contract/records.ts';
import { visible } from '../contract/visible.ts';
import { argsHash } from '../gates/action-hash.ts';
import { boundArgs } from '../gates/bounded-args.ts';
import {
  coveringGrants,
  covers,
  type GrantContext,
  type GrantOffer,
  type GrantWish,
  grantOf,
  offerGrant,
  offerGrants,
} from '../gates/grants.ts';
import { assessRisk, type Risk, type RiskCall, type RiskSetting } from '../gates/risk.ts';
import { anyAction } from '../policy/action.ts';
import { readCall } from '../policy/calls.ts';
import { kindOfTool } from '../policy/tool-kinds.ts';
import type { By } from '../store/store.ts';
import type { ToolCall } from '../wire/format.ts';
import type { Offer } from './gate-book.ts';
import { proposalOf } from './gated-answer.ts';
import type { LiveRun } from './run-directory.ts';

/** Approvals with memory, joined to what the policy reads out of a call. */

const sha256 = (text: string): string => hash('sha256', text, 'hex');
const SETTING: RiskSetting = { cwd: null, amountLimit: null, knownHosts: null, visible };
const NO_RISK = { notGrantable: null };

/** What is known around proposed actions; what is left out counts as not known. */
export type RiskFacts = Partial<Omit<RiskSetting, 'visible'>>;

/** The risk of proposed actions, taken together. */
export const riskOf = (actions: readonly ProposedAction[]): Risk => assess(actions.map(readAction));

/** The risk of actions that have been read. Facts change what is told, never what may be remembered. */
export const assess = (calls: readonly RiskCall[], facts: RiskFacts = {}): Risk =>
  assessRisk(calls, { ...SETTING, ...facts });

/** A proposed action as the call it was made from. */
export function callOf({ tool, args, call_id: id }: ProposedAction): ToolCall {
  const argsText = typeof args === 'string' ? args : JSON.stringify(args);
  // Arguments of a function that could not be read for certain are kept as text too; read as a function they stay unreadable.
  const kind = typeof args === 'string' && !/^\s*[{["]/.test(args) ? 'custom' : 'function';
  const [namespace, name] = tool.includes('.')
    ? [tool.slice(0, tool.indexOf('.')), tool.slice(tool.indexOf('.') + 1)]
    : [undefined, tool];
  return { id, name, kind, argsText, ...(namespace === undefined ? {} : { namespace }) };
}

/** What a proposed action does, as the policy reads it. Arguments of very many values are read in part, and that is told. */
export function readAction(action: ProposedAction): RiskCall {
  const { tool, args } = action;
  const bounded = boundArgs(args);
  const [own, ...carried] = readCall(callOf({ ...action, args: bounded.args }));
  const inner = carried.flatMap((subject) => subject.actions());
  // What a tool of no known kind does is not in its arguments, where it carries nothing.
  const actions = inner.length > 0 && kindOfTool(tool) === 'other' ? inner : [...own.actions(), ...inner];
  return { tool, args, actions: bounded.whole ? actions : [...actions, ...anyAction('its arguments are too many')] };
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
  const answer = offerGrant(gate, riskOfGate(gate), wish, { sha256, visible });
  if (answer.kind === 'not_offered') return { kind: 'not_grantable', reason: answer.reason };
  const { grant_id: _, ...grant } = grantOf(answer, gate, { grantId: '', actor: by.actor, at });
  return { kind: 'granted', grant };
}

/** Every grant that may be offered with this approval, narrowest first, or why there is none. `risk` is that of its gated calls. */
export function offersFor(
  gate: GateRecord,
  risk: Pick<Risk, 'notGrantable'>,
): { readonly offers: readonly GrantOffer[]; readonly refused: string | null } {
  const offers = offerGrants(gate, risk, { sha256, visible });
  if (offers.length > 0) return { offers, refused: null };
  const answer = offerGrant(gate, risk, { scope: 'rule-run', forMs: null }, { sha256, visible });
  return { offers, refused: answer.kind === 'not_offered' ? answer.reason : null };
}

function riskOfGate({ kind, proposed_actions }: GateRecord): Pick<Risk, 'notGrantable'> {
  return kind === 'request' ? NO_RISK : riskOf(proposed_actions.filter(({ rule }) => rule !== null));
}

/** Whether a grant with this offer would have covered an earlier call that its rule gates. */
export function wouldCover(offer: GrantOffer, gate: GateRecord, runId: string, action: ProposedAction): boolean {
  const at = 0;
  const granted = grantOf(offer, gate, { grantId: '', actor: '', at });
  const grant = { ...granted, used: 0, revoked_at: null };
  const context = { agentId: gate.agent_id, runId, policy: gate.policy, now: at };
  if (!mayCover(grant, action.tool, context)) return false;
  const subject = { tool: action.tool, argsSha256: argsHash(action.args, sha256), risk: riskOf([action]) };
  return covers(grant, gate.rule, subject, context);
}

/** A first look that costs nothing. */
const mayCover = (grant: GrantRecord, tool: string, { runId }: GrantContext): boolean =>
  grant.matcher.tool === tool && (grant.run_id === null || grant.run_id === runId);
