import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RUNGATE, rungate, type Started, startProgram } from '../cli/rungate-process.ts';
import { send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** What must not end a core: a crowd of connections, and folders of the system that cannot be written. */

const TOKEN = `rg_agt_${'d'.repeat(32)}`;
const IDLE = 300;
let home: string;
let upstream: ScriptedUpstream;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'rungate-descriptors-'));
  upstream = await startScriptedUpstream(answerAnything);
});
afterEach(async () => {
  await upstream.close();
  rmSync(home, { recursive: true, force: true });
});

/** Start `rungate serve` behind a line of shell, and wait until it serves. */
async function serve(before: string, { limits = '', at = home } = {}) {
  const config = join(home, 'rungate.yaml');
  writeFileSync(
    config,
    [
      'agent_port: 0',
      'console_port: 0',
      'audit: { anchors: [] }',
      `limits: { body_seconds: 600, headers_seconds: 600${limits} }`,
      `providers: [{ id: p, base_url: "${upstream.url}/v1", formats: [chat], models: ["*"], key: none }]`,
      'prices: { "*": { input_per_mtok: 1, output_per_mtok: 1 } }',
      'agents: [{ name: bot, token: env:BOT_TOKEN, budget: { run_usd: 5 } }]',
    ].join('\n'),
  );
  const command = [process.execPath, RUNGATE, 'serve', '--json', '--config', join(at, 'rungate.yaml'), '--home', at];
  const core = startProgram('sh', ['-c', `${before}; exec "$0" "$@"`, ...command], { BOT_TOKEN: TOKEN });
  await core.said('"pid"');
  return { core, ...(JSON.parse(core.out()) as { agent_url: string; console_url: string }) };
}

const ask = (url: string) =>
  send(url, {
    path: '/v1/chat/completions',
    token: TOKEN,
    body: { model: 'gpt-4.1', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] },
  });

/** Open connections that say nothing; resolves when each is open and was not turned away at once, or is closed. */
async function crowd(url: string, count: number): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(url);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      return socket;
    }),
  );
}

/** Close them all; resolves when the other side has closed too, so that it knows. */
const disperse = (sockets: readonly Socket[]): Promise<unknown> =>
  Promise.all(
    sockets
      .filter(({ closed }) => !closed)
      .map((socket) => {
        const closed = once(socket, 'close');
        socket.end();
        return closed;
      }),
  );

const stop = async ({ child, finished }: Started): Promise<void> => {
  child.kill('SIGTERM');
  expect(await finished).toMatchObject({ code: 0 });
};

describe.skipIf(process.platform === 'win32')('F1: a core that may open 128 files', () => {
  it('serves again when 300 idle connections to both its ports are gone', async () => {
    const { core, agent_url: url, console_url: consoleUrl } = await serve('ulimit -n 128');
    expect((await ask(url)).status).toBe(200);
    const idle = [...(await crowd(url, IDLE)), ...(await crowd(consoleUrl, IDLE))];
    // The operator gets through on the command socket meanwhile, and the store is well.
    const status = await rungate(['doctor', '--json', '--home', home]);
    expect(status.out).not.toContain('cannot be written');
    await disperse(idle);
    expect((await ask(url)).status).toBe(200);
    expect((await fetch(`${consoleUrl}/`)).status).toBeLessThan(500);
    expect(core.err()).toContain('http.connections_capped');
    await stop(core);
  });
});

it.skipIf(process.platform !== 'linux')(
  'a port turns away connections beyond its limits, those with a token stay',
  async () => {
    const { core, agent_url: url } = await serve('true', { limits: ', connections: 12, connections_before_token: 8' });
    const idle = await crowd(url, 8);
    // A burst of honest calls is accepted before one of them has been read: each has a moment to show its token.
    expect((await ask(url)).status).toBe(200);
    const [silent] = await crowd(url, 1);
    if (silent?.closed === false) await once(silent, 'close');
    expect(idle.filter(({ closed }) => closed)).toEqual([]);
    await disperse(idle.slice(0, 1));
    const kept: Socket[] = [];
    const { hostname, port } = new URL(url);
    // Connections that have shown a token no longer count among those that have not.
    for (let n = 0; n < 4; n += 1) {
      const socket = connect(Number(port), hostname);
      socket.write(`GET /v1/models HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 [25]/);
      kept.push(socket);
    }
    // Seven and four make eleven; the twelfth is the last.
    expect((await ask(url)).status).toBe(200);
    const last = await crowd(url, 1);
    await expect(ask(url)).rejects.toThrow();
    await disperse([...idle, ...kept, ...last]);
    expect((await ask(url)).status).toBe(200);
    await stop(core);
  },
);

/** Whether folders can be mounted over here, for one process only: needs Linux and its administrator. */
const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o ro tmpfs /var/tmp && mount --bind /var/tmp /mnt'])
    .status === 0;

describe.skipIf(!canMount)('F7: an export while the home folder is read-only', () => {
  it('says so in words, works again when it is not, and the core ends well meanwhile', async () => {
    const rungate = await startTestRungate({ home, upstreamUrl: upstream.url });
    const token = await rungate.addAgent('bot');
    const headers = { 'x-rungate-run-id': 'told' };
    const body = { model: 'gpt-4.1', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] };
    expect((await send(rungate.url, { path: '/v1/chat/completions', token, headers, body })).status).toBe(200);
    const prepare = (export_id: string) =>
      rungate.tryCall('exports.prepare', { export_id, run_id: 'told', format: 'json' });
    expect(await prepare('exp_0123456789')).toMatchObject({ ok: true });
    execFileSync('mount', ['--bind', home, home]);
    execFileSync('mount', ['-o', 'remount,ro,bind', home]);
    try {
      expect(await prepare('exp_1123456789')).toMatchObject({
        ok: false,
        failure: { code: 'store_unavailable', message: expect.stringContaining('the home folder is read-only') },
      });
      execFileSync('umount', [home]);
      expect(await prepare('exp_2123456789')).toMatchObject({ ok: true });
      execFileSync('mount', ['--bind', home, home]);
      execFileSync('mount', ['-o', 'remount,ro,bind', home]);
      await rungate.core.close();
    } finally {
      execFileSync('umount', [home]);
    }
  });
});

/** The checkout itself must not lie in a folder that is mounted over. */
const canHide = canMount && !RUNGATE.startsWith('/tmp/');

describe.skipIf(!canHide)('a hardened container: only the home folder can be written', () => {
  it('calls are let through although /tmp and /var/tmp are read-only', async () => {
    const mounts = `mount --bind ${home} /mnt; mount -t tmpfs -o ro tmpfs /tmp; mount -t tmpfs -o ro tmpfs /var/tmp; cd /tmp`;
    const shell = `exec unshare -m sh -c '${mounts}; exec "$0" "$@"' "$0" "$@"; true`;
    const { core, agent_url: url } = await serve(shell, { at: '/mnt' });
    const answer = await ask(url);
    expect(answer.status, answer.text).toBe(200);
    expect((await ask(url)).status).toBe(200);
    await stop(core);
  });
});
