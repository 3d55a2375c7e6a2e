import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestRungate } from '../harness/rungate.ts';

/** Someone else on our port would be given the agents' tokens. */

const squatters: Server[] = [];
afterEach(async () => {
  for (const server of squatters.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function squat(host: string, port = 0): Promise<number> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  squatters.push(server);
  return (server.address() as AddressInfo).port;
}

const HAS_IPV6 =
  spawnSync(process.execPath, [
    '-e',
    "require('net').createServer().listen(0, '::1', () => process.exit(0)).on('error', () => process.exit(1))",
  ]).status === 0;

describe.each(['agentPort', 'operatorPort'] as const)('A10 the %s', (which) => {
  const start = async (port: number): Promise<unknown> => {
    const home = mkdtempSync(join(tmpdir(), 'rungate-squat-'));
    try {
      const rungate = await startTestRungate({ home, operatorPort: 0, [which]: port });
      await rungate.close();
      return null;
    } catch (error) {
      return error;
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  };

  it('is not moved when it is taken on 127.0.0.1: the start is refused', async () => {
    const port = await squat('127.0.0.1');
    expect(await start(port)).toMatchObject({ code: 'EADDRINUSE', port });
  });

  it.skipIf(!HAS_IPV6)('is refused too when it is taken on ::1, where localhost may lead', async () => {
    const port = await squat('::1');
    expect(await start(port)).toMatchObject({ code: 'EADDRINUSE', port });
  });
});

it('A10 the published address is the literal 127.0.0.1', async () => {
  const rungate = await startTestRungate({ operatorPort: 0 });
  expect(rungate.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(rungate.core.operator?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  await rungate.close();
});

it('a start that was refused leaves the home free for the next one', async () => {
  const port = await squat('127.0.0.1');
  const home = mkdtempSync(join(tmpdir(), 'rungate-squat-'));
  await expect(startTestRungate({ home, agentPort: port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(readdirSync(home)).toEqual([]);
  const rungate = await startTestRungate({ home });
  expect(await rungate.call('core.status', {})).toMatchObject({ store: { ok: true } });
  await rungate.close();
});
