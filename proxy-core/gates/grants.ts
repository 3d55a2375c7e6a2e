import type { GateRecord, GrantRecord, GrantScope } from '../contract/records.ts';
import { argsHash, type Sha256 } from './action-hash.ts';
import type { Risk } from './risk.ts';

/**
 * Approvals with memory. The danger is a grant wider than what was shown (`git status && rm -rf ~` remembered as
 * `rm`): so a grant names one rule and one tool, what it covers is shown literally, and a critical, compound or
 * unreadable call is never covered by a grant for anything but exactly itself, nor offered one at all.
 */

/** A grant for an agent holds this long unless told otherwise, and never longer than a day, ms. */
const AGENT_GRANT_MS = 3_600_000;
const AGENT_GRANT_LIMIT_MS = 86_400_000;

/** What a reviewer asks to be remembered. `forMs` null: until the run ends, or an hour for an agent. */
export interface GrantWish {
  readonly scope: GrantScope;
  readonly forMs: number | null;
}

/** A grant that may be given, as it has to be shown first. */
export interface GrantOffer {
  readonly kind: 'offered';
  readonly scope: GrantScope;
  readonly matcher: GrantRecord['matcher'];
  /** The literal matcher in words. */
  readonly shown: string;
  readonly lastsMs: number | null;
}

export type GrantAnswer = GrantOffer | { readonly kind: 'not_offered'; readonly reason: string };

/** What an offer is made of besides the gate. */
export interface OfferPorts {
  readonly sha256: Sha256;
  /** Hidden characters as `\u{…}`. */
  visible(text: string): string;
}

/** Whether a grant may be given with a gate's approval, and which. `risk` is that of all the gate's calls together. */
export function offerGrant(
  gate: GateRecord,
  risk: Pick<Risk, 'notGrantable'>,
  wish: GrantWish,
  ports: OfferPorts,
): GrantAnswer {
  if (risk.notGrantable !== null) return refuse(REFUSED[risk.notGrantable]);
  const lastsMs = wish.forMs ?? (wish.scope === 'rule-agent' ? AGENT_GRANT_MS : null);
  if (lastsMs !== null && !(lastsMs > 0)) return refuse('A grant has to hold for some time.');
  if (wish.scope === 'rule-agent' && lastsMs !== null && lastsMs > AGENT_GRANT_LIMIT_MS)
    return refuse('A grant for an agent holds for 24 hours at most.');
  const matcher = matcherOf(gate, wish.scope, ports.sha256);
  if (typeof matcher === 'string') return refuse(matcher);
  return { kind: 'offered', scope: wish.scope, matcher, lastsMs, shown: describe(gate, wish.scope, lastsMs, ports) };
}

/** Every grant that may be offered with a gate's approval, narrowest first; empty if there is none. */
export function offerGrants(
  gate: GateRecord,
  risk: Pick<Risk, 'notGrantable'>,
  ports: OfferPorts,
): readonly GrantOffer[] {
  const scopes: readonly GrantScope[] = ['exact-run', 'rule-run', 'rule-agent'];
  return scopes
    .map((scope) => offerGrant(gate, risk, { scope, forMs: null }, ports))
    .filter((answer) => answer.kind === 'offered');
}

/** The grant of an offer. It holds from `at`, the instant the approval takes effect, so that an undo leaves no trace of it. */
export const grantOf = (
  offer: GrantOffer,
  gate: GateRecord,
  by: { readonly grantId: string; readonly actor: string; readonly at: number },
): Omit<GrantRecord, 'used' | 'revoked_at'> => ({
  grant_id: by.grantId,
  scope: offer.scope,
  agent_id: gate.agent_id,
  agent: gate.agent,
  run_id: offer.scope === 'rule-agent' ? null : gate.run_id,
  rule: gate.rule,
  policy: gate.policy,
  matcher: offer.matcher,
  shown: offer.shown,
  gate_id: gate.gate_id,
  created_at: by.at,
  created_by: by.actor,
  expires_at: offer.lastsMs === null ? null : by.at + offer.lastsMs,
});

/** A call as grants compare it; a request that no tool call is part of has no tool. */
export interface GrantCall {
  readonly tool: string | null;
  /** `argsHash` of the call's arguments as a gate would propose them. */
  readonly argsSha256: string | null;
  readonly risk: Pick<Risk, 'notGrantable'>;
}

