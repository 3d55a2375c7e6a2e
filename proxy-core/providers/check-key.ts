import { listsForAnthropic } from './models-list.ts';
import { type Provider, upstreamPath } from './provider.ts';
import type { Secret } from './secrets.ts';
import type { Upstream, UpstreamError } from './upstream-call.ts';

/** What trying a key came to. `detail` is one sentence without any part of the key or of the answer. */
export interface KeyCheck {
  readonly ok: boolean;
  readonly detail: string;
}

/** How long a provider may take to list its models, ms. */
const PATIENCE_MS = 5_000;
/** Anthropic refuses requests without a version. */
const ANTHROPIC_VERSION = '2023-06-01';

/** Try a key on the provider's model list, which costs nothing. Only the answer's status is looked at. Never rejects. */
export function tryKey(upstream: Upstream, provider: Provider, key: Secret): Promise<KeyCheck> {
  const { promise, resolve } = Promise.withResolvers<KeyCheck>();
  const call = upstream.send(
    {
      provider,
      method: 'GET',
      path: upstreamPath(provider, '/v1/models', '') ?? '/v1/models',
      headers: headersFor(provider, key),
      body: null,
    },
    {
      onHeaders: (status) => resolve(readStatus(provider.id, status)),
      // What a provider lists is not needed, and how much of it there is, is the provider's affair.
      onData: () => false,
      onEnd: () => undefined,
      onError: (error) => resolve({ ok: false, detail: explain(provider.id, error) }),
    },
  );
  const late = setTimeout(() => {
    resolve({ ok: false, detail: `${provider.id} did not answer within ${PATIENCE_MS / 1000} s; the key is kept.` });
  }, PATIENCE_MS);
  return promise.finally(() => {
    clearTimeout(late);
    call.abort('checked');
  });
}

function headersFor(provider: Provider, key: Secret): readonly string[] {
  const credential =
    provider.auth === 'bearer' ? ['authorization', `Bearer ${key.reveal()}`] : ['x-api-key', key.reveal()];
  const version = listsForAnthropic(provider) ? ['anthropic-version', ANTHROPIC_VERSION] : [];
  return ['accept', 'application/json', ...credential, ...version];
}

function readStatus(id: string, status: number): KeyCheck {
  if (status >= 200 && status < 300) return { ok: true, detail: `${id} takes the key.` };
  if (status === 401 || status === 403) return { ok: false, detail: `${id} refuses the key (${status}).` };
  return { ok: false, detail: `${id} answered ${status}, so the key could not be tried; it is kept.` };
}

function explain(id: string, { kind }: UpstreamError): string {
  switch (kind) {
    case 'unreachable':
      return `${id} cannot be reached; the key is kept.`;
    case 'exhausted':
      return `No file descriptor is left to reach ${id} with; the key is kept.`;
    case 'timeout':
      return `${id} did not answer in time; the key is kept.`;
    case 'refused_address':
      return `${id} has an address that is not called; the key is kept.`;
    case 'broken':
    case 'aborted':
      return `${id} broke off, so the key could not be tried; it is kept.`;
  }
}
