import { createServer as createTlsServer } from 'node:https';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWebhook } from '../../../proxy-core/channels/webhook.ts';
import { chooseProxy, describeWay } from '../../../proxy-core/providers/proxy-choice.ts';
import { secretOf } from '../../../proxy-core/providers/secrets.ts';
import { openWayOut } from '../../../proxy-core/providers/way-out.ts';
import { startNetworkProxy } from '../../harness/network-proxy.ts';
import { openUpstream, portOf, post, send, startProvider } from './harness.ts';
import { PRIVATE_AUTHORITY } from './private-authority.ts';

const { authority, cert, key } = PRIVATE_AUTHORITY;
const CA = { pem: authority, file: '/etc/corp.pem' };

const startPlain = async () =>
  portOf(await startProvider((request, response) => void response.end(`${request.headers.host} ${request.url}`)));

async function startSecure(): Promise<number> {
  const server = createTlsServer({ cert, key }, (request, response) => void response.end(`secure ${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return portOf(server);
}

const byEnv = (env: Record<string, string>, ca: typeof CA | null = null) => openWayOut({ kind: 'env', env }, ca);

describe('through the network’s proxy', () => {
  it('an http provider is asked for by its whole address, with the proxy’s login from the variable', async () => {
    const proxy = await startNetworkProxy(await startPlain(), { login: 'ann:p@ss' });
    const way = byEnv({ HTTP_PROXY: proxy.url.replace('//', '//ann:p%40ss@') });
    const { outcome } = send(openUpstream({ way }), post('http://api.provider.test/v1'));
    expect(await outcome).toMatchObject({ status: 200, body: 'api.provider.test /v1/chat/completions', error: null });
    expect(proxy.asked).toMatchObject([{ method: 'POST', target: 'http://api.provider.test/v1/chat/completions' }]);
  });

  it('an https provider is reached in a tunnel, with the network’s own authority', async () => {
    const proxy = await startNetworkProxy(await startSecure(), { login: 'ann:secret' });
    const way = byEnv({ HTTPS_PROXY: proxy.url.replace('//', '//ann:secret@') }, CA);
    const upstream = openUpstream({ way });
    for (let call = 0; call < 2; call += 1) {
      const { outcome } = send(upstream, post('https://api.provider.test/v1'));
      expect(await outcome).toMatchObject({ status: 200, body: 'secure /v1/chat/completions', error: null });
    }
    for (const asked of proxy.asked)
      expect(asked).toMatchObject({ method: 'CONNECT', target: 'api.provider.test:443' });
    for (const { headers } of proxy.asked)
      expect(Object.keys(headers).toSorted((a, b) => a.localeCompare(b))).toEqual([
        'connection',
        'host',
        'proxy-authorization',
      ]);
  });

  it('an authority that nobody named is refused, and the failure points to it', async () => {
    const proxy = await startNetworkProxy(await startSecure());
    const { outcome } = send(
      openUpstream({ way: byEnv({ HTTPS_PROXY: proxy.url }) }),
      post('https://api.provider.test'),
    );
    expect((await outcome).error).toMatchObject({ kind: 'unreachable', sent: false, suspect: 'authority' });
  });

  it.each([
    [407, {}, /answered 407 to CONNECT api\.provider\.test:443: it asks for a user name/],
    [403, { status: 403 }, /answered 403 to CONNECT/],
  ])('a proxy that answers %s is named, and nothing is sent', async (_status, manner, words) => {
    const proxy = await startNetworkProxy(1, { login: 'a:b', ...manner });
    const { outcome } = send(
      openUpstream({ way: byEnv({ HTTPS_PROXY: proxy.url }) }),
      post('https://api.provider.test'),
    );
    const { error } = await outcome;
    expect(error).toMatchObject({ kind: 'unreachable', phase: 'connect', sent: false, suspect: 'proxy' });
    expect(error?.detail).toMatch(words);
    expect(error?.detail).toContain(`${proxy.url} (from HTTPS_PROXY)`);
  });

  it('a proxy that is not there is named, without its password', async () => {
    const way = byEnv({ https_proxy: 'http://ann:hunter2@127.0.0.1:1' });
    const { error } = await send(openUpstream({ way }), post('https://api.provider.test')).outcome;
    expect(error?.detail).toMatch(
      /the proxy http:\/\/127\.0\.0\.1:1 \(from https_proxy\) cannot be reached.*ECONNREFUSED/,
    );
    expect(error?.detail).not.toContain('hunter2');
  });

  it.each(['socks5://127.0.0.1:1080', 'http://'])('%s sends nothing past it', async (url) => {
    const { error } = await send(openUpstream({ way: byEnv({ HTTPS_PROXY: url }) }), post('https://api.provider.test'))
      .outcome;
    expect(error).toMatchObject({ kind: 'unreachable', sent: false, suspect: 'proxy' });
    expect(error?.detail).toContain('HTTPS_PROXY');
  });

  it.each(['http://169.254.169.254', 'https://100.64.0.1', 'http://[::ffff:169.254.169.254]'])(
    'the address guard still refuses %s, and the proxy is not asked',
    async (address) => {
      const proxy = await startNetworkProxy(1);
      const way = byEnv({ HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url });
      expect((await send(openUpstream({ way }), post(address)).outcome).error?.kind).toBe('refused_address');
      expect(proxy.asked).toEqual([]);
    },
  );

  it('loopback is direct, and so is what NO_PROXY names', async () => {
    const proxy = await startNetworkProxy(1);
    const port = await startPlain();
    const way = byEnv({ HTTP_PROXY: proxy.url });
    for (const host of ['127.0.0.1', 'localhost'])
      expect((await send(openUpstream({ way }), post(`http://${host}:${port}`)).outcome).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  it('a webhook takes the same way', async () => {
    const proxy = await startNetworkProxy(await startSecure());
    const url = new URL('https://hooks.test/in?x=1');
    const hook = openWebhook(
      {
        kind: 'webhook',
        name: 'oncall',
        url,
        secret: secretOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
        events: ['*'],
      },
      { clock: { now: Date.now }, way: byEnv({ HTTPS_PROXY: proxy.url }, CA) },
    );
    onTestFinished(() => hook.close());
    expect(await hook.test()).toMatchObject({ kind: 'delivered' });
    expect(proxy.asked).toMatchObject([{ target: 'hooks.test:443' }]);
  });
});

