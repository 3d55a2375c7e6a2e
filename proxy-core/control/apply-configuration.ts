import type { Configuration } from '../config/schema.ts';
import { isAgentToken } from '../contract/ids.ts';
import { usdToNano } from '../contract/money.ts';
import { tokenHash } from '../exchange/agent-directory.ts';
import type { Core } from '../exchange/core.ts';
import { type AgentSettings, saveAgent, setToken } from './agents.ts';
import type { Caller } from './call.ts';

/**
 * Bring the store in line with the configuration file, idempotently: what the file says is applied when the file's
 * own value is new or has changed since it was last applied, so that a change made by the operator survives a
 * restart (behaviour §9).
 */
const BY: Caller = { actor: 'operator', channel: 'config' };

/** Reads a secret reference of the configuration; rejects with a message that says what to do. */
export type ResolveSecret = (reference: string) => Promise<string>;

export async function applyConfiguration(core: Core, configuration: Configuration, resolve: ResolveSecret): Promise<void> {
  for (const team of configuration.teams) await applyTeam(core, team);
  for (const agent of configuration.agents) await applyAgent(core, agent, resolve);
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
  await whenChanged(core, `agent.${agent.name}`, agent, () => saveAgent(core, settingsOf(agent), BY));
  if (agent.token === undefined) return;
  const token = await resolve(agent.token);
  if (!isAgentToken(token)) {
    throw new Error(`The token of agent ${agent.name} (${agent.token}) must be rg_agt_ and 16 to 128 of A-Z a-z 0-9 _ -`);
  }
  const saved = core.agents.byName(agent.name);
  if (saved === null || core.store.read.tokens().some((known) => known.tokenHash === tokenHash(token))) return;
  await setToken(core, saved, token, BY, 0);
}

function settingsOf({ name, team, policy, allowed_policies, budget, delivery }: Agent): AgentSettings {
  return {
    name,
    team,
    policy,
    allowedPolicies: allowed_policies,
    runCap: budget?.run_usd === undefined ? undefined : usdToNano(budget.run_usd),
    cap: budget?.usd === undefined ? undefined : { amount: usdToNano(budget.usd), window: budget.window },
    delivery,
  };
}
