import { failure } from '../contract/failures.ts';
import type { PolicyRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import type { PolicyInForce } from '../exchange/policy-book.ts';
import { diffPolicies, renderChanges } from '../policy/diff.ts';
import { type PolicyProblem, parsePolicy } from '../policy/parse.ts';
import type { By } from '../store/store.ts';
import { type Handlers, Refusal } from './call.ts';
import { testPolicy } from './policy-bench.ts';

type PolicyHandlers = Pick<
  Handlers,
  'policies.apply' | 'policies.list' | 'policies.show' | 'policies.diff' | 'policies.test'
>;

/** Policies: apply, list, show, compare, try out. */
export function policyHandlers(core: Core): PolicyHandlers {
  return {
    'policies.apply': async ({ document, file_name, note }, by) => {
      const applied = await applyPolicy(core, { text: document, fileName: file_name, note }, by);
      if (applied.kind === 'problems') throw new Refusal(problemsFailure(file_name, applied.problems));
      return { policy: applied.policy, version: applied.version, created: applied.created };
    },
    'policies.list': () => ({ policies: listPolicies(core) }),
    'policies.show': ({ policy }) => {
      const { ref } = knownPolicy(core, policy);
      const record = listPolicies(core).find((each) => `${each.policy}@${each.version}` === ref);
      if (record === undefined) throw unknownPolicy(policy);
      return { policy: record };
    },
    'policies.diff': ({ a, b }) => {
      const [before, after] = [knownPolicy(core, a), knownPolicy(core, b)];
      const changes = diffPolicies(before.compiled.definition, after.compiled.definition);
      return {
        a: before.ref,
        b: after.ref,
        changes: changes.map((change) => ({ ...change })),
        text: renderChanges(changes).join('\n'),
      };
    },
    'policies.test': (input) => testPolicy(core, knownPolicy(core, input.policy), input),
  };
}

/** A document as it is handed in; `fileName` tells JSON from YAML and is named in problems. */
export interface PolicyText {
  readonly text: string;
  readonly fileName: string;
  readonly note: string;
}

/** What applying a document came to. */
export type Applied =
  | { readonly kind: 'applied'; readonly policy: string; readonly version: number; readonly created: boolean }
  | { readonly kind: 'problems'; readonly problems: readonly PolicyProblem[] };

/**
 * Make a document the newest version of the policy it names, in force for runs that start from now on. The same
 * content as the newest version changes nothing (`created: false`). Durable when it resolves.
 */
export async function applyPolicy(core: Core, { text, fileName, note }: PolicyText, by: By): Promise<Applied> {
  const parsed = parsePolicy(text, fileName);
  if (parsed.kind === 'problems') return parsed;
  const saved = await core.store.write('savePolicy', {
    at: core.clock.now(),
    name: parsed.definition.policy,
    document: text,
    note,
    by,
  }).durable;
  if (saved.created) {
    core.policies.reload();
    core.bus.publish('policies.changed', {});
  }
  return { kind: 'applied', policy: saved.name, version: saved.version, created: saved.created };
}

/** A problem in one line: `12:3: rules[1].action: …; did you mean gate?`. */
export function renderProblem({ line, column, path, message, fix }: PolicyProblem): string {
  const place = path === '' ? '' : `${path}: `;
  return `${line}:${column}: ${place}${message}${fix === null ? '' : `; ${fix}`}`;
}

function problemsFailure(fileName: string, problems: readonly PolicyProblem[]) {
  const [first] = problems;
  const shown = first === undefined ? 'not a policy' : renderProblem(first);
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const file = fileName.split(/[\\/]/).at(-1) ?? fileName;
  return failure('invalid_request', `${file}:${shown}${more}`, {
    problems,
    recover: 'Correct the document; nothing was applied.',
  });
}

const unknownPolicy = (ref: string): Refusal =>
  new Refusal(
    failure('not_found', `There is no policy ${ref.slice(0, 80)}.`, { recover: 'See: rungate policies list' }),
  );

function knownPolicy(core: Core, ref: string): PolicyInForce {
  const policy = core.policies.find(ref);
  if (policy === null) throw unknownPolicy(ref);
  return policy;
}

/** Every version, newest first within its policy, each with the agents whose next run would start with it. */
function listPolicies(core: Core): PolicyRecord[] {
  const versions = [...core.store.read.policies()].sort(
    (a, b) => a.name.localeCompare(b.name, 'en') || b.version - a.version,
  );
  const pinned = Map.groupBy(
    core.agents.list().filter((agent) => agent.revoked_at === null),
    (agent) => core.policies.find(agent.policy)?.ref ?? agent.policy,
  );
  return versions.map(({ name, version, note, created_at, document }) => ({
    policy: name,
    version,
    note,
    created_at,
    document,
    agents: (pinned.get(`${name}@${version}`) ?? []).map((agent) => agent.name),
  }));
}
