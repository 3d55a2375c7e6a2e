/**
 * Threat: the provider's key is the thing worth stealing here. A key file that others on the machine may read
 * is refused, not read with a warning; a key is fetched only when a request needs it, kept in memory only, and
 * no message written here contains any part of it. A key that cannot be had refuses the call: the agent's own
 * credential is never sent in its place.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import { isSealed, openSecret, type Secret, type Secrets, secretOf } from './secrets.ts';

/** Where a key is kept. Configuration holds references, never values. */
export type KeyReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'keychain'; readonly name: string }
  | { readonly kind: 'none' };

/** A parsed reference, or one sentence on what is wrong with the text. */
export type ParsedReference =
  | { readonly kind: 'parsed'; readonly reference: KeyReference }
  | { readonly kind: 'invalid'; readonly problem: string };

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const KEYCHAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const FORMS = 'env:NAME, file:PATH, keychain:NAME or none';

/** Parse `env:NAME | file:PATH | keychain:NAME | none`; a relative PATH is taken from `folder`. */
export function parseKeyReference(text: string, folder: string): ParsedReference {
  const parsed = (reference: KeyReference): ParsedReference => ({ kind: 'parsed', reference });
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  if (text === 'none') return parsed({ kind: 'none' });
  if (text.startsWith('env:') && ENV_NAME.test(rest)) return parsed({ kind: 'env', name: rest });
  if (text.startsWith('keychain:') && KEYCHAIN_NAME.test(rest)) return parsed({ kind: 'keychain', name: rest });
  if (text.startsWith('file:') && rest !== '' && !rest.includes('\0')) {
    return parsed({ kind: 'file', path: resolvePath(folder, rest) });
  }
  // The text itself is not repeated: somebody may have pasted the key where its reference belongs.
  return { kind: 'invalid', problem: `A key must be ${FORMS}; the configuration never holds the key itself.` };
}

/** A reference as it stands in a configuration. */
export function renderKeyReference(reference: KeyReference): string {
  switch (reference.kind) {
    case 'none':
      return 'none';
    case 'file':
      return `file:${reference.path}`;
    case 'env':
    case 'keychain':
      return `${reference.kind}:${reference.name}`;
  }
}

/** What looking for a key came to. `missing.problem` is one sentence that says what to do. */
export type FoundKey =
  | { readonly kind: 'found'; readonly key: Secret }
  | { readonly kind: 'none' }
  | { readonly kind: 'missing'; readonly problem: string };

/** What finding keys needs from outside. */
export interface CredentialPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Null where the host has none. */
  readonly keychain: Secrets | null;
  /** The passphrase of sealed files (RUNGATE_PASSPHRASE, or a person is asked), or null if there is none. */
  passphrase(): Promise<string | null>;
}

/** Finds keys lazily and remembers those found, in memory, until told to forget. */
export interface Credentials {
  /** Never rejects. Calls for one reference at the same time share one look-up; failures are not remembered. */
  find(reference: KeyReference): Promise<FoundKey>;
  /** Drop every remembered key: after a key was changed, or refused by its provider. */
  forget(): void;
}

const missing = (problem: string): Extract<FoundKey, { kind: 'missing' }> => ({ kind: 'missing', problem });

/** A key becomes a header value: visible ASCII only, so that it can never smuggle a second header. */
const KEY_TEXT = /^[\x21-\x7e]+$/;

/** The key in a text of one line; `where` begins the sentence that says why there is none. The text is never repeated. */
export function readKey(text: string, where: string): Exclude<FoundKey, { kind: 'none' }> {
  const key = text.trim();
  if (key === '') return missing(`${where} is empty.`);
  if (!KEY_TEXT.test(key)) return missing(`${where} does not hold one line of plain characters.`);
  return { kind: 'found', key: secretOf(key) };
}

const MAX_FILE_BYTES = 64 * 1024;

