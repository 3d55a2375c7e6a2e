import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareSocketFolder, socketPath } from '../../electron/socket-path.ts';
import { CANARY, type EventfulRun, playEventfulRun, RUN_ID } from '../harness/eventful-run.ts';
import { RUNGATE, rungate as runRungate, start, temporaryFolder } from './rungate-process.ts';

let run: EventfulRun;
let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'rungate-export-cli-'));
  const socket = socketPath(home);
  run = await playEventfulRun({ home, commandSocket: socket, beforeListen: () => prepareSocketFolder(socket) });
});

afterAll(() => run.close());

const rungate = (...argv: string[]) => runRungate(argv, { RUNGATE_HOME: home });

describe('rungate export', () => {
  it.each(['json', 'html', 'csv', 'otlp', 'bundle'])(
    'writes a run as %s that rungate verify finds genuine',
    async (format) => {
      const out = join(temporaryFolder(), `run.${format}`);
      const ended = await rungate('export', RUN_ID, '--format', format, '--out', out);
      expect(ended).toMatchObject({ code: 0, out: expect.stringMatching(/secrets masked: \d/) });
      if (process.platform !== 'win32') expect(statSync(out).mode & 0o777).toBe(0o600);
      expect(readFileSync(out).includes(CANARY)).toBe(false);
      expect(await rungate('verify', out)).toMatchObject({ code: 0, out: expect.stringContaining('Genuine') });
    },
  );

  it('never overwrites a file unless it is told to, and leaves nothing beside it', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'run.csv');
    writeFileSync(out, 'mine');
    expect(await rungate('export', RUN_ID, '--format', 'csv', '--out', out)).toMatchObject({
      code: 1,
      err: expect.stringContaining('--force'),
    });
    expect(readFileSync(out, 'utf8')).toBe('mine');
    expect(await rungate('export', RUN_ID, '--format', 'csv', '--out', out, '--force')).toMatchObject({ code: 0 });
    expect(readdirSync(folder).sort()).toEqual(['run.csv', 'run.csv.sig']);
    writeFileSync(join(folder, 'b.csv.sig'), 'mine');
    expect((await rungate('export', RUN_ID, '--format', 'csv', '--out', join(folder, 'b.csv'))).code).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(['b.csv.sig', 'run.csv', 'run.csv.sig']);
  });

  it('puts a run into a folder under its own name', async () => {
    const folder = temporaryFolder();
    const ended = await rungate('export', RUN_ID, '--format', 'json', '--out', folder, '--json');
    expect(JSON.parse(ended.out)).toMatchObject({ files: [join(folder, `rungate-${RUN_ID}.json`)], runs: 1 });
  });

  it('leaves prompts out when asked', async () => {
    const out = join(temporaryFolder(), 'bare.json');
    expect((await rungate('export', RUN_ID, '--format', 'json', '--out', out, '--no-prompts')).code).toBe(0);
    expect(readFileSync(out, 'utf8')).not.toContain('Please work through');
    expect((await rungate('verify', out)).code).toBe(0);
  });

  it('writes all runs of a time into a folder, each genuine, and overwrites none', async () => {
    const folder = join(temporaryFolder(), 'new');
    const ended = await rungate('export', '--since', '1d', '--format', 'csv', '--out', folder);
    expect(ended).toMatchObject({ code: 0 });
    const files = [`rungate-${RUN_ID}.csv`, `rungate-${RUN_ID}.csv.sig`];
    expect(readdirSync(folder).sort()).toEqual(files);
    expect((await rungate('verify', join(folder, files[0] ?? ''))).code).toBe(0);
    expect(await rungate('export', '--since', '1d', '--format', 'csv', '--out', folder)).toMatchObject({
      code: 1,
      err: expect.stringContaining('is there already'),
    });
    expect(readdirSync(folder).sort()).toEqual(files);
  });

  it('leaves nothing in the core that waits to be fetched', async () => {
    const out = join(temporaryFolder(), 'run.html');
    await rungate('export', RUN_ID, '--out', out);
    expect(readdirSync(join(home, 'exports'))).toEqual([]);
  });

  it('says what is wrong: no run, no time, no folder, no browser', async () => {
    const folder = temporaryFolder();
    expect((await rungate('export', '--out', folder)).code).toBe(2);
    expect((await rungate('export', RUN_ID, '--since', '1d', '--out', folder)).code).toBe(2);
    expect((await rungate('export', RUN_ID, '--format', 'docx', '--out', folder)).code).toBe(2);
    expect(await rungate('export', 'nobody', '--out', join(folder, 'x.html'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('no run'),
    });
    expect(await rungate('export', RUN_ID, '--out', join(folder, 'none', 'x.html'))).toMatchObject({ code: 1 });
    expect(await rungate('export', RUN_ID, '--format', 'pdf', '--out', join(folder, 'x.pdf'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('Chromium'),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses a file whose bytes were changed, naming the part', async () => {
    const out = join(temporaryFolder(), 'run.json');
    await rungate('export', RUN_ID, '--format', 'json', '--out', out);
    writeFileSync(out, readFileSync(out, 'utf8').replace('"kind":"gate.rejected"', '"kind":"gate.approved"'));
    const ended = await rungate('verify', out, '--json');
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.out)).toMatchObject({
      ok: false,
      broken: { seq: expect.any(Number), part: expect.stringContaining('audit record') },
    });
  });

  it('tells another home that the signer is unknown, unless it names the key', async () => {
    const out = join(temporaryFolder(), 'run.json');
    await rungate('export', RUN_ID, '--format', 'json', '--out', out);
    const other = temporaryFolder();
    mkdirSync(other, { recursive: true });
    const elsewhere = await runRungate(['verify', out], { RUNGATE_HOME: other });
    expect(elsewhere).toMatchObject({ code: 1, out: expect.stringContaining('signer unknown') });
    const { key } = await run.rungate.call('audit.status', {});
    expect((await runRungate(['verify', out, '--key', key], { RUNGATE_HOME: other })).code).toBe(0);
    expect((await runRungate(['verify', out, '--key', key.replace('SHA256:', '')], { RUNGATE_HOME: other })).code).toBe(
      0,
    );
  });

  it('leaves nothing half-written when it is interrupted', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'run.html');
    const known = new Set(run.rungate.events.map(({ body }) => (body as { export_id?: string }).export_id));
    const running = start([RUNGATE, 'export', RUN_ID, '--out', out], { RUNGATE_HOME: home });
    await run.rungate.event('export.progress', ({ body }) => !known.has((body as { export_id: string }).export_id));
    running.child.kill('SIGTERM');
    await running.finished;
    const left = readdirSync(folder);
    if (left.length > 0) expect((await rungate('verify', out)).code).toBe(0);
    expect(left.every((name) => name === 'run.html')).toBe(true);
    rmSync(folder, { recursive: true, force: true });
  });
});
