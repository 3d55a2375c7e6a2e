import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CredentialPorts,
  createCredentials,
  type FoundKey,
  type KeyReference,
  parseKeyReference,
  renderKeyReference,
} from '../../../proxy-core/providers/credentials.ts';
import { openSecret, sealSecret, secretOf } from '../../../proxy-core/providers/secrets.ts';

const KEY = 'sk-canary-7f3a9c';
/** scrypt as cheap as it may be: the tests are about what is accepted, not about how long guessing takes. */
const CHEAP = 10;

function keyFile(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-key-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'key');
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

function credentials(changes: Partial<CredentialPorts> = {}) {
  return createCredentials({
    env: {},
    keychain: { find: async () => null, save: async () => undefined, remove: async () => undefined },
    passphrase: async () => null,
    ...changes,
  });
}

const file = (path: string): KeyReference => ({ kind: 'file', path });

function revealed(found: FoundKey): string {
  if (found.kind !== 'found') throw new Error(`expected a key, got ${inspect(found)}`);
  return found.key.reveal();
}

function problemOf(found: FoundKey): string {
  if (found.kind !== 'missing') throw new Error(`expected a missing key, got ${found.kind}`);
  return found.problem;
}

describe('a reference to a key', () => {
  it.each([
    ['env:OPENAI_API_KEY', { kind: 'env', name: 'OPENAI_API_KEY' }],
    ['file:/run/secrets/key', { kind: 'file', path: '/run/secrets/key' }],
    ['file:./keys/openai', { kind: 'file', path: '/etc/rungate/keys/openai' }],
    ['keychain:openai', { kind: 'keychain', name: 'openai' }],
    ['none', { kind: 'none' }],
  ])('%j is read', (text, reference) => {
    expect(parseKeyReference(text, '/etc/rungate')).toEqual({ kind: 'parsed', reference });
  });

  it.each([
    '',
    'env:',
    'env:9X',
    'env:A B',
    'file:',
    'file:a\0b',
    'keychain:',
    'keychain:../x',
    'None',
    KEY,
    `env:${KEY}`,
  ])('%j is refused without being repeated', (text) => {
    const parsed = parseKeyReference(text, '/');
    expect(parsed.kind).toBe('invalid');
    expect(inspect(parsed)).not.toContain(KEY);
  });

  it('is rendered as it is read', () => {
    for (const text of ['env:A', 'file:/a/b', 'keychain:a', 'none']) {
      const parsed = parseKeyReference(text, '/');
      expect(parsed.kind === 'parsed' && renderKeyReference(parsed.reference)).toBe(text);
    }
  });
});

describe('finding a key', () => {
  it('takes it from the environment, without surrounding blanks', async () => {
    const found = await credentials({ env: { K: ` ${KEY}\n` } }).find({ kind: 'env', name: 'K' });
    expect(revealed(found)).toBe(KEY);
  });

  it('says which variable is missing', async () => {
    expect(problemOf(await credentials().find({ kind: 'env', name: 'K' }))).toContain('K is not set');
  });

  it('takes it from a file that only its owner can read', async () => {
    expect(revealed(await credentials().find(file(keyFile(`${KEY}\n`))))).toBe(KEY);
    expect(revealed(await credentials().find(file(keyFile(KEY, 0o400))))).toBe(KEY);
  });

  it.each([0o640, 0o604, 0o620, 0o644, 0o660, 0o601])('refuses a file of mode %o and says what to do', async (mode) => {
    const problem = problemOf(await credentials().find(file(keyFile(KEY, mode))));
    expect(problem).toContain('chmod 600');
    expect(problem).not.toContain(KEY);
  });

  it('refuses a folder, a named pipe, a missing file and a file too large, at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rungate-key-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const pipe = join(folder, 'pipe');
    execFileSync('/bin/sh', ['-c', 'mkfifo -m 600 "$1"', 'sh', pipe]);
    expect(problemOf(await credentials().find(file(pipe)))).toContain('not a plain file');
    expect(problemOf(await credentials().find(file(folder)))).toContain('not a plain file');
    expect(problemOf(await credentials().find(file(join(folder, 'absent'))))).toContain('does not exist');
    expect(problemOf(await credentials().find(file(keyFile('x'.repeat(65 * 1024)))))).toContain('too large');
  });

  it.each(['', '  \n', 'two words', 'two\nlines', 'a\r\nx-evil: 1', 'k\u00e9y', 'tab\tbed'])(
    'refuses %j, which cannot be a header value of its own',
    async (text) => {
      expect((await credentials().find(file(keyFile(text)))).kind).toBe('missing');
      expect((await credentials({ env: { K: text } }).find({ kind: 'env', name: 'K' })).kind).toBe('missing');
    },
  );

  it('opens a sealed file with the passphrase, and only with it', async () => {
    const path = keyFile(await sealSecret(secretOf(KEY), 'correct horse', CHEAP));
    expect(revealed(await credentials({ passphrase: async () => 'correct horse' }).find(file(path)))).toBe(KEY);
    expect(problemOf(await credentials({ passphrase: async () => 'wrong' }).find(file(path)))).toContain('passphrase');
    expect(problemOf(await credentials().find(file(path)))).toContain('RUNGATE_PASSPHRASE');
  });

  it('takes it from the keychain of the host', async () => {
    const keychain = {
      find: async (name: string) => (name === 'a' ? KEY : null),
      save: async () => undefined,
      remove: async () => undefined,
    };
    expect(revealed(await credentials({ keychain }).find({ kind: 'keychain', name: 'a' }))).toBe(KEY);
    expect(problemOf(await credentials({ keychain }).find({ kind: 'keychain', name: 'b' }))).toContain('named b');
  });

  it('says so where the host has no keychain', async () => {
    const found = await credentials({ keychain: null }).find({ kind: 'keychain', name: 'a' });
    expect(problemOf(found)).toBe('There is no keychain here for keychain:a: use env:NAME or file:PATH.');
  });

  it('reports a keychain that fails, without its words', async () => {
    const keychain = {
      find: () => Promise.reject(new Error(`locked ${KEY}`)),
      save: async () => undefined,
      remove: async () => undefined,
    };
    const problem = problemOf(await credentials({ keychain }).find({ kind: 'keychain', name: 'a' }));
    expect(problem).toContain('keychain:a');
    expect(problem).not.toContain(KEY);
  });

  it('finds nothing to send for a provider without a key', async () => {
    expect(await credentials().find({ kind: 'none' })).toEqual({ kind: 'none' });
  });

  it('looks once for calls at the same time, remembers, and looks again when told to forget', async () => {
    const asked: string[] = [];
    const keychain = {
      find: async (name: string) => {
        asked.push(name);
        return `${KEY}-${asked.length}`;
      },
      save: async () => undefined,
      remove: async () => undefined,
    };
    const found = credentials({ keychain });
    const reference: KeyReference = { kind: 'keychain', name: 'a' };
    const [one, two] = await Promise.all([found.find(reference), found.find(reference)]);
    expect([revealed(one), revealed(two), revealed(await found.find(reference))]).toEqual(Array(3).fill(`${KEY}-1`));
    found.forget();
    expect(revealed(await found.find(reference))).toBe(`${KEY}-2`);
  });

  it('does not remember a failure, so that the person can repair it', async () => {
    const env: Record<string, string> = {};
    const found = credentials({ env });
    expect((await found.find({ kind: 'env', name: 'K' })).kind).toBe('missing');
    env['K'] = KEY;
    expect(revealed(await found.find({ kind: 'env', name: 'K' }))).toBe(KEY);
  });
});

