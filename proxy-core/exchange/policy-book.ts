import type { Admission as BudgetAdmission } from '../budget/estimate.ts';
import type { PriceOverride } from '../budget/prices.ts';
import { type NanoUsd, usdToNano } from '../contract/money.ts';
import { type CompiledPolicy, compilePolicy } from '../policy/compile.ts';
import { allowsEndpoint } from '../policy/endpoints.ts';
import { parsePolicy } from '../policy/parse.ts';
import { STARTER_POLICY, STARTER_POLICY_NAME } from '../policy/starter.ts';
import type { Clock } from '../ports.ts';
import type { Store } from '../store/store.ts';

/** One version of a policy, compiled once and applied to every run that is pinned to it. */
export interface PolicyInForce {
  /** `name@version`. */
  readonly ref: string;
  readonly compiled: CompiledPolicy;
  readonly budget: PolicyBudget;
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
  /** Whether any version of any policy lets this endpoint through. */
  anyAllows(method: string, path: string): boolean;
  /** The policy that an agent gets when none is named. */
  readonly defaultName: string;
  /** Read again after a version was added. */
  reload(): void;
}

const DEFAULT_ALERTS = [0.8];

/** A stored version made ready. It was checked when it was stored; one that no longer parses is a bug and throws. */
function openPolicy(name: string, version: number, document: string): PolicyInForce {
  const parsed = parsePolicy(document, `${name}@${version}`);
  if (parsed.kind === 'problems')
    throw new Error(`policy ${name}@${version}: ${parsed.problems[0]?.message ?? 'not valid'}`);
  const { budget } = parsed.definition;
  const compiled = compilePolicy(parsed.definition, version);
  return {
    ref: compiled.ref,
    compiled,
    budget: {
      runCap: budget?.run_usd === undefined ? null : usdToNano(budget.run_usd),
      alertAt: budget?.alert_at ?? DEFAULT_ALERTS,
      onUnpriced: budget?.on_unpriced ?? 'block',
      admission: budget?.admission ?? 'expected',
      maxOutputTokens: budget?.max_output_tokens ?? null,
      prices: (budget?.prices ?? {}) as Readonly<Record<string, PriceOverride>>,
    },
  };
}

/** A book over the store's policies. A store without the starter policy gets it first. */
export async function createPolicyBook(store: Store, clock: Clock): Promise<PolicyBook> {
  if (!store.read.policies().some(({ name }) => name === STARTER_POLICY_NAME)) {
    const by = { actor: 'system', channel: 'setup' };
    const starter = {
      name: STARTER_POLICY_NAME,
      document: STARTER_POLICY,
      note: 'Starter policy: gate destructive actions',
    };
    await store.write('savePolicy', { at: clock.now(), ...starter, by }).durable;
  }
  const opened = new Map<string, PolicyInForce>();
  let newest = new Map<string, string>();
  const reload = (): void => {
    newest = new Map();
    for (const { name, version, document } of [...store.read.policies()].sort((a, b) => a.version - b.version)) {
      const ref = `${name}@${version}`;
      if (!opened.has(ref)) opened.set(ref, openPolicy(name, version, document));
      newest.set(name, ref);
    }
  };
  reload();
  return {
    find: (ref) => opened.get(ref) ?? opened.get(newest.get(ref) ?? '') ?? null,
    anyAllows: (method, path) =>
      [...opened.values()].some(({ compiled }) => allowsEndpoint(compiled.definition, method, path)),
    defaultName: STARTER_POLICY_NAME,
    reload,
  };
}
