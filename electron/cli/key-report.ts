import { dirname, resolve } from 'node:path';
import type { Configuration } from '../../proxy-core/config/schema.ts';
import { createCredentials, parseKeyReference, renderKeyReference } from '../../proxy-core/providers/credentials.ts';
import { DEFAULT_PROVIDERS } from '../../proxy-core/providers/provider-defaults.ts';
import { headlessKeys } from '../headless-keys.ts';

/** A secret that something needs, by the reference that stands for it. */
export interface NeededKey {
  /** `provider openai`, `agent refactor-bot`, `webhook oncall`. */
  readonly name: string;
  readonly reference: string;
}

/** Whether a key can be had: looked up just as a headless core would, but never shown. */
export interface KeyReport extends NeededKey {
  /** `none`: it takes no key of ours. */
  readonly state: 'found' | 'none' | 'missing';
  /** Why it is missing and what to do, in one sentence. */
  readonly problem: string | null;
}

/** The secrets of a configuration: of its providers, agents and webhooks. */
export const configuredKeys = ({ providers, agents, channels }: Configuration): readonly NeededKey[] => [
  ...providers.map((each) => ({ name: `provider ${each.id}`, reference: each.key })),
  ...agents.flatMap(({ name, token }) => (token === undefined ? [] : [{ name: `agent ${name}`, reference: token }])),
  ...channels.webhook.map((each) => ({ name: `webhook ${each.name}`, reference: each.secret })),
];

/** The keys of the providers that a core has without a configuration. */
export const defaultKeys = (): readonly NeededKey[] =>
  DEFAULT_PROVIDERS.map(({ id, key }) => ({ name: `provider ${id}`, reference: renderKeyReference(key) }));

/**
 * Look each key up in `env` and in files; relative files are relative to `file`, the configuration's own path, or to the
 * working folder for null. Never rejects.
 */
export async function reportKeys(
  keys: readonly NeededKey[],
  file: string | null,
  env: NodeJS.ProcessEnv,
): Promise<readonly KeyReport[]> {
  const folder = file === null ? process.cwd() : dirname(resolve(file));
  const finder = createCredentials(headlessKeys(env));
  const reports: KeyReport[] = [];
  // One after the other: opening a sealed file takes 128 MiB.
  for (const key of keys) {
    const parsed = parseKeyReference(key.reference, folder);
    const found = parsed.kind === 'parsed' ? await finder.find(parsed.reference) : parsed;
    if (found.kind === 'found' || found.kind === 'none') reports.push({ ...key, state: found.kind, problem: null });
    else reports.push({ ...key, state: 'missing', problem: found.problem });
  }
  return reports;
}
