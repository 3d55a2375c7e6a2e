import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import type { ProxySettings } from './proxy-choice.ts';
import { openWayOut, type WayOut } from './way-out.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The way out that a configuration describes (without one: what the environment says). Paths are relative to `folder`.
 * Rejects with an Error that carries a `hint` when the file of authorities cannot be used.
 */
export async function configuredWay(configuration: Configuration | null, folder: string, env: Env): Promise<WayOut> {
  const { proxy, ca } = configuration?.upstream ?? { proxy: 'env', ca: 'system' };
  const settings = proxySettings(proxy, env);
  if (ca === 'system') return openWayOut(settings, null);
  const file = resolve(folder, ca);
  try {
    return openWayOut(settings, { file, pem: await readFile(file, 'utf8') });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw Object.assign(new Error(`The certificate authorities of upstream.ca cannot be used: ${why}.`), {
      code: 'config_invalid',
      hint: 'Give upstream.ca a PEM file (-----BEGIN CERTIFICATE-----), or system.',
    });
  }
}

function proxySettings(proxy: string, env: Env): ProxySettings {
  if (proxy === 'none') return { kind: 'none' };
  if (proxy === 'env') return { kind: 'env', env };
  const exceptions = env['no_proxy'] ?? env['NO_PROXY'] ?? '';
  if (!proxy.startsWith('env:')) return { kind: 'one', url: proxy, source: 'upstream.proxy', exceptions };
  const name = proxy.slice('env:'.length);
  // A variable that is missing must not send past the proxy what was meant for it: an empty address is unusable.
  return { kind: 'one', url: env[name] ?? '', source: name, exceptions };
}
