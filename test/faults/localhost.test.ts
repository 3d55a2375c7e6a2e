import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { answerAnything } from '../harness/answers.ts';
import { launchCode, openSession } from '../harness/browser-session.ts';
import { requestText, sendRaw } from '../harness/raw-socket.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** What web pages and other machines can make this machine's ports do: nothing (threat model, group A). */

let rungate: TestRungate;
let upstream: ScriptedUpstream;
let token: string;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url, operatorPort: 0 });
  token = await rungate.addAgent('bot');
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

interface Door {
  readonly url: string;
  /** A request line that would change state here. */
  readonly line: string;
  readonly credential: () => string;
}

const DOORS: Readonly<Record<string, () => Door>> = {
  'agent port': () => ({
    url: rungate.url,
    line: 'POST /v1/chat/completions',
    credential: () => `authorization: Bearer ${token}`,
  }),
  'operator port': () => ({
    url: rungate.core.operator?.url ?? '',
    line: 'POST /api/core.pause',
    credential: () => 'cookie: rungate_session=none',
  }),
};

const CHAT = JSON.stringify({ model: 'gpt-4.1', messages: [{ role: 'user', content: 'hi' }] });

/** The state-changing request of a door with these headers besides its credential and length. */
const attempt = (
  door: Door,
  headers: readonly string[],
  line = door.line,
): Promise<{ statuses: readonly number[]; text: string; closed: boolean }> =>
  sendRaw(door.url, requestText(line, [...headers, door.credential(), `content-length: ${CHAT.length}`], CHAT));

/** Nothing has reached a provider and nothing has been recorded or paused. */
async function expectNoState(): Promise<void> {
  expect(upstream.received).toEqual([]);
  expect(await rungate.call('runs.list', {})).toMatchObject({ runs: [] });
  expect(await rungate.call('core.status', {})).toMatchObject({ paused: false });
}

const JSON_TYPE = 'content-type: application/json';

