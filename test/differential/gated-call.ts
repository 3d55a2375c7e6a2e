import type { HeldCall } from './held-calls.ts';

/**
 * What the suite's one rule says of a call, by a reading of its own: the rule's engine is not asked, because what is compared here
 * is which calls it is shown.
 */

/** The rule: refunds of 500 USD and more wait for a person. */
export const GATED_TOOL = 'issue_refund';
export const GATED_FIELD = 'amount_usd';
const GATED_FROM = 500;

/** The policy of every case: one gate on one value of one argument. */
export const POLICY = `policy: differential
budget: { run_usd: 1000000 }
loops: { action: alert }
rules:
  - rule: "refund:over-$500"
    match: { tool: ${GATED_TOOL}, args.${GATED_FIELD}: { $gte: ${GATED_FROM} } }
    action: gate
    expires_in_seconds: 3600
`;

export type Standing =
  /** The rule names it: it must never be held undecided. */
  | 'gated'
  /** The rule cannot tell (arguments that two parsers read differently, or none): it may be stopped, and should be. */
  | 'unclear'
  /** Nobody minds. */
  | 'free';

/** How a held call stands to the rule. A piece that is still on its way, and cannot be parsed yet, is free. */
export function standingOf({ name, args, final, custom }: HeldCall): Standing {
  const value = typeof args === 'string' ? parse(args) : args;
  if (name === GATED_TOOL) {
    const standing = ofValue(value, args, final);
    return custom === true && final && standing === 'free' ? 'unclear' : standing;
  }
  return canBeRepaired(name) && ofValue(value, args, false) === 'gated' ? 'unclear' : 'free';
}

function ofValue(value: unknown, args: unknown, final: boolean): Standing {
  if (args === '') return 'free';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return final ? 'unclear' : 'free';
  const amount = (value as Readonly<Record<string, unknown>>)[GATED_FIELD];
  if (typeof amount === 'number' && amount >= GATED_FROM) return 'gated';
  if (typeof args === 'string' && repeatsField(args)) return 'unclear';
  return amount === undefined || Number.isFinite(amount) ? 'free' : 'unclear';
}

/** A name that a client might repair to the gated tool's: white space, case, a prefix, or no name at all. */
function canBeRepaired(name: string): boolean {
  const repaired = name
    .trim()
    .toLowerCase()
    .replace(/^.*[.:/]/, '');
  return repaired === GATED_TOOL || repaired === '';
}

const repeatsField = (text: string): boolean => text.split(`"${GATED_FIELD}"`).length > 2;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