describe('which way', () => {
  const way = (env: Record<string, string>, url: string): string =>
    describeWay(chooseProxy({ kind: 'env', env }, new URL(url)));
  const PROXY = { HTTPS_PROXY: 'proxy.corp:3128' };
  const VIA = 'through the proxy http://proxy.corp:3128 (from HTTPS_PROXY)';

  it.each([
    ['', VIA],
    ['*', 'directly'],
    ['provider.test', 'directly'],
    ['.provider.test', 'directly'],
    ['*.provider.test', 'directly'],
    ['other.test, api.provider.test', 'directly'],
    ['rovider.test', VIA],
    ['api.provider.test:443', 'directly'],
    ['api.provider.test:8443', VIA],
  ])('NO_PROXY=%s', (NO_PROXY, expected) => {
    expect(way({ ...PROXY, NO_PROXY }, 'https://api.provider.test/v1')).toBe(expected);
  });

  it('NO_PROXY knows addresses and blocks', () => {
    expect(way({ ...PROXY, NO_PROXY: '10.0.0.0/8' }, 'https://10.1.2.3')).toBe('directly');
    expect(way({ ...PROXY, NO_PROXY: '10.0.0.0/8' }, 'https://11.1.2.3')).toBe(VIA);
    expect(way({ ...PROXY, NO_PROXY: '[fd00::1]:443' }, 'https://[fd00::1]')).toBe('directly');
  });

  it('lower case wins, https falls back to HTTP_PROXY, http never takes HTTPS_PROXY', () => {
    expect(way({ ...PROXY, https_proxy: 'http://other:1' }, 'https://a.test')).toContain(
      'http://other:1 (from https_proxy)',
    );
    expect(way({ HTTP_PROXY: 'http://other:1' }, 'https://a.test')).toContain('from HTTP_PROXY');
    expect(way(PROXY, 'http://a.test')).toBe('directly');
  });
});
