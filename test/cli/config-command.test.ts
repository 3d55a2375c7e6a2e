import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rungate, temporaryFolder } from './rungate-process.ts';

function fileWith(text: string): string {
  const file = join(temporaryFolder(), 'rungate.yaml');
  writeFileSync(file, text);
  return file;
}

describe('rungate config check', () => {
  it('exits 0 for a valid file, without a core', async () => {
    const file = fileWith('providers: [{ id: demo }]\n');
    expect(await rungate(['config', 'check', file])).toMatchObject({
      code: 0,
      out: `${file} is a valid configuration.\n`,
    });
    expect(JSON.parse((await rungate(['config', 'check', file, '--json'])).out)).toEqual({
      file,
      ok: true,
      problems: [],
    });
  });

  it('exits 1 and lists problems with their lines', async () => {
    const file = fileWith('\nprovider: []\n');
    const message = 'unknown key `provider`; did you mean `providers`?';
    expect(await rungate(['config', 'check', file])).toMatchObject({
      code: 1,
      out: `${file}:2:1: provider: ${message}\n`,
    });
    const { code, out } = await rungate(['config', 'check', file, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({ file, ok: false, problems: [{ line: 2, column: 1, path: 'provider', message }] });
  });

  it('exits 1 for a file that is no text', async () => {
    const file = join(temporaryFolder(), 'x.yaml');
    writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00]));
    const { code, err } = await rungate(['config', 'check', file]);
    expect({ code, err }).toEqual({ code: 1, err: `rungate: ${file} cannot be read: it is not UTF-8 text.\n` });
  });
});

describe('rungate config schema', () => {
  it('prints the JSON Schema with and without --json', async () => {
    const { code, out } = await rungate(['config', 'schema']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ title: 'Rungate configuration', additionalProperties: false });
    expect(JSON.parse((await rungate(['config', 'schema', '--json'])).out)).toEqual(JSON.parse(out));
  });
});