describe.each(Object.keys(DOORS))('the %s', (name) => {
  const door = (): Door => {
    const open = DOORS[name];
    if (open === undefined) throw new Error(`no such door: ${name}`);
    return open();
  };
  const ownHost = (): string => `host: ${new URL(door().url).host}`;

  it.each([
    'GET /',
    'GET /llms.txt',
    'GET /healthz',
    'GET /v1/models',
    'POST /v1/messages',
    'POST /session',
    'POST /api/core.status',
    'GET /nowhere',
  ])('A1 refuses a rebound name on %s, before the body', async (line) => {
    // No body is ever sent: the answer cannot have waited for it.
    const answer = await sendRaw(door().url, requestText(line, ['host: evil.test', JSON_TYPE, 'content-length: 5']));
    expect(answer).toMatchObject({ statuses: [403], closed: true });
    expect(answer.text).toContain('host_refused');
  });

  it.each([
    ['a slash', ['host: 127.0.0.1/evil.test']],
    ['a question mark', ['host: 127.0.0.1?x']],
    ['a hash', ['host: 127.0.0.1#x']],
    ['a user part', ['host: 127.0.0.1@evil.test']],
    ['a backslash', ['host: 127.0.0.1\\evil.test']],
    ['nothing', ['host:']],
    ['a second value', ['host: 127.0.0.1', 'host: evil.test']],
    ['the same value twice', ['host: 127.0.0.1', 'Host: 127.0.0.1']],
    ['no Host header at all', []],
  ])('A2 answers 400 to a Host with %s', async (_what, hosts) => {
    expect(await attempt(door(), [...hosts, JSON_TYPE])).toMatchObject({ statuses: [400], closed: true });
    await expectNoState();
  });

  it.each(['http://evil.test/v1/models', 'http://127.0.0.1/v1/models', '*'])(
    'A2 answers 400 to the target %s',
    async (target) => {
      expect((await attempt(door(), [ownHost(), JSON_TYPE], `GET ${target}`)).statuses).toEqual([400]);
      await expectNoState();
    },
  );

  it.each([
    '0.0.0.0',
    'x.local',
    '192.168.1.7',
    '127.0.0.1.evil.test',
    'localhost.evil.test',
    '127.1',
    '[::]',
    '2130706433',
  ])('A3 answers 403 to the Host %s', async (host) => {
    expect(await attempt(door(), [`host: ${host}`, JSON_TYPE])).toMatchObject({ statuses: [403] });
    await expectNoState();
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'text/plain, application/json',
  ])('A4 refuses a body sent as %s, as a page can without asking', async (type) => {
    const { statuses } = await attempt(door(), [ownHost(), `content-type: ${type}`]);
    expect(statuses).toEqual([415]);
    await expectNoState();
  });

  it('A4 refuses a body without a type (a beacon)', async () => {
    expect((await attempt(door(), [ownHost()])).statuses).toEqual([415]);
    await expectNoState();
  });

  it.each([
    'null',
    'http://127.0.0.1:1',
    'http://localhost:3000',
    'chrome-extension://abcdefghijklmnop',
    'https://evil.test',
  ])('A5 refuses the Origin %s and permits it nothing', async (origin) => {
    const answer = await attempt(door(), [ownHost(), JSON_TYPE, `origin: ${origin}`]);
    expect(answer.statuses).toEqual([403]);
    expect(answer.text.toLowerCase()).not.toContain('access-control-');
    await expectNoState();
  });

  it('A5 does not answer a preflight', async () => {
    const headers = ['origin: https://evil.test', 'access-control-request-method: POST'];
    const answer = await sendRaw(
      door().url,
      requestText('OPTIONS /v1/messages', [ownHost(), ...headers, 'connection: close']),
    );
    expect(answer.statuses).toEqual([403]);
    expect(answer.text.toLowerCase()).not.toContain('access-control-');
  });

  it('A5 refuses a request that the browser marks as cross-site even without an Origin', async () => {
    expect((await attempt(door(), [ownHost(), JSON_TYPE, 'sec-fetch-site: cross-site'])).statuses).toEqual([403]);
    await expectNoState();
  });

  it('A6 refuses a WebSocket with a foreign Origin before any upgrade, and without one too', async () => {
    const upgrade = [
      'connection: Upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    const foreign = await sendRaw(
      door().url,
      requestText('GET /v1/responses', [ownHost(), ...upgrade, 'origin: https://evil.test']),
    );
    expect(foreign).toMatchObject({ statuses: [403], closed: true });
    const plain = await sendRaw(door().url, requestText('GET /v1/responses', [ownHost(), ...upgrade]));
    expect(plain).toMatchObject({ statuses: [426], closed: true });
  });

  it('A6 refuses an EventSource with a foreign Origin', async () => {
    const headers = [ownHost(), 'accept: text/event-stream', 'origin: https://evil.test', 'connection: close'];
    expect((await sendRaw(door().url, requestText('GET /api/events', headers))).statuses).toEqual([403]);
  });
});

it('A9 the console may not be framed', async () => {
  const { url } = rungate.core.operator ?? { url: '' };
  for (const path of ['/', '/assets/main.js', '/nowhere', '/api/core.status', '/api/events']) {
    const { headers } = await fetch(`${url}${path}`);
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
  }
});

describe('a page of another port of this machine', () => {
  // It is of the same site, so the browser sends the session's cookie along, and no Origin with a plain GET.
  const signIn = async () => {
    const { operator } = rungate.core;
    const session = openSession(operator?.url ?? '');
    await createHttpTransport(session).redeem(launchCode(operator?.launchUrl() ?? ''));
    return session;
  };
  const statusOf = async (path: string, headers: Readonly<Record<string, string>>): Promise<number> => {
    const session = await signIn();
    const url = `${session.base}${path}`;
    const answer = await fetch(url, { headers: { cookie: session.cookie(), ...headers } });
    await answer.body?.cancel();
    return answer.status;
  };

  it('A5 is given no events, although the session is good', async () => {
    expect(await statusOf('/api/events', { 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await statusOf('/api/events', { 'sec-fetch-site': 'same-origin' })).toBe(401);
    const own = await (await signIn()).ask({ method: 'GET', path: '/api/events' });
    expect(own.status).toBe(200);
    await own.body?.cancel();
  });

  it('A5 may lead there: a link opens the console', async () => {
    expect(await statusOf('/', { 'sec-fetch-site': 'same-site' })).toBe(200);
  });
});
