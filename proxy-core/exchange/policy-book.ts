import { parse } from 'yaml';
import type { Admission as BudgetAdmission } from '../budget/estimate.ts';
import type { PriceOverride } from '../budget/prices.ts';
import { type NanoUsd, usdToNano, ZERO_USD } from '../contract/money.ts';
import { type PolicyDefinition, policySchema } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { matchesGlob } from '../providers/provider.ts';
import type { Store } from '../store/store.ts';

/** One version of a policy, ready to be applied. */
export interface PolicyInForce {
  /** `name@version`. */
  readonly ref: string;
  readonly definition: PolicyDefinition;
  readonly budget: PolicyBudget;
  /** What a call of an extra endpoint costs. */
  endpointCost(path: string): NanoUsd;
  /** Whether an endpoint that is not governed is let through. */
  allowsEndpoint(method: string, path: string): boolean;
}

/** The policy's `budget` key with its defaults. */
export interface PolicyBudget {
  readonly runCap: NanoUsd | null;
  readonly alertAt: readonly number[];
  readonly onUnpriced: 'block' | 'gate' | 'allow';
  readonly admission: BudgetAdmission;
  readonly maxOutputTokens: number | null;
  readonly prices: Readonly<Record<string, PriceOverride>>;
}

/** All versions of all policies. */
export interface PolicyBook {
  /** `name` (its newest version) or `name@version`. */
  find(ref: string): PolicyInForce | null;
  /** The policy that an agent gets when none is named. */
  readonly defaultName: string;
  /** Read again after a version was added. */
  reload(): void;
}

const DEFAULT_ALERTS = [0.8];

/** The definition of a stored document; throws if it does not fit the schema (it was checked when it was stored). */
function openPolicy(name: string, version: number, document: string): PolicyInForce {
  const definition = policySchema.parse(parse(document));
  const { budget, endpoints, endpoint_cost_usd: cost } = definition;
  return {
    ref: `${name}@${version}`,
    definition,
    budget: {
      runCap: budget?.run_usd === undefined ? null : usdToNano(budget.run_usd),
      alertAt: budget?.alert_at ?? DEFAULT_ALERTS,
      onUnpriced: budget?.on_unpriced ?? 'block',
      admission: budget?.admission ?? 'expected',
      maxOutputTokens: budget?.max_output_tokens ?? null,
      prices: (budget?.prices ?? {}) as Readonly<Record<string, PriceOverride>>,
    },
    endpointCost: (path) => {
      if (cost === undefined || typeof cost === 'number') return cost === undefined ? ZERO_USD : usdToNano(cost);
      const entry = Object.entries(cost).find(([glob]) => matchesGlob(glob, path));
      return entry === undefined ? ZERO_USD : usdToNano(entry[1]);
    },
    allowsEndpoint: (method, path) =>
      (endpoints ?? []).some((entry) => {
        const [first = '', second] = entry.split(' ');
        return second === undefined ? matchesGlob(first, path) : first === method && matchesGlob(second, path);
      }),
  };
}

/** A book over the store's policies. A store without any gets the starter policy first. */
export async function createPolicyBook(store: Store, clock: Clock): Promise<PolicyBook> {
  if (store.read.policies().length === 0) {
    const at = clock.now();
    const by = { actor: 'system', channel: 'setup' };
    await store.write('savePolicy', { at, name: STARTER, document: STARTER_DOCUMENT, note: 'Starter policy', by }).durable;
  }
  let versions = new Map<string, PolicyInForce>();
  let newest = new Map<string, PolicyInForce>();
  const reload = (): void => {
    versions = new Map();
    newest = new Map();
    for (const { name, version, document } of [...store.read.policies()].sort((a, b) => a.version - b.version)) {
      const policy = openPolicy(name, version, document);
      versions.set(policy.ref, policy);
      newest.set(name, policy);
    }
  };
  reload();
  return {
    find: (ref) => versions.get(ref) ?? newest.get(ref) ?? null,
    defaultName: STARTER,
    reload,
  };
}

const STARTER = 'default';
const STARTER_DOCUMENT = 'policy: default\nbudget: { run_usd: 5, alert_at: [0.8], on_unpriced: block }\n';
