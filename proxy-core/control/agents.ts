import { failure } from '../contract/failures.ts';
import { type NanoUsd, nanoUsd, usdToNano } from '../contract/money.ts';
import type { AgentRecord, BudgetWindow, Delivery } from '../contract/records.ts';
import { tokenHash } from '../exchange/agent-directory.ts';
import type { Core } from '../exchange/core.ts';
import { makeId } from '../exchange/make-id.ts';
import { type Caller, type Handlers, Refusal } from './call.ts';

/** How long a rotated token keeps working, so that running agents can be given the new one. */
const ROTATION_OVERLAP_MS = 10 * 60_000;
const DEFAULT_RUN_CAP = usdToNano(5);
/** Every new agent has a daily cap of this many run caps, so that new runs are no way around a budget (behaviour §2). */
const DAILY_RUN_CAPS = 4;
const SHOWN_TOKEN = 'rg_agt_'.length + 4;

/** What an agent is registered or updated with; what is absent keeps its value, or gets the default. */
export interface AgentSettings {
  readonly name: string;
  readonly team?: string | undefined;
  readonly policy?: string | undefined;
  readonly allowedPolicies?: readonly string[] | undefined;
  readonly runCap?: NanoUsd | undefined;
  readonly cap?: { readonly amount: NanoUsd; readonly window: BudgetWindow } | undefined;
  readonly delivery?: Delivery | undefined;
  readonly patienceSeconds?: number | undefined;
}

type AgentHandlers = Pick<Handlers, 'agents.list' | 'agents.add' | 'agents.rotate' | 'agents.resume' | 'agents.revoke'>;

/** Agents and their tokens: list, register, rotate, revoke. */
export function agentHandlers(core: Core): AgentHandlers {
  return {
    // From the store: the directory in memory is not told of every call, so its `last_seen_at` is old.
    'agents.list': () => ({ agents: [...core.store.read.agents()] }),
    'agents.add': async (input, by) => {
      if (liveAgent(core, input.name) !== null) {
        throw new Refusal(
          failure('already_exists', `There is an agent ${input.name} already.`, {
            recover: `Give it a new token with: rungate agents rotate ${input.name}`,
          }),
        );
      }
      const runCap = input.budget_usd === undefined ? undefined : usdToNano(input.budget_usd);
      const { name, policy, team, delivery } = input;
      const agent = await saveAgent(core, { name, policy, team, delivery, runCap }, by);
      return issueToken(core, agent, by, 0);
    },
    'agents.rotate': (input, by) => {
      const agent = knownAgent(core, input.name);
      if (agent.revoked_at !== null) throw revokedRefusal(agent);
      return issueToken(core, agent, by, ROTATION_OVERLAP_MS);
    },
    'agents.resume': async (input, by) => {
      const { agent_id, revoked_at } = knownAgent(core, input.name);
      if (revoked_at !== null) throw revokedRefusal(knownAgent(core, input.name));
      const agent = await core.store.write('resumeAgent', { at: core.clock.now(), agentId: agent_id, by }).durable;
      core.bus.publish('agents.changed', {});
      return { agent };
    },
    'agents.revoke': async (input, by) => {
      const { agent_id } = knownAgent(core, input.name);
      const agent = await core.store.write('revokeAgent', { at: core.clock.now(), agentId: agent_id, by }).durable;
      // Before anybody who waited is woken: a revoked agent is let through nowhere.
      core.agents.reload();
      for (const runId of core.gates.runsOf(agent_id)) core.gates.reread(runId);
      core.inFlight.abortAgent(agent_id);
      core.bus.publish('agents.changed', {});
      return { agent };
    },
  };
}

/** The agent of this name. Throws Refusal `not_found`. */
export function knownAgent(core: Core, name: string): AgentRecord {
  const agent = core.agents.byName(name);
  if (agent !== null) return agent;
  throw new Refusal(failure('not_found', `There is no agent ${name}.`, { recover: 'See: rungate agents list' }));
}

/** The agent that has this name and may call, or null. */
export function liveAgent(core: Core, name: string): AgentRecord | null {
  const agent = core.agents.byName(name);
  return agent === null || agent.revoked_at !== null ? null : agent;
}

const revokedRefusal = ({ name }: AgentRecord): Refusal =>
  new Refusal(
    failure('not_found', `Agent ${name} was revoked; no token brings it back.`, {
      recover: `Register a new one under its name with: rungate agents add ${name}`,
    }),
  );

/** Register an agent or bring it up to date; a new one gets its daily cap. Durable when it resolves. */
export async function saveAgent(core: Core, settings: AgentSettings, by: Caller): Promise<AgentRecord> {
  const known = liveAgent(core, settings.name);
  const policy = settings.policy ?? known?.policy ?? core.policies.defaultName;
  if (core.policies.find(policy) === null) {
    throw new Refusal(
      failure('not_found', `There is no policy ${policy}.`, { recover: 'Apply it first: rungate policies apply FILE' }),
    );
  }
  const runCap = settings.runCap ?? (known === null ? DEFAULT_RUN_CAP : optionalNano(known.run_cap_nano));
  const team = settings.team ?? known?.team ?? null;
  const at = core.clock.now();
  if (team !== null) await core.store.write('saveTeam', { at, name: team, by }).committed;
  const agent = await core.store.write('saveAgent', {
    at,
    agentId: known?.agent_id ?? makeId('agt', core),
    name: settings.name,
    team,
    policy,
    allowedPolicies: settings.allowedPolicies ?? known?.allowed_policies ?? [],
    runCap,
    delivery: settings.delivery ?? known?.delivery ?? 'auto',
    patienceSeconds: settings.patienceSeconds ?? known?.patience_seconds ?? null,
    by,
  }).durable;
  const cap = settings.cap ?? (known === null && runCap !== null ? dailyCap(runCap) : null);
  if (cap !== null) {
    await core.store.write('setBudget', {
      at,
      scope: 'agent',
      subject: agent.agent_id,
      cap: cap.amount,
      window: cap.window,
      alertAt: core.policies.find(policy)?.budget.alertAt ?? [],
      by,
    }).durable;
  }
  core.agents.reload();
  core.bus.publish('agents.changed', {});
  return core.agents.byId(agent.agent_id) ?? agent;
}

const optionalNano = (value: number | null): NanoUsd | null => (value === null ? null : nanoUsd(value));

const dailyCap = (runCap: NanoUsd) => ({ amount: nanoUsd(runCap * DAILY_RUN_CAPS), window: 'day' }) as const;

/** Make a token, shown this once. The previous one keeps working for `overlapMs`. */
export async function issueToken(core: Core, agent: AgentRecord, by: Caller, overlapMs: number) {
  const token = `rg_agt_${Buffer.from(core.random.bytes(24)).toString('base64url')}`;
  const saved = await setToken(core, agent, token, by, overlapMs);
  return { agent: saved, token };
}

/** Give an agent this token. */
export async function setToken(
  core: Core,
  agent: AgentRecord,
  token: string,
  by: Caller,
  overlapMs: number,
): Promise<AgentRecord> {
  const at = core.clock.now();
  const saved = await core.store.write('setToken', {
    at,
    agentId: agent.agent_id,
    tokenHash: tokenHash(token),
    tokenPrefix: token.slice(0, SHOWN_TOKEN),
    previousUntil: at + overlapMs,
    by,
  }).durable;
  core.agents.reload();
  core.bus.publish('agents.changed', {});
  return saved;
}
