import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderDemoLines } from '../../electron/cli/demo-lines.ts';
import { findStartProblem } from '../../electron/cli/start-problem.ts';
import { StoreRefused } from '../../proxy-core/store/refusal.ts';
import { start, temporaryFolder } from './rungate-process.ts';

const HOST = fileURLToPath(new URL('serve-host.ts', import.meta.url));

const serve = (...argv: string[]) => start([HOST, 'serve', '--port', '0', '--home', temporaryFolder(), ...argv]);

/** The document that `serve --json` prints, once it is there. */
async function announced(running: ReturnType<typeof start>) {
  await running.said('"pid"');
  return JSON.parse(running.out()) as { agent_url: string; console_url: string; launch_url: string; pid: number };
}

describe('rungate serve --json', () => {
  it('prints one line with where it is; logs go to standard error', async () => {
    const running = serve('--json', '--console-port', '4999');
    const document = await announced(running);
    expect(document).toEqual({
      agent_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      console_url: 'http://127.0.0.1:4999',
      launch_url: 'http://127.0.0.1:4999/launch',
      pid: running.child.pid,
    });
    running.child.kill('SIGTERM');
    const ended = await running.finished;
    expect(ended.out).toBe(`${JSON.stringify(document)}\n`);
    const [log] = ended.err.split('\n');
    expect(JSON.parse(log ?? '')).toMatchObject({ level: 'info', event: 'started' });
  });

  it('says why it cannot start, and what to do, as JSON on standard error', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void squatter.close());
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    const ended = await start([HOST, 'serve', '--json', '--port', String(port)]).finished;
    expect(ended).toMatchObject({ code: 1, out: '' });
    const holder = process.platform === 'linux' ? `(pid ${process.pid})` : 'another program';
    expect(JSON.parse(ended.err.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      error: {
        code: 'port_in_use',
        message: expect.stringContaining(`Port ${port} `),
        hint: expect.stringContaining('--port'),
      },
    });
    expect(ended.err).toContain(holder);
  });
});

/** A call whose answer has begun and ends when its request does. */
async function callInFlight(url: string) {
  const call = request(url, { method: 'POST', agent: false });
  call.flushHeaders();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { call, response };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('rungate serve, on %s', (signal) => {
  it('lets a call in flight finish and exits 0', async () => {
    const running = serve('--json');
    const { call, response } = await callInFlight((await announced(running)).agent_url);
    running.child.kill(signal);
    await running.said('calls in flight may finish');
    call.end('the rest');
    expect(JSON.parse((await response.toArray()).join(''))).toEqual({ limits: null });
    expect(await running.finished).toMatchObject({ code: 0, signal: null });
  });

  it('exits 1 at once on the second one', async () => {
    const running = serve('--json');
    const { response } = await callInFlight((await announced(running)).agent_url);
    running.child.kill(signal);
    await running.said('calls in flight may finish');
    running.child.kill(signal);
    expect(await running.finished).toMatchObject({ code: 1, signal: null });
    await expect(response.toArray()).rejects.toThrow('aborted');
  });
});

describe('rungate serve for people', () => {
  it('says where agents call and where the console is', async () => {
    const running = serve('--console-port', '4999');
    await running.said('/launch');
    expect(running.out()).toMatch(/Agents call {3}http:\/\/127\.0\.0\.1:\d+\n/);
    expect(running.out()).not.toContain('curl');
  });

  it('shows with --demo two commands with the real port and token', async () => {
    const running = serve('--demo');
    await running.said('node --input-type');
    const [, port] = /Agents call {3}http:\/\/127\.0\.0\.1:(\d+)/.exec(running.out()) ?? [];
    expect(running.out()).toContain(`curl http://127.0.0.1:${port}/v1/chat/completions`);
    expect(running.out()).toContain(`baseURL: 'http://127.0.0.1:${port}/v1', apiKey: 'rg_agt_demo'`);
  });
});

describe('a start that fails', () => {
  it('for the store’s refusal is explained with its advice', () => {
    const refused = new StoreRefused(
      'store_locked',
      'another Rungate is using this store (/h: x): stop it, or start with another --home',
    );
    expect(findStartProblem(refused)).toEqual({
      code: 'store_locked',
      message: 'another Rungate is using this store (/h: x)',
      hint: 'Stop it, or start with another --home.',
    });
  });

  it('for a reason the host explains is told in the host’s words', () => {
    const error = Object.assign(new Error('no home'), { hint: 'Make one.' });
    expect(findStartProblem(error)).toEqual({ code: 'start_failed', message: 'no home', hint: 'Make one.' });
  });

  it('for a bug keeps its stack', () => {
    expect(findStartProblem(new TypeError('x is undefined'))).toBeNull();
  });
});

describe('rungate serve --config', () => {
  it('hands the parsed file to the core', async () => {
    const file = join(temporaryFolder(), 'rungate.yaml');
    writeFileSync(file, 'limits: { max_body_mb: 3 }\n');
    const running = serve('--json', '--config', file);
    const { agent_url } = await announced(running);
    expect(await (await fetch(agent_url)).json()).toMatchObject({ limits: { max_body_mb: 3, header_kb: 64 } });
    expect(running.err()).toContain(JSON.stringify(file));
  });

  it('does not start on a file with problems and names each with its line', async () => {
    const file = join(temporaryFolder(), 'rungate.yaml');
    writeFileSync(file, 'agent_port: 1\nlimit: {}\n');
    const ended = await serve('--config', file).finished;
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toContain(`${file}:2:1: limit: unknown key \`limit\`; did you mean \`limits\`?`);
  });

  it.each([
    ['a missing file', 'nowhere.yaml'],
    ['a folder', '.'],
  ])('does not start on %s', async (_, name) => {
    const ended = await serve('--json', '--config', join(temporaryFolder(), name)).finished;
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(ended.err).error.code).toBe('config_unreadable');
  });
});

