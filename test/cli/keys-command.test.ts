import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecret } from '../../proxy-core/providers/secrets.ts';
import { rungate, temporaryFolder } from './rungate-process.ts';

const KEY = 'sk-canary-41d2';
const PASSPHRASE = { RUNGATE_PASSPHRASE: 'correct horse' };

const errorOf = (text: string): unknown => (JSON.parse(text) as { error: unknown }).error;

async function openedBy(file: string, passphrase: string): Promise<string> {
  const opened = await openSecret(readFileSync(file, 'utf8'), passphrase);
  return opened.kind === 'opened' ? opened.secret.reveal() : opened.problem;
}

describe('rungate keys seal', () => {
  it('seals the piped key into a private file that the passphrase opens, and never prints it', async () => {
    const file = join(temporaryFolder(), 'openai.key');
    const { code, out, err } = await rungate(['keys', 'seal', file, '--json'], PASSPHRASE, `${KEY}\n`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual({ file, reference: `file:${file}` });
    expect(readFileSync(file, 'utf8')).not.toContain(KEY);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await openedBy(file, 'correct horse')).toBe(KEY);
    expect(await openedBy(file, 'wrong')).toContain('The passphrase is wrong');
  });

  it('leaves a file that is there as it is, also a link to nothing', async () => {
    const folder = temporaryFolder();
    const [file, link] = [join(folder, 'taken'), join(folder, 'link')];
    writeFileSync(file, 'mine');
    symlinkSync(join(folder, 'elsewhere'), link);
    for (const taken of [file, link]) {
      const { code, out, err } = await rungate(['keys', 'seal', taken, '--json'], PASSPHRASE, KEY);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(errorOf(err)).toEqual({
        code: 'file_exists',
        message: `${taken} exists already.`,
        hint: 'Give another file, or replace it with --force.',
      });
    }
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('replaces it with --force, private whatever it was before', async () => {
    const file = join(temporaryFolder(), 'key');
    writeFileSync(file, 'old', { mode: 0o644 });
    expect(await rungate(['keys', 'seal', file, '--force'], PASSPHRASE, KEY)).toMatchObject({ code: 0 });
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await openedBy(file, 'correct horse')).toBe(KEY);
  });

  it.each([
    ['no passphrase', {}, KEY, 'passphrase_missing'],
    ['no key', PASSPHRASE, '\n', 'key_invalid'],
    ['two lines', PASSPHRASE, `${KEY}\n${KEY}`, 'key_invalid'],
    ['a sealed key', PASSPHRASE, '{"rungate_sealed":1}', 'key_invalid'],
    ['far too much', PASSPHRASE, 'x'.repeat(70_000), 'key_invalid'],
  ])('refuses %s, writes nothing and repeats nothing of it', async (_what, env, input, failure) => {
    const file = join(temporaryFolder(), 'key');
    const { code, out, err } = await rungate(['keys', 'seal', file, '--json'], env, input);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(errorOf(err)).toMatchObject({ code: failure, hint: expect.any(String) });
    expect(err).not.toContain(KEY);
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('says why a file cannot be written', async () => {
    const folder = join(temporaryFolder(), 'absent');
    const { code, err } = await rungate(['keys', 'seal', join(folder, 'key')], PASSPHRASE, KEY);
    expect(code).toBe(1);
    expect(err).toContain(`cannot be written: there is no folder ${folder}.\n`);
  });
});

describe('rungate keys check', () => {
  const provider = (id: string, key: string): string =>
    `  - { id: ${id}, base_url: "https://a.example", formats: [chat], key: "${key}" }\n`;

  it('says of each key of a configuration whether it can be found, and never shows one', async () => {
    const folder = temporaryFolder();
    const config = join(folder, 'rungate.yaml');
    await rungate(['keys', 'seal', join(folder, 'sealed')], PASSPHRASE, KEY);
    writeFileSync(join(folder, 'damaged'), '{"rungate_sealed":2}', { mode: 0o600 });
    writeFileSync(
      config,
      `providers:\n${provider('sealed', 'file:sealed')}${provider('damaged', 'file:damaged')}${provider('set', 'env:KEY_A')}${provider('unset', 'env:KEY_B')}${provider('free', 'none')}${provider('chain', 'keychain:a')}agents: [{ name: bot, token: "env:KEY_C" }]\n`,
    );
    const found = await rungate(['keys', 'check', '--config', config, '--json'], { ...PASSPHRASE, KEY_A: KEY });
    expect({ code: found.code, err: found.err }).toEqual({ code: 1, err: '' });
    const report = JSON.parse(found.out) as { ok: boolean; keys: { name: string; state: string; problem: string }[] };
    expect(report.ok).toBe(false);
    expect(report.keys.map(({ name, state }) => [name, state])).toEqual([
      ['provider sealed', 'found'],
      ['provider damaged', 'missing'],
      ['provider set', 'found'],
      ['provider unset', 'missing'],
      ['provider free', 'none'],
      ['provider chain', 'missing'],
      ['agent bot', 'missing'],
    ]);
    expect(found.out).not.toContain(KEY);
    const locked = await rungate(['keys', 'check', '--config', config], { KEY_A: KEY });
    expect(locked.out).toMatch(
      /missing {2}provider sealed: file:sealed\n {9}The key file .* is sealed: set RUNGATE_PASSPHRASE/,
    );
  });

  it('exits 0 when all are found', async () => {
    const config = join(temporaryFolder(), 'rungate.yaml');
    writeFileSync(config, `providers:\n${provider('set', 'env:KEY_A')}${provider('free', 'none')}`);
    const { code, out } = await rungate(['keys', 'check', '--config', config], { KEY_A: KEY });
    expect({ code, out }).toEqual({
      code: 0,
      out: 'found    provider set: env:KEY_A\nnone     provider free: none\n',
    });
  });

  it('looks at the built-in providers without a configuration; one key is enough', async () => {
    expect(await rungate(['keys', 'check'])).toMatchObject({ code: 1 });
    const { code, out } = await rungate(['keys', 'check'], { OPENAI_API_KEY: KEY });
    expect(code).toBe(0);
    expect(out).toContain('found    provider openai: env:OPENAI_API_KEY\n');
    expect(out).toContain('missing  provider anthropic: env:ANTHROPIC_API_KEY\n');
  });

  it('reports a configuration that is no valid one', async () => {
    const config = join(temporaryFolder(), 'rungate.yaml');
    writeFileSync(config, 'provider: []\n');
    const { code, err } = await rungate(['keys', 'check', '--config', config, '--json']);
    expect(code).toBe(1);
    expect(errorOf(err)).toMatchObject({ code: 'config_invalid' });
  });
});
