/**
 * The installation's Ed25519 key. Threat: whoever has it can sign another history. It is made at the first start and
 * kept in the home folder in a 0600 file: sealed where the host lends a keychain or a passphrase, else plain, which
 * protects it from other users of the machine only. That is why heads are also written to an anchor elsewhere. The
 * public half stands beside it in plain, so that verifying needs no passphrase.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalText } from '../audit/canonical.ts';
import type { CredentialPorts } from '../providers/credentials.ts';
import { openSecret, sealSecret, secretOf } from '../providers/secrets.ts';

/** The public half: what anybody may know. */
export interface PublicKey {
  /** `SHA256:` and the base64 of the raw key's SHA-256, without padding: as OpenSSH writes fingerprints. */
  readonly fingerprint: string;
  /** 32 bytes, base64. */
  readonly raw: string;
}

export interface SigningKey extends PublicKey {
  /** The private half; may be given to a worker thread. */
  readonly privateKey: KeyObject;
  readonly kept: 'keychain' | 'passphrase' | 'plain';
}

/** A key, or one sentence on why there is none. */
export type OpenedKey =
  | { readonly kind: 'opened'; readonly key: SigningKey }
  | { readonly kind: 'closed'; readonly problem: string; readonly publicKey: PublicKey | null };

const keyFile = z.strictObject({
  rungate_signing_key: z.literal(1),
  public_key: z.string().max(64),
  kept: z.enum(['keychain', 'passphrase', 'plain']),
  /** PKCS #8 in base64, or what `sealSecret` made of that. */
  private_key: z.string().max(8_192),
});
type KeyFile = z.infer<typeof keyFile>;

const FILE = 'signing-key.json';
const KEYCHAIN_NAME = 'audit-signing';
/** The keychain holds 32 random bytes as the passphrase: there is nothing to stretch. */
const RANDOM_COST = 10;

/** The key file of a home folder. */
export const signingKeyFile = (home: string): string => join(home, FILE);

/** The fingerprint of a raw public key (32 bytes). */
export const fingerprintOf = (raw: Uint8Array): string => `SHA256:${hash('sha256', raw, 'base64').replace(/=+$/, '')}`;

/** Find the home's key, or make it. Rejects only if the home folder cannot be written. */
export async function openSigningKey(home: string, ports: CredentialPorts): Promise<OpenedKey> {
  const path = signingKeyFile(home);
  const text = readText(path);
  if (text === null) return { kind: 'opened', key: await createKey(path, ports) };
  const stored = parseFile(text);
  if (stored === null)
    return {
      kind: 'closed',
      publicKey: null,
      problem: `The signing key ${path} is damaged: restore it from a backup.`,
    };
  return openStored(stored, ports);
}

/** The public half of a home's key, or null without one. Needs no passphrase. */
export function findPublicKey(home: string): PublicKey | null {
  const text = readText(signingKeyFile(home));
  const stored = text === null ? null : parseFile(text);
  return stored === null ? null : publicOf(stored.public_key);
}

/** Sign a text's UTF-8 bytes; base64. */
export const signText = (key: KeyObject, text: string): string => sign(null, Buffer.from(text), key).toString('base64');

/** Whether a signature (base64) over a text is the raw public key's (base64). False for anything that is none. */
export function verifyText(rawKey: string, text: string, signature: string): boolean {
  try {
    const bytes = Buffer.from(signature, 'base64');
    if (bytes.toString('base64') !== signature) return false;
    return verify(null, Buffer.from(text), importPublic(rawKey), bytes);
  } catch {
    return false;
  }
}

/** What a raw public key (base64) is called; null if it is none. */
export function publicOf(raw: string): PublicKey | null {
  const bytes = Buffer.from(raw, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== raw) return null;
  return { raw, fingerprint: fingerprintOf(bytes) };
}

const importPublic = (raw: string): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw, 'base64').toString('base64url') },
    format: 'jwk',
  });

async function createKey(path: string, ports: CredentialPorts): Promise<SigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = rawOf(publicKey);
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  const sealed = await sealKey(pkcs8, ports);
  writeKeyFile(path, { rungate_signing_key: 1, public_key: raw.raw, ...sealed });
  return { ...raw, privateKey, kept: sealed.kept };
}

function rawOf(key: KeyObject): PublicKey {
  const x = key.export({ format: 'jwk' }).x ?? '';
  const bytes = Buffer.from(x, 'base64url');
  return { raw: bytes.toString('base64'), fingerprint: fingerprintOf(bytes) };
}

async function sealKey(pkcs8: string, ports: CredentialPorts): Promise<Pick<KeyFile, 'kept' | 'private_key'>> {
  const secret = secretOf(pkcs8);
  const random = await keychainPassphrase(ports);
  if (random !== null) return { kept: 'keychain', private_key: await sealSecret(secret, random, RANDOM_COST) };
  const passphrase = await ports.passphrase();
  if (passphrase !== null && passphrase !== '')
    return { kept: 'passphrase', private_key: await sealSecret(secret, passphrase) };
  return { kept: 'plain', private_key: pkcs8 };
}

/** A random passphrase that the keychain has been seen to keep; null where there is none that does. */
async function keychainPassphrase({ keychain }: CredentialPorts): Promise<string | null> {
  if (keychain === null || keychain.lasting === false) return null;
  try {
    const made = randomBytes(32).toString('base64url');
    await keychain.save(KEYCHAIN_NAME, made);
    return (await keychain.find(KEYCHAIN_NAME)) === made ? made : null;
  } catch {
    return null;
  }
}

async function openStored(stored: KeyFile, ports: CredentialPorts): Promise<OpenedKey> {
  const publicKey = publicOf(stored.public_key);
  const closed = (problem: string): OpenedKey => ({ kind: 'closed', problem, publicKey });
  let pkcs8 = stored.private_key;
  if (stored.kept !== 'plain') {
    const passphrase = await passphraseOf(stored.kept, ports);
    if (passphrase === null) return closed(MISSING[stored.kept]);
    const opened = await openSecret(stored.private_key, passphrase);
    if (opened.kind === 'not_opened') return closed(`The signing key cannot be opened. ${opened.problem}`);
    pkcs8 = opened.secret.reveal();
  }
  const privateKey = importPrivate(pkcs8);
  if (privateKey === null || publicKey === null || rawOf(createPublicKey(privateKey)).raw !== publicKey.raw)
    return closed('The signing key is damaged: restore it from a backup.');
  return { kind: 'opened', key: { ...publicKey, privateKey, kept: stored.kept } };
}

const MISSING = {
  keychain: 'The signing key is sealed, and the keychain does not have its passphrase.',
  passphrase: 'The signing key is sealed: start with RUNGATE_PASSPHRASE set to its passphrase.',
} as const;

async function passphraseOf(kept: 'keychain' | 'passphrase', ports: CredentialPorts): Promise<string | null> {
  if (kept === 'passphrase') return ports.passphrase();
  return ports.keychain === null ? null : ports.keychain.find(KEYCHAIN_NAME).catch(() => null);
}

function importPrivate(pkcs8: string): KeyObject | null {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8, 'base64'), format: 'der', type: 'pkcs8' });
  } catch {
    return null;
  }
}

function parseFile(text: string): KeyFile | null {
  try {
    const parsed = keyFile.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** In one step: a crash leaves no half-written key. */
function writeKeyFile(path: string, file: KeyFile): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, `${canonicalText(file)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