/** A server that answers chat completions with the token and model it was called with. */
async function chatServer(): Promise<string> {
  const server = createHttpServer((request, response) => {
    json(request).then(
      (body) => {
        const { model, messages } = body as { model: string; messages: [{ content: string }] };
        const content = [request.url, request.headers.authorization, model, messages[0].content].join(' ');
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content } }] }));
      },
      () => response.destroy(),
    );
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const HAS_CURL = spawnSync('curl', ['--version']).error === undefined;

describe('the demo’s commands', () => {
  const demo = { token: 'rg_agt_demo', model: 'demo-chat' };
  const answer = '/v1/chat/completions Bearer rg_agt_demo demo-chat Say hello';
  const run = promisify(execFile);

  it.skipIf(process.platform === 'win32' || !HAS_CURL)('work as pasted: curl', async () => {
    const [curl = ''] = renderDemoLines(await chatServer(), demo, process.platform);
    expect((await run('sh', ['-c', curl])).stdout).toContain(answer);
  });

  it.skipIf(process.platform === 'win32')('work as pasted: the OpenAI SDK', async () => {
    const [, sdk = ''] = renderDemoLines(await chatServer(), demo, process.platform);
    expect((await run('sh', ['-c', sdk])).stdout).toBe(`${answer}\n`);
  });

  it('add /v1 once, whatever the address ends in', () => {
    for (const url of ['http://127.0.0.1:1', 'http://127.0.0.1:1/', 'http://127.0.0.1:1/v1', 'http://127.0.0.1:1/v1/'])
      expect(renderDemoLines(url, { token: 't', model: 'm' }, 'linux')[0]).toContain(
        'http://127.0.0.1:1/v1/chat/completions ',
      );
  });

  it('are quoted for cmd on Windows', () => {
    const [curl] = renderDemoLines('http://127.0.0.1:1', { token: 't', model: 'm' }, 'win32');
    expect(curl).toContain('-d "{\\"model\\":\\"m\\"');
    expect(curl).not.toContain("'");
  });
});
