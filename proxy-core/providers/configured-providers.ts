import type { Configuration } from '../config/schema.ts';
import { WIRE_FORMATS } from '../contract/records.ts';
import { parseKeyReference } from './credentials.ts';
import { type Provider, parseBaseUrl } from './provider.ts';
import { DEFAULT_PROVIDERS, DEMO_PROVIDER } from './provider-defaults.ts';

/**
 * The table of providers of a configuration; relative key files are taken from `folder`. A configuration that
 * names none gets the defaults, their keys where the host keeps them: in the environment, or in its keychain under the
 * provider's name. Throws an Error that names the provider and what is wrong with it.
 */
export function configuredProviders(
  configuration: Configuration | null,
  folder: string,
  keys: 'environment' | 'keychain' = 'environment',
): readonly Provider[] {
  if (configuration === null || configuration.providers.length === 0) {
    return keys === 'environment' ? DEFAULT_PROVIDERS : DEFAULT_PROVIDERS.map(keyInKeychain);
  }
  return configuration.providers.map((entry) =>
    entry.id === DEMO_PROVIDER.id ? DEMO_PROVIDER : configured(entry, folder),
  );
}

const keyInKeychain = (provider: Provider): Provider =>
  provider.key.kind === 'env' ? { ...provider, key: { kind: 'keychain', name: provider.id } } : provider;

function configured(entry: Configuration['providers'][number], folder: string): Provider {
  const url = parseBaseUrl(entry.base_url ?? '');
  if (url.kind === 'invalid') throw new Error(`Provider ${entry.id}: ${url.problem}`);
  const key = parseKeyReference(entry.key, folder);
  if (key.kind === 'invalid') throw new Error(`Provider ${entry.id}: ${key.problem}`);
  const formats = entry.formats ?? WIRE_FORMATS;
  const onlyMessages = formats.every((format) => format === 'messages');
  return {
    id: entry.id,
    kind: 'http',
    baseUrl: url.url,
    formats,
    models: entry.models ?? ['*'],
    auth: entry.auth ?? (onlyMessages ? 'x-api-key' : 'bearer'),
    key: key.reference,
    includeUsage: entry.include_usage,
    timeouts: {
      connectMs: Math.round(entry.timeouts.connect_seconds * 1000),
      headersMs: Math.round(entry.timeouts.headers_seconds * 1000),
      idleMs: Math.round(entry.timeouts.idle_seconds * 1000),
    },
  };
}
