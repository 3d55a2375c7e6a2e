import type { AgentRecord } from '../../../proxy-core/contract/records.ts';
import { DELIVERIES } from '../../../proxy-core/contract/records.ts';
import { parseAmount } from '../amounts.ts';
import { type Command, command, printed } from '../command.ts';
import { renderRecord, renderTable, renderTime, renderUsd } from '../output.ts';

const add = command({
  name: 'agents add',
  operands: ['NAME'],
  about: 'Register an agent and print its token once.',
  options: {
    policy: { type: 'string', value: 'POLICY', about: 'The policy its runs start with: NAME or NAME@VERSION.' },
    team: { type: 'string', value: 'TEAM', about: 'The team it is charged to.' },
    'budget-usd': { type: 'string', value: 'USD', about: 'The cap of each of its runs.' },
    delivery: { type: 'string', value: DELIVERIES.join('|'), about: 'How its approval gates reach it.' },
  },
  async run({ operands: [name = ''], options, call }) {
    const { policy, team, 'budget-usd': budget } = options;
    const delivery = DELIVERIES.find((each) => each === options.delivery);
    const reply = await call('agents.add', {
      name,
      ...(policy === undefined ? {} : { policy }),
      ...(team === undefined ? {} : { team }),
      ...(budget === undefined ? {} : { budget_usd: parseAmount('--budget-usd', budget) }),
      ...(delivery === undefined ? {} : { delivery }),
    });
    return printed(reply, (value) => showToken(value, 'added'));
  },
});

const list = command({
  name: 'agents list',
  operands: [],
  about: 'List the agents.',
  options: {},
  async run({ call, program }) {
    return printed(await call('agents.list', {}), ({ agents }) => ({
      json: renderRecord({ agents }),
      text:
        agents.length === 0
          ? `No agents yet. Add one with: ${program.here} agents add NAME`
          : renderAgents(agents) + unseenCalls(agents),
    }));
  },
});

const rotate = command({
  name: 'agents rotate',
  operands: ['NAME'],
  about: 'Give an agent a new token and print it once; the old one works for a short while.',
  options: {},
  async run({ operands: [name = ''], call }) {
    return printed(await call('agents.rotate', { name }), (value) => showToken(value, 'rotated'));
  },
});

const revoke = command({
  name: 'agents revoke',
  operands: ['NAME'],
  about: 'Take an agent’s token away at once.',
  options: {},
  async run({ operands: [name = ''], call }) {
    return printed(await call('agents.revoke', { name }), ({ agent }) => ({
      json: renderRecord({ agent }),
      text: `Agent ${agent.name} revoked: its token no longer works.`,
    }));
  },
});

/** Agents and their tokens. */
export const agentCommands: readonly Command[] = [add, list, rotate, revoke];

function showToken(value: { readonly agent: AgentRecord; readonly token: string }, done: string) {
  return {
    json: renderRecord(value),
    text: `Agent ${value.agent.name} ${done}. Its token, shown only now:\n${value.token}`,
  };
}

/** Agents that act on the model's words: a list of rules would promise too much of them. */
function unseenCalls(agents: readonly AgentRecord[]): string {
  const names = agents
    .filter((agent) => agent.text_calls_at !== null && agent.revoked_at === null)
    .map(({ name }) => name);
  if (names.length === 0) return '';
  return `\n\nTool calls of ${names.join(', ')} cannot be seen on the wire: they are written as text, so no rule can hold them.`;
}

const renderAgents = (agents: readonly AgentRecord[]): string =>
  renderTable(
    ['AGENT', 'TEAM', 'POLICY', 'RUN CAP', 'DELIVERY', 'TOKEN', 'LAST SEEN'],
    agents.map((agent) => [
      agent.name,
      agent.team ?? '-',
      agent.policy,
      renderUsd(agent.run_cap_nano),
      agent.delivery,
      agent.revoked_at === null ? (agent.token_prefix ?? 'none') : 'revoked',
      renderTime(agent.last_seen_at),
    ]),
    [3],
  );
