import { WIRE_FORMATS } from '../contract/records.ts';
import { type Configuration, DEMO_PROVIDER } from './schema.ts';

/** Something wrong at a place of the document, before it has a line. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The key itself is wrong, not its value. */
  readonly onKey?: true;
}

/** What a single key's schema cannot see: duplicates, references to what is not there, keys that need each other. */
export function findBrokenReferences(value: Configuration): readonly Finding[] {
  return [
    ...duplicates(value.providers, ['providers'], 'id'),
    ...duplicates(value.teams, ['teams'], 'name'),
    ...duplicates(value.agents, ['agents'], 'name'),
    ...duplicates(value.agents, ['agents'], 'token'),
    ...duplicates(value.channels.webhook, ['channels', 'webhook'], 'name'),
    ...repeatedPolicies(value.policies),
    ...value.providers.flatMap(incompleteProvider),
    ...value.agents.flatMap((agent, index) => brokenAgent(value, agent, index)),
    ...samePorts(value),
  ];
}

function duplicates<T extends object>(items: readonly T[], at: readonly string[], key: keyof T & string): Finding[] {
  const seen = new Set<unknown>();
  return items.flatMap((item, index) => {
    const value = item[key];
    const repeated = value !== undefined && seen.has(value);
    seen.add(value);
    return repeated ? [{ path: [...at, index, key], message: `this ${key} is already used in ${at.join('.')}` }] : [];
  });
}

function repeatedPolicies(paths: readonly string[]): Finding[] {
  return paths.flatMap((path, index) =>
    paths.indexOf(path) < index ? [{ path: ['policies', index], message: 'this file is already listed' }] : [],
  );
}

const WANTED = {
  base_url: 'where the provider answers, e.g. https://api.openai.com/v1',
  formats: `the protocols it speaks, a list of ${WIRE_FORMATS.join(', ')}`,
} as const;

function incompleteProvider(provider: Configuration['providers'][number], index: number): Finding[] {
  const at = ['providers', index];
  if (provider.id !== DEMO_PROVIDER) {
    return (['base_url', 'formats'] as const).flatMap((key) =>
      provider[key] === undefined ? [{ path: [...at, key], message: `\`${key}\` is missing: ${WANTED[key]}` }] : [],
    );
  }
  const set = (['base_url', 'formats', 'models', 'auth'] as const).filter((key) => provider[key] !== undefined);
  const extra = provider.key === 'none' ? set : [...set, 'key'];
  return extra.map((key) => ({ path: [...at, key], message: 'the demo provider is built in: give its id only' }));
}

function brokenAgent(value: Configuration, agent: Configuration['agents'][number], index: number): Finding[] {
  if (agent.team === undefined || value.teams.some((team) => team.name === agent.team)) return [];
  return [{ path: ['agents', index, 'team'], message: 'this team is not in `teams`' }];
}

function samePorts(value: Configuration): Finding[] {
  if (value.agent_port === 0 || value.agent_port !== value.console_port) return [];
  return [{ path: ['console_port'], message: 'the console and the agents need two different ports' }];
}