type FileText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing'; readonly problem: string };

/** What is wrong with a key file, by the facts of its open descriptor; null if it may be read. */
function fileProblem(path: string, facts: { isFile(): boolean; mode: number; size: number }): string | null {
  if (!facts.isFile()) return `The key file ${path} is not a plain file.`;
  if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
    return `Others may read the key file ${path}: run chmod 600 on it, and consider replacing the key.`;
  }
  return facts.size > MAX_FILE_BYTES ? `The key file ${path} is too large to be a key.` : null;
}

/** Checks and reads through one descriptor, so that the file checked is the file read. */
async function readPrivateFile(path: string): Promise<FileText> {
  let handle: FileHandle | null = null;
  try {
    // O_NONBLOCK (absent on Windows): opening a named pipe must not wait for a writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const problem = fileProblem(path, await handle.stat());
    if (problem !== null) return { kind: 'missing', problem };
    return { kind: 'text', text: await handle.readFile('utf8') };
  } catch (error) {
    return {
      kind: 'missing',
      problem: `The key file ${path} ${READ_ERRORS[codeOf(error)] ?? `cannot be read (${codeOf(error)})`}.`,
    };
  } finally {
    await handle?.close();
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EMFILE: 'cannot be opened: this process has no file descriptor left',
  ENFILE: 'cannot be opened: this machine has no file descriptor left',
};

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';

async function findInFile(path: string, ports: CredentialPorts): Promise<FoundKey> {
  const file = await readPrivateFile(path);
  if (file.kind === 'missing') return file;
  if (!isSealed(file.text)) return readKey(file.text, `The key file ${path}`);
  const passphrase = await ports.passphrase();
  if (passphrase === null || passphrase === '') {
    return missing(`The key file ${path} is sealed: set RUNGATE_PASSPHRASE to its passphrase and start Rungate again.`);
  }
  const opened = await openSecret(file.text, passphrase);
  if (opened.kind === 'not_opened') return missing(`The key file ${path}: ${opened.problem}`);
  return readKey(opened.secret.reveal(), `The key file ${path}`);
}

async function findInKeychain(name: string, keychain: Secrets | null): Promise<FoundKey> {
  if (keychain === null) return missing(`There is no keychain here for keychain:${name}: use env:NAME or file:PATH.`);
  const value = await keychain.find(name);
  return value === null
    ? missing(`The keychain holds no key named ${name}: store one in the settings.`)
    : readKey(value, `The keychain's ${name}`);
}

function findInEnv(name: string, env: CredentialPorts['env']): FoundKey {
  const value = env[name];
  return value === undefined
    ? missing(`The environment variable ${name} is not set: set it and start Rungate again.`)
    : readKey(value, `The environment variable ${name}`);
}

async function findKey(reference: KeyReference, ports: CredentialPorts): Promise<FoundKey> {
  switch (reference.kind) {
    case 'none':
      return { kind: 'none' };
    case 'env':
      return findInEnv(reference.name, ports.env);
    case 'file':
      return findInFile(reference.path, ports);
    case 'keychain':
      return findInKeychain(reference.name, ports.keychain);
  }
}

/** A finder of keys over the host's environment, files and keychain. */
export function createCredentials(ports: CredentialPorts): Credentials {
  let remembered = new Map<string, Promise<FoundKey>>();

  const look = (reference: KeyReference, name: string): Promise<FoundKey> => {
    const memory = remembered;
    const found = findKey(reference, ports)
      .catch((error: unknown) => missing(`The key ${name} cannot be read (${codeOf(error)}).`))
      .then((result) => {
        if (result.kind === 'missing') memory.delete(name);
        return result;
      });
    memory.set(name, found);
    return found;
  };

  return {
    find(reference) {
      const name = renderKeyReference(reference);
      return remembered.get(name) ?? look(reference, name);
    },
    forget() {
      remembered = new Map();
    },
  };
}
