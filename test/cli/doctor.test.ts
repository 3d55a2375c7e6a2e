import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Check } from '../../electron/cli/doctor/check.ts';
import { storeFile } from '../../electron/cli/home.ts';
import { STATUS } from './records.ts';
import { rungate, startCore, temporaryFolder } from './rungate-process.ts';

interface Report {
  readonly ok: boolean;
  readonly enforcement: string;
  readonly checks: readonly Check[];
}

/** The report and exit code of a home; ports are free ones unless the configuration names others. */
async function examine(home: string, configuration = '', env: Readonly<Record<string, string>> = {}) {
  const file = join(temporaryFolder(), 'rungate.yaml');
  writeFileSync(
    file,
    /^agent_port/m.test(configuration) ? configuration : `agent_port: 0\nconsole_port: 0\n${configuration}`,
  );
  const ended = await rungate(['doctor', '--json', '--home', home, '--config', file], env);
  expect(ended.err).toBe('');
  const report = JSON.parse(ended.out) as Report;
  return { code: ended.code, report, of: (name: string) => report.checks.filter((check) => check.name === name) };
}

/** A TCP port held by this process. */
async function heldPort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

describe('rungate doctor without a core', () => {
  it('finds a fresh home fit, says that no core runs, and exits 0', async () => {
    const home = join(temporaryFolder(), 'new');
    const { code, report, of } = await examine(home);
    expect(code).toBe(0);
    expect(report).toMatchObject({ ok: true, enforcement: 'Advisory' });
    expect(of('core')).toMatchObject([{ status: 'warn', fix: `Start one with: npx rungate --home ${home} serve` }]);
    expect(of('enforcement')[0]?.detail).toMatch(/^Advisory: /);
    expect(report.checks.filter((check) => (check.fix === null) !== (check.status === 'ok'))).toEqual([]);
  });

  it('fails on a home that other users can look into', async () => {
    const home = temporaryFolder();
    chmodSync(home, 0o755);
    const { code, of } = await examine(home);
    expect(code).toBe(1);
    expect(of('home')).toMatchObject([{ status: 'fail', fix: `Close it: chmod 700 ${home}` }]);
  });

  it('fails on a home that cannot be made, and names what stands in the way', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const { code, of } = await examine(join(file, 'nobody', 'home'));
    expect(code).toBe(1);
    expect(of('home')[0]?.status).toBe('fail');
    expect(of('home')[0]?.detail).toContain(file);
  });

  it('tells a collector, a webhook and an anchor that cannot be reached or written from ones that can', async () => {
    const taken = join(temporaryFolder(), 'taken');
    writeFileSync(taken, '');
    const alive = await heldPort('127.0.0.1');
    const { of } = await examine(
      join(temporaryFolder(), 'new'),
      `otlp: { endpoint: "http://127.0.0.1:1" }
channels: { webhook: [{ name: up, url: "http://127.0.0.1:${alive}/x", secret: env:S }, { name: down, url: "http://127.0.0.1:1/x", secret: env:S }] }
audit: { anchors: [{ file: "${taken}/a.jsonl" }] }
`,
      { S: 'whsec_test' },
    );
    expect(of('collector')).toMatchObject([
      { status: 'warn', detail: 'http://127.0.0.1:1 cannot be reached: ECONNREFUSED' },
    ]);
    // Each is told twice: whether its secret is there, and whether it can be reached.
    expect(of('webhook up').map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(of('webhook down').map(({ status }) => status)).toEqual(['ok', 'warn']);
    expect(of('notifications')[0]?.detail).toMatch(/^by webhook \(up, down\)/);
    expect(of('anchors')).toMatchObject([
      { status: 'warn', detail: `${taken} cannot be written: ${taken} is not a folder` },
    ]);
    expect(of('disk')).toMatchObject([{ name: 'disk' }]);
  });

  it('names the proxy of the network, where it was named, and that it does not answer, never its password', async () => {
    const provider =
      'providers: [{ id: openai, base_url: "https://api.provider.test/v1", formats: [chat], key: none }]\n';
    const env = { HTTPS_PROXY: 'http://ann:hunter2@127.0.0.1:1' };
    const { code, report, of } = await examine(join(temporaryFolder(), 'new'), provider, env);
    expect(code).toBe(1);
    expect(of('network')).toMatchObject(
      [
        {
          status: 'ok',
          detail: /through the proxy http:\/\/127\.0\.0\.1:1 \(from HTTPS_PROXY\); certificates: the system’s$/,
        },
        { status: 'fail', detail: /cannot be reached: ECONNREFUSED/ },
      ].map(({ status, detail }) => ({ status, detail: expect.stringMatching(detail) })),
    );
    expect(JSON.stringify(report)).not.toContain('hunter2');
    const none = await examine(join(temporaryFolder(), 'new'), `${provider}upstream: { proxy: none }\n`, env);
    expect(none.of('network')).toMatchObject([{ status: 'ok', detail: expect.stringContaining('test directly') }]);
  });

  it('fails on a file of authorities that holds none', async () => {
    const { code, of } = await examine(join(temporaryFolder(), 'new'), 'upstream: { ca: ./nothing.pem }\n');
    expect(code).toBe(1);
    expect(of('network')[0]?.detail).toMatch(/upstream\.ca cannot be used/);
  });

  it('fails on a home that is a file', async () => {
    const home = join(temporaryFolder(), 'file');
    writeFileSync(home, '');
    expect((await examine(home)).of('home')).toMatchObject([{ status: 'fail' }]);
  });

  it.skipIf(process.platform === 'win32')('fails on a home that it cannot look into, and goes on', async () => {
    const home = join(temporaryFolder(), 'loop');
    symlinkSync(home, home);
    const { code, report, of } = await examine(home);
    expect(code).toBe(1);
    expect(of('home')).toMatchObject([{ status: 'fail', detail: expect.stringContaining('may not look') }]);
    expect(of('store')).toMatchObject([{ status: 'fail' }]);
    expect(report.checks.at(-1)?.name).toBe('enforcement');
  });

  it('opens the store without changing it', async () => {
    const home = temporaryFolder();
    const connection = new Database(storeFile(home));
    connection.pragma('journal_mode = WAL');
    connection.exec('CREATE TABLE t (x INTEGER) STRICT; PRAGMA user_version = 10');
    const open = await examine(home);
    expect(open.of('store')).toMatchObject([{ status: 'ok', detail: expect.stringContaining('schema 10') }]);
    connection.exec('INSERT INTO t VALUES (1)');
    connection.close();
    const before = readFileSync(storeFile(home));
    const closed = await examine(home);
    expect(readFileSync(storeFile(home)).equals(before)).toBe(true);
    // SQLite leaves an empty log behind a reader of a database in WAL mode.
    expect(statSync(`${storeFile(home)}-wal`).size).toBe(0);
    expect(closed.of('store')).toMatchObject([{ status: 'ok', detail: expect.stringContaining('1 tables') }]);
  });

  it('fails on a store that is no database', async () => {
    const home = temporaryFolder();
    writeFileSync(storeFile(home), 'x'.repeat(4096));
    const { code, of } = await examine(home);
    expect(code).toBe(1);
    expect(of('store')).toMatchObject([{ status: 'fail', detail: expect.stringContaining('not a database') }]);
  });

  it('fails on a port that another program holds, and names it where the system tells', async () => {
    const port = await heldPort('127.0.0.1');
    const { code, of } = await examine(temporaryFolder(), `agent_port: ${port}\nconsole_port: 0\n`);
    expect(code).toBe(1);
    const holder = process.platform === 'linux' ? `(pid ${process.pid})` : 'another program';
    expect(of('agent port')).toMatchObject([{ status: 'fail', detail: expect.stringContaining(holder) }]);
  });

  it('warns of a program that answers for localhost on ::1', async () => {
    const port = await heldPort('::1');
    const { of } = await examine(temporaryFolder(), `agent_port: ${port}\nconsole_port: 0\n`);
    expect(of('agent port')).toMatchObject([
      { status: 'ok' },
      { status: 'warn', detail: expect.stringContaining(`[::1]:${port}`) },
    ]);
  });

  it('names every problem of a configuration with its line', async () => {
    const { code, of } = await examine(temporaryFolder(), 'team: []\nagent: []\n');
    expect(code).toBe(1);
    expect(of('configuration').map((check) => check.detail.split(':').slice(1, 3))).toEqual([
      ['3', '1'],
      ['4', '1'],
    ]);
  });

  it('tells whether each reference leads to a secret and never shows it', async () => {
    const folder = temporaryFolder();
    const [closed, open] = [join(folder, 'closed'), join(folder, 'open')];
    writeFileSync(closed, 'sk-closed', { mode: 0o600 });
    writeFileSync(open, 'sk-open', { mode: 0o644 });
    const provider = (id: string, key: string) =>
      `  - { id: ${id}, base_url: "https://a.example", formats: [chat], key: "${key}" }\n`;
    const { code, report, of } = await examine(
      temporaryFolder(),
      `providers:\n${provider('set', 'env:KEY_A')}${provider('unset', 'env:KEY_B')}${provider('closed', `file:${closed}`)}${provider('open', `file:${open}`)}${provider('gone', 'file:./gone')}${provider('free', 'none')}`,
      { KEY_A: 'sk-env' },
    );
    expect(code).toBe(1);
    const statuses = ['set', 'unset', 'closed', 'open', 'gone', 'free'].map((id) => of(`provider ${id}`)[0]?.status);
    expect(statuses).toEqual(['ok', 'fail', 'ok', 'fail', 'fail', 'ok']);
    expect(JSON.stringify(report)).not.toContain('sk-');
  });

  it('prints for people one line per check and what to do', async () => {
    const home = join(temporaryFolder(), 'new');
    const { out } = await rungate(['doctor', '--home', home], { OPENAI_API_KEY: 'sk-env' });
    expect(out).toContain(
      `warn  core: none is running for ${home}\n      Start one with: npx rungate --home ${home} serve\n`,
    );
    expect(out).toContain('ok    providers: OPENAI_API_KEY set in this environment\n');
    expect(out).not.toContain('sk-env');
  });
});

