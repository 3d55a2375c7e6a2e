/**
 * Threat: a provider key that reaches a log line, an error message, a heap of settings or another file than
 * the one meant for it is spent by somebody else. So a key travels only inside `Secret`, which prints as
 * "[secret]" wherever text is made of it, and rests only sealed (here) or in the host's keychain.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { inspect } from 'node:util';
import { z } from 'zod';

/** The host's keychain: safeStorage in the desktop app, whatever a headless host lends. */
export interface Secrets {
  /** False where everything is forgotten when the program ends; what must outlive it is not sealed with what is kept here. */
  readonly lasting?: boolean;
  /** The stored value, or null if there is none of that name. Rejects when the keychain cannot be read. */
  find(name: string): Promise<string | null>;
  /** Store or replace. Rejects when the keychain cannot keep it safely. */
  save(name: string, value: string): Promise<void>;
  /** Forget it; nothing happens if there is none of that name. Rejects when the keychain cannot be changed. */
  remove(name: string): Promise<void>;
}

/** A key held in memory. Only `reveal` gives the text; every way of printing it gives "[secret]". */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
  [inspect.custom](): string;
}

const MASK = '[secret]';
const mask = (): string => MASK;

/** Wrap a key. The text lives in the closure, so no enumeration, clone or inspection of the object meets it. */
export function secretOf(text: string): Secret {
  return Object.freeze({ reveal: () => text, toString: mask, toJSON: mask, [inspect.custom]: mask });
}

/** What opening a sealed text came to. `problem` is one sentence without any part of the secret. */
export type Opened =
  | { readonly kind: 'opened'; readonly secret: Secret }
  | { readonly kind: 'not_opened'; readonly problem: string };

/** scrypt's cost as log2(N). 17 takes 128 MiB and some 0.4 s, OWASP's current advice. */
const DEFAULT_COST = 17;
/** A sealed file must not be able to ask for more memory than this (log2 N: 1 GiB). */
const HIGHEST_COST = 20;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);
const sealedText = z.strictObject({
  rungate_sealed: z.literal(1),
  cost: z.int().min(10).max(HIGHEST_COST),
  salt: base64,
  nonce: base64,
  sealed: base64,
});

function deriveKey(passphrase: string, salt: Uint8Array, cost: number): Promise<Buffer> {
  const N = 2 ** cost;
  // Unicode allows two spellings of one passphrase; NFKC makes them one, whatever keyboard typed it.
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, { N, r: 8, p: 1, maxmem: 256 * N * 8 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** The parameters are authenticated too, so nobody can lower the cost of a file that is then sealed again. */
const authenticated = (cost: number, salt: string): Buffer => Buffer.from(`rungate-sealed/1/${cost}/${salt}`);

/**
 * Seal a secret with a passphrase: scrypt (RFC 7914) and AES-256-GCM. Returns one line of JSON for a file.
 * `cost` is log2 of scrypt's N, 10 to 20. Throws RangeError on an empty passphrase.
 */
export async function sealSecret(secret: Secret, passphrase: string, cost = DEFAULT_COST): Promise<string> {
  if (passphrase === '') throw new RangeError('a passphrase must not be empty');
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, salt, cost), nonce);
  cipher.setAAD(authenticated(cost, salt.toString('base64')));
  const sealed = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${JSON.stringify({
    rungate_sealed: 1,
    cost,
    salt: salt.toString('base64'),
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
  })}\n`;
}

/** Whether a text claims to be sealed by `sealSecret`; it may still fail to open. */
export const isSealed = (text: string): boolean => text.trimStart().startsWith('{"rungate_sealed"');

function parseSealed(text: string): z.infer<typeof sealedText> | null {
  try {
    const parsed = sealedText.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Open what `sealSecret` made. A wrong passphrase and a changed file look the same, and say so. */
export async function openSecret(text: string, passphrase: string): Promise<Opened> {
  const file = parseSealed(text);
  if (file === null) return { kind: 'not_opened', problem: 'The sealed secret is damaged; seal it again.' };
  const key = await deriveKey(passphrase, Buffer.from(file.salt, 'base64'), file.cost);
  const bytes = Buffer.from(file.sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(file.nonce, 'base64'), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(authenticated(file.cost, file.salt));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const opened = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
    return { kind: 'opened', secret: secretOf(opened.toString('utf8')) };
  } catch {
    return { kind: 'not_opened', problem: 'The passphrase is wrong, or the sealed secret was changed.' };
  }
}
