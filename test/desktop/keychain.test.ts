import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type KeychainPorts, openKeychain } from '../../electron/keychain.ts';
import { openSigningKey } from '../../proxy-core/signing/signing-key.ts';

const KEY = 'sk-canary-keychain-4410';
type Backend = ReturnType<KeychainPorts['safeStorage']['getSelectedStorageBackend']>;

/** What Electron's safeStorage does, with a key of this process. */
function safeStorageOn(backend: Backend, available = true): KeychainPorts['safeStorage'] {
  const key = randomBytes(32);
  return {
    isAsyncEncryptionAvailable: async () => available,
    getSelectedStorageBackend: () => backend,
    async encryptStringAsync(text) {
      const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
      return Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    },
    async decryptStringAsync(bytes) {
      const decipher = createDecipheriv('aes-256-ctr', key, Buffer.alloc(16));
      const result = Buffer.concat([decipher.update(bytes), decipher.final()]).toString('utf8');
      return { result, shouldReEncrypt: false };
    },
  };
}

function home(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-keychain-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const open = (folder: string, over: Partial<KeychainPorts> = {}) =>
  openKeychain({
    safeStorage: safeStorageOn('gnome_libsecret'),
    platform: 'linux',
    passphrase: null,
    file: join(folder, 'keys.json'),
    ...over,
  });

it('the signing key outlives a system that keeps no key: it is not sealed with what will be forgotten', async () => {
  const folder = home();
  const start = async () => {
    const { keychain, storage } = await open(folder, { safeStorage: safeStorageOn('basic_text') });
    expect(storage).toBe('session');
    return openSigningKey(folder, { env: {}, keychain, passphrase: async () => null });
  };
  const first = await start();
  const second = await start();
  expect([first.kind, second.kind]).toEqual(['opened', 'opened']);
  expect(second).toMatchObject({ key: { fingerprint: first.kind === 'opened' ? first.key.fingerprint : '' } });
});

describe('a system that protects keys', () => {
  it('keeps them over a restart, closed, in a file of this user only', async () => {
    const folder = home();
    const safeStorage = safeStorageOn('kwallet6');
    const { keychain, storage, note } = await open(folder, { safeStorage });
    expect([storage, note]).toEqual(['protected', null]);
    await keychain.save('openai', KEY);
    await Promise.all([keychain.save('anthropic', `${KEY}-2`), keychain.save('other', 'x'), keychain.remove('other')]);
    const file = join(folder, 'keys.json');
    expect(readFileSync(file, 'utf8')).not.toContain(KEY);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { keychain: again } = await open(folder, { safeStorage });
    expect(await again.find('openai')).toBe(KEY);
    expect(await again.find('anthropic')).toBe(`${KEY}-2`);
    expect(await again.find('other')).toBeNull();
    await again.remove('openai');
    expect(await again.find('openai')).toBeNull();
    expect(await again.find('__proto__')).toBeNull();
  });

  it('does not read what a passphrase has closed, and does not destroy it', async () => {
    const folder = home();
    const sealed = { safeStorage: safeStorageOn('basic_text'), passphrase: 'p' };
    await (await open(folder, sealed)).keychain.save('openai', KEY);
    const { keychain } = await open(folder);
    await expect(keychain.find('openai')).rejects.toThrow('another way');
    await keychain.save('anthropic', 'x');
    expect(await (await open(folder, sealed)).keychain.find('openai')).toBe(KEY);
  });
});

describe('B9: a system that does not', () => {
  it.each<[string, Backend, boolean]>([
    ['basic_text', 'basic_text', true],
    ['an unknown keyring', 'unknown', true],
    ['no encryption', 'gnome_libsecret', false],
  ])('(%s) keeps them for the session, says so, and writes nothing', async (_, backend, available) => {
    const folder = home();
    const { keychain, storage, note } = await open(folder, { safeStorage: safeStorageOn(backend, available) });
    expect(storage).toBe('session');
    expect(note).toContain('until Rungate quits');
    await keychain.save('openai', KEY);
    expect(await keychain.find('openai')).toBe(KEY);
    expect(readdirSync(folder)).toEqual([]);
    expect(await (await open(folder)).keychain.find('openai')).toBeNull();
  });

  it('keeps them sealed where there is a passphrase; another one does not open them', async () => {
    const folder = home();
    const safeStorage = safeStorageOn('basic_text');
    const { keychain, storage } = await open(folder, { safeStorage, passphrase: 'right' });
    expect(storage).toBe('protected');
    await keychain.save('openai', KEY);
    expect(readFileSync(join(folder, 'keys.json'), 'utf8')).not.toContain(KEY);
    expect(await (await open(folder, { safeStorage, passphrase: 'right' })).keychain.find('openai')).toBe(KEY);
    const wrong = await open(folder, { safeStorage, passphrase: 'wrong' });
    await expect(wrong.keychain.find('openai')).rejects.toThrow(/passphrase/);
  });
});