describe('rungate doctor beside a running core', () => {
  async function examineRunning(status: object) {
    const home = temporaryFolder();
    await startCore(home, () => ({ ok: true, value: { ...STATUS, ...status } }));
    return examine(home);
  }

  it('says who holds the ports and whether keys are set', async () => {
    const { code, of } = await examineRunning({});
    expect(code).toBe(0);
    expect(of('core')).toMatchObject([{ status: 'ok', detail: expect.stringContaining('pid 4711') }]);
    expect(of('agent port')[0]?.detail).toContain('held by this core (pid 4711)');
    expect(of('provider openai')).toMatchObject([
      { status: 'ok', detail: expect.stringContaining('env:OPENAI_API_KEY') },
    ]);
  });

  it('names the programs that called and that nobody has measured', async () => {
    expect((await examineRunning({})).of('clients')).toMatchObject([{ status: 'ok' }]);
    const unknown_clients = [{ user_agent: 'my-agent/0.1', agent: 'refactor-bot', calls: 3 }];
    expect((await examineRunning({ unknown_clients })).of('clients')).toMatchObject([
      { status: 'warn', detail: expect.stringContaining('my-agent/0.1 (agent refactor-bot, 3 calls)') },
    ]);
  });

  it('fails when the core cannot write its store', async () => {
    const { code, of } = await examineRunning({ store: { ok: false, detail: 'disk full' } });
    expect(code).toBe(1);
    expect(of('store')).toContainEqual(expect.objectContaining({ status: 'fail', detail: 'disk full' }));
  });

  it('warns while everything is paused', async () => {
    expect((await examineRunning({ paused: true })).of('core')).toMatchObject([{ status: 'warn' }]);
  });

  it('fails on a missing key only where the configuration asks for it', async () => {
    const providers = [{ ...STATUS.providers[0], key: 'missing' }];
    expect((await examineRunning({ providers })).of('provider openai')).toMatchObject([{ status: 'warn' }]);
    const configured = await examineRunning({ providers, config_file: '/etc/rungate.yaml' });
    expect(configured.of('provider openai')).toMatchObject([{ status: 'fail' }]);
  });
});