describe('a secret', () => {
  it('prints as [secret] however it is printed', () => {
    const secret = secretOf(KEY);
    const error = new Error(`failed with ${String(secret)}`, { cause: secret });
    const printed = [
      String(secret),
      [secret].join(),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: [secret] }, { depth: 9, showHidden: true }),
      inspect(error),
      Object.entries(secret).map(String).join(),
    ].join('\n');
    expect(printed).toContain('[secret]');
    expect(printed).not.toContain(KEY);
    expect(secret.reveal()).toBe(KEY);
  });

  it('cannot be cloned out of its closure', () => {
    expect(() => structuredClone(secretOf(KEY))).toThrow();
  });
});

describe('a sealed secret', () => {
  it('does not contain the secret and differs each time', async () => {
    const one = await sealSecret(secretOf(KEY), 'p', CHEAP);
    expect(one).not.toContain(KEY);
    expect(await sealSecret(secretOf(KEY), 'p', CHEAP)).not.toBe(one);
  });

  it('opens under the default cost', async () => {
    const sealed = await sealSecret(secretOf(KEY), 'p');
    expect(JSON.parse(sealed)).toMatchObject({ rungate_sealed: 1, cost: 17 });
    const opened = await openSecret(sealed, 'p');
    expect(opened.kind === 'opened' && opened.secret.reveal()).toBe(KEY);
  });

  it('opens with the same passphrase typed on another keyboard', async () => {
    const opened = await openSecret(await sealSecret(secretOf(KEY), 'caf\u00e9', CHEAP), 'cafe\u0301');
    expect(opened.kind).toBe('opened');
  });

  it('does not open when any of its parts was changed', async () => {
    const sealed = JSON.parse(await sealSecret(secretOf(KEY), 'p', CHEAP)) as Record<string, string | number>;
    const flipped = (text: string): string => {
      const bytes = Buffer.from(text, 'base64');
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      return bytes.toString('base64');
    };
    for (const part of ['salt', 'nonce', 'sealed']) {
      const changed = { ...sealed, [part]: flipped(String(sealed[part])) };
      expect((await openSecret(JSON.stringify(changed), 'p')).kind, part).toBe('not_opened');
    }
    expect((await openSecret(JSON.stringify({ ...sealed, cost: CHEAP + 1 }), 'p')).kind).toBe('not_opened');
    expect((await openSecret(JSON.stringify({ ...sealed, sealed: 'AAAA' }), 'p')).kind).toBe('not_opened');
  });

  it.each(['{"rungate_sealed":1', '{"rungate_sealed":2}', '[]', 'null'])('%j is called damaged', async (text) => {
    expect(await openSecret(text, 'p')).toEqual({
      kind: 'not_opened',
      problem: 'The sealed secret is damaged; seal it again.',
    });
  });

  it('cannot make the reader spend more than 1 GiB on it', async () => {
    const sealed = JSON.parse(await sealSecret(secretOf(KEY), 'p', CHEAP)) as object;
    const opened = await openSecret(JSON.stringify({ ...sealed, cost: 30 }), 'p');
    expect(opened).toMatchObject({ kind: 'not_opened' });
  });

  it('is never made with an empty passphrase', async () => {
    await expect(sealSecret(secretOf(KEY), '')).rejects.toThrow(RangeError);
  });
});
