import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Configuration } from '../../../proxy-core/config/schema.ts';
import type { WayOut } from '../../../proxy-core/providers/way-out.ts';
import { defaultAnchorFolder } from '../../../proxy-core/signing/anchor.ts';
import { type Check, fail, ok, warn } from './check.ts';
import type { CoreStatus } from './core-checks.ts';
import { lookForFolder } from './writable.ts';

const PATIENCE_MS = 3000;

/** Whether something accepts a connection there: null, or the network's word for why not. */
function reach(host: string, port: number): Promise<string | null> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: PATIENCE_MS });
    const end = (why: string | null): void => {
      socket.destroy();
      done(why);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end(`no answer within ${PATIENCE_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');
const portOf = ({ port, protocol }: URL): number => Number(port || (protocol === 'https:' ? 443 : 80));

/** What a running core says of its ways out: it may have been started with another environment than ours. */
export const checkRunningWays = ({ providers, authorities }: CoreStatus): Check => {
  const ways = [
    ...new Set(providers.filter(({ origin }) => origin !== 'built in').map(({ origin, way }) => `${origin} ${way}`)),
  ];
  return renderWays(ways, authorities);
};

/** The ways to these addresses when a core is started from here, and whether their proxies answer. */
export async function checkWays(way: WayOut, origins: readonly string[]): Promise<readonly Check[]> {
  const { describeWay } = await import('../../../proxy-core/providers/proxy-choice.ts');
  const choices = [...new Set(origins)].map((origin) => [origin, way.choose(new URL(origin))] as const);
  const ways = choices.map(([origin, choice]) => `${origin} ${describeWay(choice)}`);
  const proxies = new Map(
    choices.flatMap(([, choice]) => (choice.kind === 'proxy' ? [[choice.proxy.shown, choice.proxy]] : [])),
  );
  const silent = [...proxies.values()].map(async ({ url, shown, source }) => {
    const why = await reach(hostOf(url), portOf(url));
    return why === null
      ? []
      : [fail('network', `the proxy ${shown} (from ${source}) cannot be reached: ${why}`, PROXY_FIX)];
  });
  return [renderWays(ways, way.authorities), ...(await Promise.all(silent)).flat()];
}

const PROXY_FIX = 'Correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or upstream.proxy in the configuration.';

function renderWays(ways: readonly string[], authorities: string): Check {
  const detail = `${ways.length === 0 ? 'no provider outside' : ways.join('; ')}; certificates: ${authorities}`;
  return ways.some((way) => way.includes(' not at all: ')) ? fail('network', detail, PROXY_FIX) : ok('network', detail);
}

/** Whether the collector of a configuration accepts connections; nothing is sent to it. */
export async function checkCollector(configuration: Configuration | null, way: WayOut): Promise<readonly Check[]> {
  const endpoint = configuration?.otlp?.endpoint;
  return endpoint === undefined ? [] : [await checkAddress('collector', endpoint, way)];
}

/** How people are told that a gate waits, and whether the webhooks accept connections. */
export async function checkNotifications(configuration: Configuration | null, way: WayOut): Promise<readonly Check[]> {
  const hooks = configuration?.channels.webhook ?? [];
  const names = hooks.map(({ name }) => name).join(', ');
  const told =
    hooks.length === 0
      ? 'none without the desktop app: use the console, the command line or a webhook'
      : `by webhook (${names}), in the console and, where it runs, by the desktop app`;
  const reached = await Promise.all(hooks.map(({ name, url }) => checkAddress(`webhook ${name}`, url, way)));
  return [ok('notifications', told), ...reached];
}

async function checkAddress(name: string, address: string, way: WayOut): Promise<Check> {
  const url = new URL(address);
  if (way.choose(url).kind !== 'direct') return ok(name, `${url.origin}, by the way named under network`);
  const why = await reach(hostOf(url), portOf(url));
  if (why === null) return ok(name, `${url.origin} accepts connections`);
  return warn(
    name,
    `${url.origin} cannot be reached: ${why}`,
    'Start it, or correct its address; what is meant for it waits.',
  );
}

/** Whether the places where the audit is witnessed can be written. */
export function checkAnchors(
  configuration: Configuration | null,
  folder: string,
  env: NodeJS.ProcessEnv,
): readonly Check[] {
  const anchors = configuration?.audit.anchors;
  const folders =
    anchors === undefined
      ? [defaultAnchorFolder(env)]
      : anchors.flatMap((anchor) => ('file' in anchor ? [dirname(resolve(folder, anchor.file))] : []));
  return folders.map((each) => {
    const place = lookForFolder(each);
    if (place.kind !== 'cannot') return ok('anchors', each);
    return warn(
      'anchors',
      `${each} cannot be written: ${place.why}`,
      'Give this user access to it, or name others under audit.anchors.',
    );
  });
}
