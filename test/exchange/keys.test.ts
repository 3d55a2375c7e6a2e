import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openKeychain } from '../../electron/keychain.ts';
import type { HostRecord } from '../../proxy-core/contract/host.ts';
import type { HostPort } from '../../proxy-core/ports.ts';
import { configuredProviders } from '../../proxy-core/providers/configured-providers.ts';
import type { Provider } from '../../proxy-core/providers/provider.ts';
import { send } from '../harness/agent-client.ts';
import { readAudit } from '../harness/audit-records.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type Script, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

const KEY = 'sk-canary-given-key-7d31';
const BY = { actor: 'operator', channel: 'desktop' };

const json =
  (status: number, body: unknown): Script =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const LISTED = json(200, { object: 'list', data: [] });

const provider = (id: string, url: string, over: Partial<Provider> = {}): Provider => ({
  id,
  kind: 'http',
  baseUrl: new URL(url),
  formats: ['chat'],
  models: ['gpt-*'],
  auth: 'bearer',
  key: { kind: 'keychain', name: id },
  ...over,
});

const hostOf = (storage: HostRecord['key_storage']): HostPort => ({
  describe: () => ({
    kind: 'desktop',
    platform: 'linux',
    notifications: 'click',
    key_storage: storage,
    key_storage_note: null,
    launch_at_login: false,
    tray: true,
    save_dialog: true,
  }),
  saveFile: null,
  printPdf: null,
});

/** A system without a keyring: keys are sealed with a passphrase, or kept for the session. */
const NO_KEYRING = {
  isAsyncEncryptionAvailable: async () => true,
  getSelectedStorageBackend: () => 'basic_text' as const,
  encryptStringAsync: () => Promise.reject(new Error('not protected')),
  decryptStringAsync: () => Promise.reject(new Error('not protected')),
};

interface Started {
  readonly rungate: TestRungate;
  readonly upstream: ScriptedUpstream;
  readonly keyFile: string;
}

async function startWithKeychain(script: Script = LISTED, passphrase: string | null = null): Promise<Started> {
  const upstream = await startScriptedUpstream(script);
  onTestFinished(() => upstream.close());
  const home = mkdtempSync(join(tmpdir(), 'rungate-keys-'));
  const keyFile = join(home, 'keys.json');
  const ports = { safeStorage: NO_KEYRING, platform: 'linux' as const, passphrase, file: keyFile };
  const { keychain, storage } = await openKeychain(ports);
  const rungate = await startTestRungate({
    home,
    providers: [
      provider('openai', `${upstream.url}/v1`),
      provider('anthropic', upstream.url, { formats: ['messages'], models: ['claude-*'], auth: 'x-api-key' }),
      provider('outside', upstream.url, { key: { kind: 'env', name: 'OUTSIDE' } }),
      provider('free', upstream.url, { key: { kind: 'none' } }),
      { ...provider('demo', upstream.url, { key: { kind: 'none' } }), kind: 'demo', baseUrl: null },
    ],
    credentials: { env: { OUTSIDE: 'sk-outside' }, keychain, passphrase: async () => null },
    host: hostOf(storage),
  });
  onTestFinished(async () => {
    await rungate.core.close().catch(() => undefined);
    rmSync(home, { recursive: true, force: true });
  });
  return { rungate, upstream, keyFile };
}

const refusal = async (rungate: TestRungate, input: { provider: string; key: string }) => {
  const reply = await rungate.tryCall('keys.set', input);
  if (reply.ok) throw new Error('the key was taken');
  return reply.failure;
};

describe('keys.list', () => {
  it('says where each provider’s key lies, and never the key', async () => {
    const { rungate, upstream } = await startWithKeychain();
    const { keys } = await rungate.call('keys.list', {});
    expect(keys.map(({ provider: id, reference, state, kept }) => [id, reference, state, kept])).toEqual([
      ['openai', 'keychain:openai', 'missing', 'nowhere'],
      ['anthropic', 'keychain:anthropic', 'missing', 'nowhere'],
      ['outside', 'env:OUTSIDE', 'set', 'outside'],
      ['free', 'none', 'none', 'nowhere'],
      ['demo', 'none', 'none', 'nowhere'],
    ]);
    expect(keys[0]?.origin).toBe(new URL(upstream.url).origin);
  });
});

