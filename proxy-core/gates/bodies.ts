import { type Failure, failure } from '../contract/failures.ts';
import type { GateRecord, ProposedAction, RunState } from '../contract/records.ts';
import { excerpt } from '../contract/visible.ts';
import { stateAt } from './states.ts';

/** What agents are told of a gate: `product/approval-gates.txt` word for word, plus what behaviour §3 and §6 add. */

/** Seconds of `Retry-After` on a 202. */
export const RETRY_AFTER_SECONDS = 5;
/** The suggested pauses between retries in seconds; the last one repeats until the gate expires. */
const CADENCE_SECONDS = [5, 10, 30, 60, 300] as const;
/** `Retry-After` of a 409 at the end of a held connection is at most this, seconds. */
const PENDING_RETRY_LIMIT_SECONDS = 60;

/** The pause before the next retry after `retries` retries (0 after the first 202), in seconds; never past the expiry by more than one. */
export function suggestedPause(retries: number, now: number, expiresAt: number): number {
  const pause = CADENCE_SECONDS[Math.min(retries, CADENCE_SECONDS.length - 1)] ?? RETRY_AFTER_SECONDS;
  return Math.min(pause, secondsUntil(expiresAt, now));
}

/** The body of a 202, sent with `Retry-After: RETRY_AFTER_SECONDS`: the documented keys first, then what behaviour §6 adds. */
export const awaitingApproval = (gate: GateRecord, runState: RunState): Readonly<Record<string, unknown>> => ({
  status: 'awaiting_approval',
  context: {
    gate_id: gate.gate_id,
    run_id: gate.run_id,
    rule: gate.rule,
    proposed_action: firstGated(gate.proposed_actions),
    approver_channel: firstChannel(gate),
    expires_at: iso(gate.expires_at),
    proposed_actions: gate.proposed_actions.map(listed),
    approver_channels: gate.approver_channels,
    message: gate.message,
    policy: gate.policy,
    matched: decisive(gate),
    fingerprint: gate.fingerprint,
    retry_after_seconds: RETRY_AFTER_SECONDS,
    run_state: runState,
    recover: RETRY_ADVICE,
  },
});

/**
 * 403 for a rejected gate. `explained`: the sentence goes on with the rule and the reviewer's reason, for clients that print
 * it and nothing else; without, it is the product page's, word for word.
 */
export function rejectedFailure(gate: GateRecord, explained: boolean): Failure {
  const suggested = gate.suggested_args == null ? {} : { suggested_args: gate.suggested_args };
  return failure('approval_rejected', explained ? `${REJECTED} ${whyRejected(gate)}` : REJECTED, {
    gate_id: gate.gate_id,
    rule: gate.rule,
    rejected_by: gate.decided_by,
    rejected_at: isoOrNull(gate.decided_at),
    reason: gate.reason,
    ...suggested,
    ...rest(gate),
    recover:
      gate.suggested_args == null
        ? 'Do not send this request again: report the rejection and its reason, or propose something else.'
        : 'Do not send this request again: report the rejection, or propose the call with suggested_args instead.',
  });
}

const REJECTED = 'Approval gate rejected by reviewer.';

function whyRejected({ rule, reason }: GateRecord): string {
  const said = (reason ?? '').replace(/\s+/g, ' ').trim();
  return said === '' ? `Rule ${rule}; no reason was given.` : `Rule ${rule}: ${said}`;
}

/** 410 for a gate that expired without a verdict. */
export const expiredFailure = (gate: GateRecord): Failure =>
  failure('gate_expired', 'Approval gate expired without resolution.', {
    gate_id: gate.gate_id,
    expired_at: iso(gate.expires_at),
    rule: gate.rule,
    ...rest(gate),
    recover: 'Give up, or ask anew: send a changed request, or this one with the header x-rungate-new-gate: true.',
  });

/** 410 for a request that waited at a gate which was cancelled: its run ended, its token was revoked, its agent gave up, its approval was revoked. */
export const cancelledFailure = (gate: GateRecord): Failure =>
  failure('gate_expired', gate.effective_at === null ? CANCELLED : REVOKED, {
    gate_id: gate.gate_id,
    rule: gate.rule,
    reason: gate.reason,
    ...rest(gate),
    recover: 'Send the request again to ask anew.',
  });

/** 410 for an approved gate whose stored answer is no longer there: the call is never made a second time for it. */
export const answerGoneFailure = (gate: GateRecord): Failure =>
  failure('gate_expired', 'The approved answer is no longer stored, because its run has ended.', {
    gate_id: gate.gate_id,
    expired_at: iso(gate.expires_at),
    rule: gate.rule,
    ...rest(gate),
    recover: 'Start a new run and send a new request.',
  });

/** 409 when a held connection reaches its client's ceiling; `waitSeconds` is cut at 60. Names no tool and no arguments. */
export const pendingFailure = (gate: GateRecord, waitSeconds: number): Failure =>
  failure(
    'approval_pending',
    `Waiting for approval: ${gate.rule.slice(0, 80)} (${gate.gate_id}). Send the same request again.`,
    {
      gate_id: gate.gate_id,
      rule: gate.rule,
      approver_channel: firstChannel(gate),
      approver_channels: gate.approver_channels,
      expires_at: iso(gate.expires_at),
      ...rest(gate),
      recover: RETRY_ADVICE,
    },
    Math.max(1, Math.min(waitSeconds, PENDING_RETRY_LIMIT_SECONDS)),
  );