/** Where a call is made. */
export interface GrantContext {
  readonly agentId: string;
  readonly runId: string;
  /** `name@version` of the run's policy: a rule of another version is another rule. */
  readonly policy: string;
  readonly now: number;
}

/** Whether a grant silences `rule` for a call. Anything in doubt is not covered. */
export function covers(grant: GrantRecord, rule: string, call: GrantCall, context: GrantContext): boolean {
  const holds =
    grant.revoked_at === null &&
    context.now >= grant.created_at &&
    (grant.expires_at === null || context.now < grant.expires_at);
  const same = grant.rule === rule && grant.policy === context.policy && grant.agent_id === context.agentId;
  if (!holds || !same || call.risk.notGrantable !== null || grant.matcher.tool !== call.tool) return false;
  switch (grant.scope) {
    case 'exact-run':
      return (
        grant.run_id === context.runId &&
        grant.matcher.args_sha256 !== null &&
        grant.matcher.args_sha256 === call.argsSha256
      );
    case 'rule-run':
      return grant.run_id === context.runId;
    case 'rule-agent':
      return grant.expires_at !== null && grant.expires_at - grant.created_at <= AGENT_GRANT_LIMIT_MS;
  }
}

/** The grants that silence their own rule for a call. */
export const coveringGrants = (
  grants: readonly GrantRecord[],
  call: GrantCall,
  context: GrantContext,
): readonly GrantRecord[] => grants.filter((grant) => covers(grant, grant.rule, call, context));

const refuse = (reason: string): GrantAnswer => ({ kind: 'not_offered', reason });

const REFUSED = {
  critical: 'Critical actions are approved once at a time.',
  compound: 'Commands that run more than one program are approved once at a time.',
  unreadable: 'What cannot be read for certain is approved once at a time.',
} as const;

/** The matcher that covers every gated call of the gate, or why there is none. */
function matcherOf(gate: GateRecord, scope: GrantScope, sha256: Sha256): GrantRecord['matcher'] | string {
  const gated = gate.proposed_actions.filter(({ rule }) => rule !== null);
  const [first] = gated;
  if (first === undefined) return 'The gate has no action that could be remembered.';
  if (gated.some(({ rule }) => rule !== gate.rule)) return 'The answer holds actions that another rule gates.';
  if (gate.kind === 'request') {
    if (scope === 'exact-run') return 'The same request is covered by its own approval already.';
    return { tool: null, args_sha256: null };
  }
  if (gated.some(({ tool }) => tool !== first.tool)) return 'The answer holds gated calls of several tools.';
  if (scope !== 'exact-run') return { tool: first.tool, args_sha256: null };
  const hashes = new Set(gated.map(({ args }) => argsHash(args, sha256)));
  if (hashes.size > 1) return 'The answer holds several different actions.';
  return { tool: first.tool, args_sha256: argsHash(first.args, sha256) };
}

const SHOWN_ARGS = 2_000;

function describe(gate: GateRecord, scope: GrantScope, lastsMs: number | null, { visible }: OfferPorts): string {
  const action = gate.proposed_actions.find(({ rule }) => rule !== null);
  const tool = gate.kind === 'request' ? 'any request' : `any call of ${visible(action?.tool ?? '')}`;
  const args = scope === 'exact-run' ? JSON.stringify(action?.args ?? null) : '';
  // A grant may not be wider than what is shown: arguments too long to show are identified by their hash and length.
  const exact =
    args.length <= SHOWN_ARGS
      ? visible(args)
      : `${visible(args.slice(0, SHOWN_ARGS))}… (exactly these ${args.length} characters)`;
  const what = scope === 'exact-run' ? `exactly ${visible(action?.tool ?? '')} ${exact}` : tool;
  const where =
    scope === 'rule-agent' ? `by agent ${visible(gate.agent)} in any run` : `in run ${visible(gate.run_id)}`;
  const until = lastsMs === null ? 'until the run ends' : `for ${duration(lastsMs)}`;
  return `${what} that rule "${visible(gate.rule)}" of ${visible(gate.policy)} gates, ${where}, ${until}`;
}

function duration(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ];
  const [size, unit] = units.find(([one]) => ms % one === 0) ?? [1, 'ms'];
  return `${ms / size} ${unit}`;
}
