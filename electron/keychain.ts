/**
 * Threat: provider keys at rest. They are kept only where the system protects them (safeStorage), or sealed with a
 * passphrase; where there is neither, as on a Linux desktop without a keyring ("basic_text" obfuscates with a key that
 * everybody knows), they live in this process and are gone when it ends, and the person is told so (fault B9).
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SafeStorage } from 'electron';
import { z } from 'zod';
import type { HostRecord } from '../proxy-core/contract/host.ts';
import { openSecret, type Secrets, sealSecret, secretOf } from '../proxy-core/providers/secrets.ts';
import { writePrivateFile } from './cli/private-file.ts';

/** How keys are kept here. */
export interface KeyStorage {
  readonly keychain: Secrets;
  readonly storage: Exclude<HostRecord['key_storage'], 'none'>;
  /** For people; null when they are protected. */
  readonly note: string | null;
}

export interface KeychainPorts {
  readonly safeStorage: Pick<
    SafeStorage,
    'isAsyncEncryptionAvailable' | 'getSelectedStorageBackend' | 'encryptStringAsync' | 'decryptStringAsync'
  >;
  readonly platform: NodeJS.Platform;
  readonly passphrase: string | null;
  /** Where protected keys rest. */
  readonly file: string;
}

/** Choose how keys are kept. Call it once the app is ready; Electron does not know the keyring before. */
export async function openKeychain(ports: KeychainPorts): Promise<KeyStorage> {
  const cipher = await chooseCipher(ports);
  if (cipher !== null) return { keychain: createFileKeychain(ports.file, cipher), storage: 'protected', note: null };
  return { keychain: createSessionKeychain(), storage: 'session', note: SESSION_NOTE };
}

const SESSION_NOTE =
  'This system offers no protected place for keys, so a key given here is kept until Rungate quits. ' +
  'Install a keyring (GNOME Keyring or KWallet), or start Rungate with a passphrase in RUNGATE_PASSPHRASE.';

/** Turns a key into text that may lie on disk, and back. */
interface Cipher {
  readonly kind: 'system' | 'passphrase';
  close(text: string): Promise<string>;
  open(closed: string): Promise<string>;
}

async function chooseCipher(ports: KeychainPorts): Promise<Cipher | null> {
  if (await isProtected(ports)) return systemCipher(ports.safeStorage);
  return ports.passphrase === null || ports.passphrase === '' ? null : passphraseCipher(ports.passphrase);
}

async function isProtected({ safeStorage, platform }: KeychainPorts): Promise<boolean> {
  try {
    if (!(await safeStorage.isAsyncEncryptionAvailable())) return false;
    if (platform !== 'linux') return true;
    const backend = safeStorage.getSelectedStorageBackend();
    return backend !== 'basic_text' && backend !== 'unknown';
  } catch {
    return false;
  }
}

const systemCipher = (safeStorage: KeychainPorts['safeStorage']): Cipher => ({
  kind: 'system',
  close: async (text) => (await safeStorage.encryptStringAsync(text)).toString('base64'),
  open: async (closed) => (await safeStorage.decryptStringAsync(Buffer.from(closed, 'base64'))).result,
});

const passphraseCipher = (passphrase: string): Cipher => ({
  kind: 'passphrase',
  close: (text) => sealSecret(secretOf(text), passphrase),
  async open(closed) {
    const opened = await openSecret(closed, passphrase);
    if (opened.kind === 'opened') return opened.secret.reveal();
    throw new Error(opened.problem);
  },
});

const keyFile = z.strictObject({
  version: z.literal(1),
  keys: z.record(z.string(), z.strictObject({ kind: z.enum(['system', 'passphrase']), text: z.string() })),
});
type KeyFile = z.infer<typeof keyFile>;

/** Keys in one file, each closed by itself; what another cipher closed stays as it is. */
function createFileKeychain(file: string, cipher: Cipher): Secrets {
  let writing: Promise<void> = Promise.resolve();
  /** One change after the other: each reads what the one before has written. */
  const change = (edit: (keys: KeyFile['keys']) => Promise<KeyFile['keys']>): Promise<void> => {
    const next = writing.then(async () => {
      const { keys } = await readKeyFile(file);
      const text = `${JSON.stringify({ version: 1, keys: await edit(keys) } satisfies KeyFile)}\n`;
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      const written = await writePrivateFile(file, text, true);
      if (written.kind !== 'written') throw new Error('the key file cannot be written');
    });
    writing = next.catch(() => undefined);
    return next;
  };
  return {
    async find(name) {
      const { keys } = await readKeyFile(file);
      const kept = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (kept === undefined) return null;
      if (kept.kind !== cipher.kind) throw new Error('the key was kept in another way');
      return cipher.open(kept.text);
    },
    save: (name, value) =>
      change(async (keys) => ({ ...keys, [name]: { kind: cipher.kind, text: await cipher.close(value) } })),
    remove: (name) => change(async (keys) => Object.fromEntries(Object.entries(keys).filter(([key]) => key !== name))),
  };
}

async function readKeyFile(file: string): Promise<KeyFile> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? { version: 1, keys: {} } : keyFile.parse(JSON.parse(text));
}

/** Keys of this session only. */
function createSessionKeychain(): Secrets {
  const keys = new Map<string, string>();
  return {
    lasting: false,
    find: async (name) => keys.get(name) ?? null,
    save: async (name, value) => void keys.set(name, value),
    remove: async (name) => void keys.delete(name),
  };
}