describe('keys.set', () => {
  it('keeps the key, tries it on the model list, and the next call goes out with it', async () => {
    const { rungate, upstream } = await startWithKeychain();
    const token = await rungate.addAgent('bot');
    const call = { path: '/v1/chat/completions', token, body: { model: 'gpt-x', messages: [] } };
    expect((await send(rungate.url, call)).status).toBe(503);
    const set = await rungate.call('keys.set', { provider: 'openai', key: `  ${KEY}\n` });
    expect(set).toMatchObject({
      key: { provider: 'openai', state: 'set', kept: 'session' },
      checked: { ok: true, detail: 'openai takes the key.' },
    });
    await send(rungate.url, call);
    const [checked, forwarded] = [await upstream.request(1), await upstream.request(2)];
    expect(checked).toMatchObject({ method: 'GET', url: '/v1/models', headers: { authorization: `Bearer ${KEY}` } });
    expect(forwarded.headers.authorization).toBe(`Bearer ${KEY}`);
    await rungate.event('keys.changed');
  });

  it('tries an Anthropic key as Anthropic’s clients would', async () => {
    const { rungate, upstream } = await startWithKeychain();
    await rungate.call('keys.set', { provider: 'anthropic', key: KEY });
    const { headers, url } = await upstream.request(1);
    expect(url).toBe('/v1/models');
    expect(headers).toMatchObject({ 'x-api-key': KEY, 'anthropic-version': expect.any(String) });
    expect(headers.authorization).toBeUndefined();
  });

  it.each([
    [401, 'openai refuses the key (401).'],
    [403, 'openai refuses the key (403).'],
    [500, 'openai answered 500, so the key could not be tried; it is kept.'],
    [302, 'openai answered 302, so the key could not be tried; it is kept.'],
  ])('keeps a key that the provider answers with %s, and says so', async (status, detail) => {
    const { rungate } = await startWithKeychain(json(status, { error: `canary ${KEY}` }));
    const set = await rungate.call('keys.set', { provider: 'openai', key: KEY });
    expect(set).toMatchObject({ key: { state: 'set' }, checked: { ok: false, detail } });
  });

  it('keeps a key that could not be tried because nobody answers', async () => {
    const { rungate, upstream } = await startWithKeychain();
    await upstream.close();
    const set = await rungate.call('keys.set', { provider: 'openai', key: KEY });
    expect(set.checked).toEqual({ ok: false, detail: 'openai cannot be reached; the key is kept.' });
  });

  it('reads no more of the list than its status', async () => {
    const { rungate, upstream } = await startWithKeychain((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"data":[');
    });
    expect((await rungate.call('keys.set', { provider: 'openai', key: KEY })).checked.ok).toBe(true);
    await (await upstream.request(1)).closed;
  });

  it.each([
    ['outside', 'unavailable_here', 'The key of outside is not kept here: it is read from env:OUTSIDE.'],
    ['free', 'invalid_request', 'free takes no key.'],
    ['demo', 'invalid_request', 'demo takes no key: it answers by itself, offline.'],
    ['nobody', 'not_found', 'There is no provider nobody.'],
  ])('refuses a key for %s', async (id, code, message) => {
    const { rungate } = await startWithKeychain();
    expect(await refusal(rungate, { provider: id, key: KEY })).toMatchObject({ code, message });
  });

  it.each(['two words', 'zwei\nzeilen', 'schlüssel', ' '])('refuses %j, which is no key', async (key) => {
    const { rungate, upstream } = await startWithKeychain();
    expect(await refusal(rungate, { provider: 'openai', key })).toMatchObject({ code: 'invalid_request' });
    expect(upstream.received).toEqual([]);
  });

  it('is refused where the host keeps no keys', async () => {
    const rungate = await startTestRungate({ providers: [provider('openai', 'http://127.0.0.1:1/')] });
    onTestFinished(() => rungate.close());
    expect(await refusal(rungate, { provider: 'openai', key: KEY })).toMatchObject({ code: 'unavailable_here' });
  });

  it('is refused over the command socket unless decisions are allowed there', async () => {
    const { rungate } = await startWithKeychain();
    const by = { actor: 'operator', channel: 'cli' };
    const reply = await rungate.core.call('keys.set', { provider: 'openai', key: KEY }, by);
    expect(reply).toMatchObject({ ok: false, failure: { code: 'decision_not_allowed' } });
  });

  it('tells nothing of what a keychain says when it fails', async () => {
    const refuses = () => Promise.reject(new Error(`locked: ${KEY}`));
    const rungate = await startTestRungate({
      providers: [provider('openai', 'http://127.0.0.1:1/')],
      credentials: {
        env: {},
        keychain: { find: async () => null, save: refuses, remove: refuses },
        passphrase: async () => null,
      },
      host: hostOf('protected'),
    });
    onTestFinished(() => rungate.close());
    const failure = await refusal(rungate, { provider: 'openai', key: KEY });
    expect(failure.code).toBe('unavailable_here');
    expect(JSON.stringify([failure, rungate.logged])).not.toContain(KEY);
  });
});

describe('keys.remove', () => {
  it('forgets the key at once', async () => {
    const { rungate } = await startWithKeychain();
    await rungate.call('keys.set', { provider: 'openai', key: KEY });
    const { key } = await rungate.call('keys.remove', { provider: 'openai' });
    expect(key).toMatchObject({ state: 'missing', kept: 'nowhere' });
    const token = await rungate.addAgent('bot');
    const call = { path: '/v1/chat/completions', token, body: { model: 'gpt-x', messages: [] } };
    expect((await send(rungate.url, call)).status).toBe(503);
  });
});

describe('the key itself', () => {
  it('C7, B9: is in no answer, event, log line or file of the home folder; the audit says that it was given and removed', async () => {
    const { rungate, keyFile } = await startWithKeychain(json(401, { error: `no: ${KEY}` }), 'a passphrase');
    const answers = [
      await rungate.core.call('keys.set', { provider: 'openai', key: KEY }, BY),
      await rungate.core.call('keys.list', {}, BY),
      await rungate.core.call('keys.set', { provider: 'openai', key: `${KEY} twice` }, BY),
      await rungate.core.call('keys.set', { provider: 'demo', key: KEY }, BY),
      await rungate.core.call('core.status', {}, BY),
    ];
    expect(readFileSync(keyFile, 'utf8')).toContain('rungate_sealed');
    await rungate.core.call('keys.remove', { provider: 'openai' }, BY);
    await rungate.core.close();
    expect(JSON.stringify([answers, rungate.events, rungate.logged])).not.toContain(KEY);
    for (const entry of readdirSync(rungate.home, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) expect(readFileSync(join(entry.parentPath, entry.name)).includes(KEY)).toBe(false);
    }
    const about = readAudit(rungate.home).filter(({ kind }) => kind.startsWith('key.'));
    expect(about).toEqual([
      { kind: 'key.set', ...BY, fields: { provider: 'openai', reference: 'keychain:openai' } },
      { kind: 'key.removed', ...BY, fields: { provider: 'openai', reference: 'keychain:openai' } },
    ]);
  });
});

describe('the default providers', () => {
  it('have their keys in the keychain where the host has one, in the environment where not', () => {
    const keys = (where: 'environment' | 'keychain') =>
      configuredProviders(null, '/', where).map(({ id, key }) => [id, key.kind]);
    expect(keys('keychain')).toEqual([
      ['openai', 'keychain'],
      ['anthropic', 'keychain'],
      ['ollama', 'none'],
      ['demo', 'none'],
    ]);
    expect(keys('environment').slice(0, 2)).toEqual([
      ['openai', 'env'],
      ['anthropic', 'env'],
    ]);
  });
});
