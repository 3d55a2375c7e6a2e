import { hash } from 'node:crypto';
import { basename } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { isAgentToken } from '../contract/ids.ts';
import { usdToNano } from '../contract/money.ts';
import { tokenHash } from '../exchange/agent-directory.ts';
import type { Core } from '../exchange/core.ts';
import { parsePolicy } from '../policy/parse.ts';
import { type AgentSettings, liveAgent, saveAgent, setToken } from './agents.ts';
import { type Caller, Refusal } from './call.ts';
import { applyPolicy, renderProblem } from './policies.ts';

/**
 * Bring the store in line with the configuration file, idempotently: what the file says is applied when the file's
 * own value is new or has changed since it was last applied, so that a change made by the operator survives a
 * restart (behaviour §9).
 */
const BY: Caller = { actor: 'operator', channel: 'config' };

/** Reads a secret reference of the configuration; rejects with a message that says what to do. */
export type ResolveSecret = (reference: string) => Promise<string>;

/** A policy file as the host has read it. */
export interface PolicyDocument {
  readonly path: string;
  readonly text: string;
}

/** What the host has already brought in for the configuration: the texts of `policies`, and a way to secrets. */
interface ConfigurationSources {
  readonly policies: readonly PolicyDocument[];
  readonly resolve: ResolveSecret;
}

/**
 * Apply policies, teams and agents, in this order, for each may name what came before. Rejects with an Error that
 * carries a `hint` where the operator can cure it.
 */
export async function applyConfiguration(
  core: Core,
  configuration: Configuration,
  sources: ConfigurationSources,
): Promise<void> {
  await applyPolicies(core, sources.policies);
  for (const team of configuration.teams) await applyTeam(core, team);
  for (const agent of configuration.agents) await applyAgent(core, agent, sources.resolve);
}

/** An error that tells the operator what to do. */
const curable = (code: string, message: string, hint: string): Error =>
  Object.assign(new Error(message), { code, hint });

const NOTE_LIMIT = 500;

/** Every file is checked before the first is applied. */
async function applyPolicies(core: Core, documents: readonly PolicyDocument[]): Promise<void> {
  const named = new Map<string, PolicyDocument>();
  for (const document of documents) {
    const name = policyName(document);
    const earlier = named.get(name);
    if (earlier !== undefined) {
      const files = `${earlier.path} and ${document.path}`;
      throw curable(
        'policy_invalid',
        `Two files hold the policy ${name}: ${files}.`,
        'Keep one, or rename one policy.',
      );
    }
    named.set(name, document);
  }
  for (const [name, { path, text }] of named) {
    await whenChanged(core, `policy.${name}`, { sha256: hash('sha256', text) }, () =>
      applyPolicy(core, { text, fileName: path, note: `from ${basename(path)}`.slice(0, NOTE_LIMIT) }, BY),
    );
  }
}

function policyName({ path, text }: PolicyDocument): string {
  const parsed = parsePolicy(text, path);
  if (parsed.kind === 'policy') return parsed.definition.policy;
  const lines = parsed.problems.map((problem) => `${path}:${renderProblem(problem)}`);
  throw curable('policy_invalid', `The policy file ${path} has problems.`, lines.join('\n'));
}

type Team = Configuration['teams'][number];
type Agent = Configuration['agents'][number];

/** Run `apply` when the file's value differs from the one last applied under this name. */
async function whenChanged(core: Core, name: string, value: unknown, apply: () => Promise<unknown>): Promise<void> {
  const setting = `config.${name}`;
  const text = JSON.stringify(value);
  if (core.store.read.setting(setting) === text) return;
  await apply();
  await core.store.write('setSetting', { at: core.clock.now(), name: setting, value: text, by: BY }).durable;
}

async function applyTeam(core: Core, team: Team): Promise<void> {
  await whenChanged(core, `team.${team.name}`, team, async () => {
    const at = core.clock.now();
    await core.store.write('saveTeam', { at, name: team.name, by: BY }).durable;
    if (team.budget === undefined) return;
    await core.store.write('setBudget', {
      at,
      scope: 'team',
      subject: team.name,
      cap: usdToNano(team.budget.usd),
      window: team.budget.window,
      alertAt: core.policies.find(core.policies.defaultName)?.budget.alertAt ?? [],
      by: BY,
    }).durable;
  });
}

async function applyAgent(core: Core, agent: Agent, resolve: ResolveSecret): Promise<void> {
  await whenChanged(core, `agent.${agent.name}`, agent, () => saveConfigured(core, agent));
  if (agent.token === undefined) return;
  const token = await resolve(agent.token);
  if (!isAgentToken(token)) {
    throw curable(
      'token_invalid',
      `The token of agent ${agent.name} (${agent.token}) is not an agent token.`,
      'It must be rg_agt_ and 16 to 128 of A-Z a-z 0-9 _ -',
    );
  }
  // Only a token that is new in the file is set: one that the operator has rotated or revoked since is not revived.
  const sha256 = tokenHash(token);
  await whenChanged(core, `token.${agent.name}`, { sha256 }, async () => {
    const saved = liveAgent(core, agent.name);
    if (saved === null || core.store.read.tokens().some((known) => known.tokenHash === sha256)) return;
    await setToken(core, saved, token, BY, 0);
  });
}

async function saveConfigured(core: Core, agent: Agent): Promise<void> {
  try {
    await saveAgent(core, settingsOf(agent), BY);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, message } = error.failure;
    // The refusal's own advice is a command, which needs a running core.
    const hint = 'Correct the agent in the configuration, or list the policy’s file under policies.';
    throw curable(code, `Agent ${agent.name}: ${message}`, hint);
  }
}

function settingsOf({
  name,
  team,
  policy,
  allowed_policies,
  budget,
  delivery,
  patience_seconds,
}: Agent): AgentSettings {
  return {
    name,
    team,
    policy,
    allowedPolicies: allowed_policies,
    runCap: budget?.run_usd === undefined ? undefined : usdToNano(budget.run_usd),
    cap: budget?.usd === undefined ? undefined : { amount: usdToNano(budget.usd), window: budget.window },
    delivery,
    patienceSeconds: patience_seconds,
  };
}
