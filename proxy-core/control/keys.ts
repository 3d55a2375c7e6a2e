/**
 * Threat: this is the one place where a provider's key comes in as text. It goes to the host's keychain and, inside a
 * `Secret`, to the provider it is for; never into a log line, an audit record, an event, an answer or an error message.
 */
import { failure } from '../contract/failures.ts';
import type { KeyRecord } from '../contract/host.ts';
import type { Core } from '../exchange/core.ts';
import type { HostPort } from '../ports.ts';
import { type KeyCheck, tryKey } from '../providers/check-key.ts';
import { type KeyReference, readKey, renderKeyReference } from '../providers/credentials.ts';
import type { Provider } from '../providers/provider.ts';
import type { Secrets } from '../providers/secrets.ts';
import type { By } from '../store/store.ts';
import { type Caller, type Handlers, Refusal } from './call.ts';

type KeyHandlers = Pick<Handlers, 'keys.list' | 'keys.set' | 'keys.remove'>;

/** What keeping keys needs of the host. */
export interface KeyPorts {
  /** Null where the host has none. */
  readonly keychain: Secrets | null;
  readonly host: Pick<HostPort, 'describe'>;
}

/** Provider keys: which there are and where they lie, keep one, forget one. */
export function keyHandlers(core: Core, ports: KeyPorts): KeyHandlers {
  return {
    'keys.list': async () => ({
      keys: await Promise.all(core.providers.map((each) => describeKey(core, ports, each))),
    }),
    'keys.set': async ({ provider: id, key }, by) => {
      const { provider, keychain, name } = keptHere(core, ports, id);
      const read = readKey(key, 'What was given');
      if (read.kind !== 'found') throw invalid(read.problem, 'key');
      await change(() => keychain.save(name, read.key.reveal()));
      await announce(core, 'key.set', provider, by);
      const checked: KeyCheck = await tryKey(core.upstreamOf(provider), provider, read.key);
      return { key: await describeKey(core, ports, provider), checked };
    },
    'keys.remove': async ({ provider: id }, by) => {
      const { provider, keychain, name } = keptHere(core, ports, id);
      await change(() => keychain.remove(name));
      await announce(core, 'key.removed', provider, by);
      return { key: await describeKey(core, ports, provider) };
    },
  };
}

interface KeptHere {
  readonly provider: Provider;
  readonly keychain: Secrets;
  /** Under which the keychain files it. */
  readonly name: string;
}

/** The provider whose key the host keeps. Refuses one that takes none, or whose key lies elsewhere. */
function keptHere(core: Core, { keychain, host }: KeyPorts, id: string): KeptHere {
  const provider = core.providers.find((each) => each.id === id);
  if (provider === undefined) {
    const known = core.providers.map((each) => each.id);
    throw new Refusal(failure('not_found', `There is no provider ${id}.`, { providers: known }));
  }
  const { key } = provider;
  if (key.kind === 'none') throw invalid(`${provider.id} takes no key${BUILT_IN[provider.kind]}.`, 'provider');
  if (key.kind === 'keychain' && keychain !== null && host.describe().key_storage !== 'none')
    return { provider, keychain, name: key.name };
  const reference = renderKeyReference(key);
  throw new Refusal(
    failure('unavailable_here', `The key of ${provider.id} is not kept here: it is read from ${reference}.`, {
      reference,
      recover: key.kind === 'keychain' ? 'Keys can be given in the desktop app.' : RECOVER[key.kind],
    }),
  );
}

const BUILT_IN: Readonly<Record<Provider['kind'], string>> = {
  http: '',
  demo: ': it answers by itself, offline',
  check: ': it only checks tool calls',
};

const RECOVER: Readonly<Record<'env' | 'file', string>> = {
  env: 'Set that environment variable and start Rungate again, or name keychain:NAME in the configuration.',
  file: 'Put the key into that file, or name keychain:NAME in the configuration.',
};

const invalid = (message: string, field: string): Refusal =>
  new Refusal(failure('invalid_request', message, { field }));

/** Perform a change of the keychain; its own words may hold anything, so they are not repeated. */
async function change(perform: () => Promise<void>): Promise<void> {
  try {
    await perform();
  } catch {
    const recover = 'Unlock the system’s keychain and try again, or use env:NAME or file:PATH in the configuration.';
    throw new Refusal(failure('unavailable_here', 'The keychain did not take the change.', { recover }));
  }
}

async function announce(core: Core, kind: string, provider: Provider, by: Caller): Promise<void> {
  core.credentials.forget();
  await recordKey(core, kind, provider, by);
  core.bus.publish('keys.changed', {});
}

const recordKey = (core: Core, kind: string, { id, key }: Provider, by: By): Promise<unknown> =>
  core.store.write('recordFact', {
    at: core.clock.now(),
    kind,
    fields: { provider: id, reference: renderKeyReference(key) },
    by,
  }).durable;

async function describeKey(core: Core, ports: KeyPorts, provider: Provider): Promise<KeyRecord> {
  const found = await core.credentials.find(provider.key);
  return {
    provider: provider.id,
    origin: provider.baseUrl?.origin ?? 'built in',
    reference: renderKeyReference(provider.key),
    state: found.kind === 'found' ? 'set' : found.kind,
    kept: placeOf(provider.key, found.kind === 'found', ports),
  };
}

function placeOf({ kind }: KeyReference, found: boolean, { host }: KeyPorts): KeyRecord['kept'] {
  if (!found) return 'nowhere';
  if (kind !== 'keychain') return 'outside';
  const storage = host.describe().key_storage;
  return storage === 'none' ? 'outside' : storage;
}