/** 409 for a reviewer who came too late: who decided, when and how. */
export const alreadyResolvedFailure = (gate: GateRecord): Failure =>
  failure('gate_already_resolved', `Gate ${gate.gate_id} is already ${gate.state}${resolver(gate)}.`, {
    gate_id: gate.gate_id,
    run_id: gate.run_id,
    rule: gate.rule,
    state: gate.state,
    decided_by: gate.decided_by,
    decided_at: isoOrNull(gate.decided_at),
    channel: gate.channel,
    reason: gate.reason,
    recover: 'Nothing more to do: the first decision counts.',
  });

/** 409 for a reviewer whose screen shows something else than what is stored (fault E4). */
export const changedFailure = (gate: GateRecord): Failure =>
  failure('gate_already_resolved', `Gate ${gate.gate_id} does not propose what was shown; look at it again.`, {
    gate_id: gate.gate_id,
    run_id: gate.run_id,
    rule: gate.rule,
    state: gate.state,
    action_hash: gate.action_hash,
    recover: 'Read the gate again and decide on what it proposes now.',
  });

/** A gate as its agent sees it at `now`: `GET /v1/gates/{id}`. A verdict that has not taken effect is not in it. */
export function agentGate(gate: GateRecord, now: number): Readonly<Record<string, unknown>> {
  const state = stateAt(gate, now);
  return state === gate.state ? gateRow(gate) : gateRow({ ...gate, ...UNDECIDED, state });
}

/** A gate as `rungate gates --json` lists it: the same keys as the agent's, in the state the store has. */
export const gateRow = (gate: GateRecord): Readonly<Record<string, unknown>> => ({
  gate_id: gate.gate_id,
  state: gate.state,
  run_id: gate.run_id,
  agent: gate.agent,
  rule: gate.rule,
  policy: gate.policy,
  kind: gate.kind,
  message: gate.message,
  proposed_action: firstGated(gate.proposed_actions),
  proposed_actions: gate.proposed_actions.map(listed),
  fingerprint: gate.fingerprint,
  approver_channel: firstChannel(gate),
  approver_channels: gate.approver_channels,
  created_at: iso(gate.created_at),
  expires_at: iso(gate.expires_at),
  decided_at: isoOrNull(gate.decided_at),
  decided_by: gate.decided_by,
  channel: gate.channel,
  reason: gate.reason,
  suggested_args: gate.suggested_args ?? null,
  released_at: isoOrNull(gate.released_at),
  outcome_unknown: gate.outcome_unknown,
});

const CANCELLED = 'Approval gate was cancelled before anybody decided.';
const REVOKED = 'The approval was revoked before it was used.';

const RETRY_ADVICE =
  'Send the same request again, unchanged: after 5 s, 10 s, 30 s, 60 s, then every 5 min until expires_at.';

const UNDECIDED = {
  decided_at: null,
  effective_at: null,
  decided_by: null,
  channel: null,
  reason: null,
  suggested_args: null,
} as const;

/** What every refusal says besides its own keys: the run, and which conditions matched. */
const rest = (gate: GateRecord) => ({ run_id: gate.run_id, policy: gate.policy, matched: decisive(gate) });

/** The conditions that made the rule count, with the values seen. */
const decisive = (gate: GateRecord) =>
  gate.explanation.filter((condition) => condition['decisive'] !== false).map(shortened);

/** An agent needs no more of a long condition; its reviewer is shown it whole. */
function shortened(condition: GateRecord['explanation'][number]): GateRecord['explanation'][number] {
  const { expected } = condition;
  return typeof expected === 'string' ? { ...condition, expected: excerpt(expected, MATCHED_LIMIT) } : condition;
}

const MATCHED_LIMIT = 200;

/** The first gated call; for a gate without one (a whole request) its first action. */
function firstGated(actions: readonly ProposedAction[]): { readonly tool: string; readonly args: unknown } | null {
  const action = actions.find(({ rule }) => rule !== null) ?? actions[0];
  return action === undefined ? null : { tool: action.tool, args: action.args };
}

const listed = ({ tool, args, rule, call_id }: ProposedAction) => ({ tool, args, rule, call_id });

/** A rule without channels is shown on the desktop (behaviour §6). */
const firstChannel = (gate: GateRecord): string => gate.approver_channels[0] ?? 'desktop://';

function resolver({ decided_by, decided_at, channel }: GateRecord): string {
  if (decided_by === null || decided_at === null) return '';
  return ` by ${decided_by.slice(0, 60)} at ${iso(decided_at)} (${(channel ?? 'unknown').slice(0, 30)})`;
}

/** Whole seconds until an instant, at least 1. */
const secondsUntil = (at: number, now: number): number => Math.max(1, Math.ceil((at - now) / 1_000));

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));
