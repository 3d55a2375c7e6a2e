import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** What a real browser lets a hostile page do to both ports: the same cases as in `localhost.test.ts`, end to end. */

const CHROMIUM = '/usr/bin/chromium-headless-shell';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights',
  '--host-resolver-rules=MAP evil.test 127.0.0.1',
];

let rungate: TestRungate;
let upstream: ScriptedUpstream;
let page: Server;
let token: string;

/** The page tries everything, and writes down what it could read. */
const attack = (agentPort: string, operatorPort: string): string => `<!doctype html><meta charset="utf-8"><body><script>
const told = {};
const note = (name, promise) => promise.then((value) => { told[name] = value; }, () => { told[name] = 'refused'; });
const read = async (response) => response.type === 'opaque' ? 'opaque' : (await response.text()).slice(0, 40);
const chat = JSON.stringify({ model: 'gpt-4.1', messages: [{ role: 'user', content: 'from a page' }] });
const bases = { agent: 'http://127.0.0.1:${agentPort}', rebound: 'http://evil.test:${agentPort}', operator: 'http://127.0.0.1:${operatorPort}', reboundOperator: 'http://evil.test:${operatorPort}' };
const jobs = [];
for (const [name, base] of Object.entries(bases)) {
  const api = name.toLowerCase().includes('operator') ? '/api/core.pause' : '/v1/chat/completions';
  jobs.push(note(name + ' json', fetch(base + api, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer ${'TOKEN'}' }, body: chat }).then(read)));
  jobs.push(note(name + ' text', fetch(base + api, { method: 'POST', mode: 'no-cors', credentials: 'include', body: chat }).then(read)));
  jobs.push(note(name + ' form', fetch(base + api, { method: 'POST', mode: 'no-cors', body: new URLSearchParams({ a: chat }) }).then(read)));
  jobs.push(note(name + ' multipart', fetch(base + api, { method: 'POST', mode: 'no-cors', body: new FormData() }).then(read)));
  jobs.push(note(name + ' get', fetch(base + '/llms.txt').then(read)));
  told[name + ' beacon'] = String(navigator.sendBeacon(base + api, new Blob([chat], { type: 'text/plain' })));
  jobs.push(note(name + ' socket', new Promise((resolve, reject) => { const socket = new WebSocket(base.replace('http', 'ws') + '/v1/responses'); socket.onopen = () => resolve('open'); socket.onerror = reject; })));
  jobs.push(note(name + ' events', new Promise((resolve, reject) => { const events = new EventSource(base + '/api/events'); events.onopen = () => resolve('open'); events.onerror = reject; })));
  jobs.push(note(name + ' frame', new Promise((resolve) => { const frame = document.createElement('iframe'); frame.src = base + '/'; frame.onload = () => { let seen = 'closed'; try { seen = frame.contentDocument?.title === undefined ? 'closed' : 'open ' + frame.contentDocument.title; } catch {} resolve(seen); }; document.body.append(frame); })));
}
Promise.all(jobs).then(() => { document.body.textContent = 'TOLD ' + JSON.stringify(told) + ' END'; });
</script>`;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url, operatorPort: 0 });
  token = await rungate.addAgent('bot');
  const ports = [rungate.url, rungate.core.operator?.url ?? ''].map((url) => new URL(url).port);
  const html = attack(ports[0] ?? '', ports[1] ?? '').replaceAll('TOKEN', token);
  page = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  });
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  page.closeAllConnections();
  await new Promise((resolve) => page.close(resolve));
  await rungate.close();
  await upstream.close();
});

/** The text of a page after its scripts have run. */
async function visit(url: string): Promise<string> {
  const argv = [...FLAGS, '--virtual-time-budget=15000', '--dump-dom', url];
  return (await promisify(execFile)(CHROMIUM, argv, { maxBuffer: 16_000_000, timeout: 25_000 })).stdout;
}

describe.skipIf(!existsSync(CHROMIUM))('a hostile page in Chromium', () => {
  it('A1 A4 A5 A6 A9 changes nothing, reaches no provider, and reads nothing, even with a token and a rebound name', async () => {
    const { port } = page.address() as AddressInfo;
    const text = await visit(`http://evil.test:${port}/`);
    const told = JSON.parse(/TOLD (.*) END/.exec(text)?.[1] ?? '{}') as Record<string, string>;
    expect(Object.keys(told)).toHaveLength(4 * 9);
    const allowed = new Set(['refused', 'opaque', 'true', 'false', 'closed']);
    expect(Object.entries(told).filter(([, what]) => !allowed.has(what))).toEqual([]);
    expect(upstream.received).toEqual([]);
    expect(await rungate.call('runs.list', {})).toMatchObject({ runs: [] });
    expect(await rungate.call('core.status', {})).toMatchObject({ paused: false });
  });

  it('A1 a rebound name is refused on both ports when it is opened itself', async () => {
    for (const url of [rungate.url, rungate.core.operator?.url ?? '']) {
      expect(await visit(`http://evil.test:${new URL(url).port}/`)).toContain('host_refused');
    }
  });
});
