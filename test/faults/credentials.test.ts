import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../proxy-core/contract/operations.ts';
import type { Core } from '../../proxy-core/exchange/core.ts';
import { addGateRoutes } from '../../proxy-core/http/gate-routes.ts';
import { addModelRoutes } from '../../proxy-core/http/model-routes.ts';
import { addRunRoutes } from '../../proxy-core/http/run-routes.ts';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { type AgentAnswer, type AgentCall, send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { type BrowserSession, openSession, pageHeaders } from '../harness/browser-session.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Who may do what: every route of both ports, taken from the routers themselves, with every kind of credential. */

let rungate: TestRungate;
let upstream: ScriptedUpstream;
let operatorUrl: string;
/** A browser that is signed in. */
let browser: BrowserSession;
const credentials = new Map<string, Readonly<Record<string, string>>>();

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url, operatorPort: 0 });
  operatorUrl = rungate.core.operator?.url ?? '';
  const token = await rungate.addAgent('bot');
  const revoked = await rungate.addAgent('gone');
  await rungate.call('agents.revoke', { name: 'gone' });
  browser = await signIn();
  const session = browser.cookie();
  credentials.set('nothing', {});
  credentials.set('an empty credential', { authorization: '', 'x-api-key': '' });
  credentials.set('an unknown agent token', { authorization: 'Bearer rg_agt_0123456789abcdef' });
  credentials.set('a malformed agent token', { authorization: 'Bearer rg_agt_short' });
  credentials.set('a revoked agent token', { 'x-api-key': revoked });
  credentials.set("the provider's key", { authorization: 'Bearer sk-test' });
  credentials.set('an operator session with its proof', {});
  credentials.set('the cookie of an operator session', { cookie: session });
  credentials.set('the cookie from the console’s own page', { cookie: session });
  credentials.set('the cookie and a made-up proof', {
    cookie: session,
    'x-rungate-proof': `${'A'.repeat(30)}.1.${'A'.repeat(43)}.${'A'.repeat(86)}`,
  });
  credentials.set('an operator session as a token', { authorization: `Bearer ${session.split('=')[1] ?? ''}` });
  credentials.set('an agent token', { authorization: `Bearer ${token}` });
  credentials.set('an agent token as x-api-key', { 'x-api-key': token });
  credentials.set('an agent token as x-rungate-token', { 'x-rungate-token': token });
  credentials.set('an agent token as a session', { cookie: `${session.split('=')[0]}=${token}` });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

const launchCode = (): string => new URL(rungate.core.operator?.launchUrl() ?? '').hash.slice('#launch='.length);

const redeem = async (code: string): Promise<AgentAnswer> => {
  const { publicKey } = await openSession(operatorUrl).prover.begin();
  const headers = pageHeaders(operatorUrl, 'POST');
  return send(operatorUrl, { method: 'POST', path: '/session', headers, body: { code, key: publicKey } });
};

async function signIn(): Promise<BrowserSession> {
  const session = openSession(operatorUrl);
  expect(await createHttpTransport(session).redeem(launchCode())).toEqual({ ok: true, value: {} });
  return session;
}

/** Sent to the operator port with what a browser adds for a page of the console. */
const FROM_PAGE = ['the cookie from the console’s own page', 'the cookie and a made-up proof'];

/** What the routers of the agent port were given, with parameters filled in. */
function agentRoutes(): readonly string[] {
  const server = Fastify();
  const found: string[] = [];
  server.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) found.push(`${name} ${fillIn(url)}`);
  });
  const unused = {} as Core; // registering a route does not look at it
  addRunRoutes(server, unused);
  addGateRoutes(server, unused);
  addModelRoutes(server, unused);
  return found.filter((route) => !/^(HEAD|OPTIONS|TRACE|CONNECT) /.test(route));
}

const fillIn = (url: string): string =>
  url.replace('/v1/*', '/v1/chat/completions').replaceAll(/:[a-z_]+/g, 'no-such-thing');

const AGENT_ROUTES = agentRoutes();
const OPERATOR_ROUTES = Object.keys(OPERATIONS).map((name) => `POST /api/${name}`);
const AGENT_CREDENTIALS = ['an agent token', 'an agent token as x-api-key', 'an agent token as x-rungate-token'];

function callOf(route: string, headers: Readonly<Record<string, string>>): AgentCall {
  const [method = '', path = ''] = route.split(' ');
  const bodiless = method === 'GET' || method === 'DELETE';
  return { method, path, headers, ...(bodiless ? {} : { body: { model: 'gpt-4.1', messages: [] } }) };
}

const held = (name: string): Readonly<Record<string, string>> => {
  const headers = credentials.get(name);
  if (headers === undefined) throw new Error(`no such credential: ${name}`);
  return headers;
};

const NAMES = [
  'nothing',
  'an empty credential',
  'an unknown agent token',
  'a malformed agent token',
  'a revoked agent token',
  "the provider's key",
  'an operator session with its proof',
  'the cookie of an operator session',
  'the cookie from the console’s own page',
  'the cookie and a made-up proof',
  'an operator session as a token',
  ...AGENT_CREDENTIALS,
  'an agent token as a session',
];

it('A7 the table is made of every route there is', () => {
  expect(AGENT_ROUTES.length).toBeGreaterThanOrEqual(8);
  expect(OPERATOR_ROUTES.length).toBeGreaterThanOrEqual(13);
  expect([...credentials.keys()].sort()).toEqual([...NAMES].sort());
});

const askProven = ({ path, body }: AgentCall): Promise<Response> =>
  browser.ask({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe.each(NAMES)('A7 with %s', (name) => {
  const opens = AGENT_CREDENTIALS.includes(name);

  it.each(AGENT_ROUTES)(`the agent port ${opens ? 'knows the caller' : 'answers 401'} on %s`, async (route) => {
    const { status } = await send(rungate.url, callOf(route, held(name)));
    if (opens) expect(status).not.toBe(401);
    else expect(status).toBe(401);
  });

  const operates = name === 'an operator session with its proof';
  it.each(OPERATOR_ROUTES)(
    `the operator port ${operates ? 'knows the operator' : 'answers 401'} on %s`,
    async (route) => {
      const call = callOf(route, {
        ...held(name),
        ...(FROM_PAGE.includes(name) ? pageHeaders(operatorUrl, 'POST') : {}),
      });
      const { status } = operates ? await askProven(call) : await send(operatorUrl, call);
      if (operates) expect(status).not.toBe(401);
      else expect(status).toBe(401);
    },
  );

  it.skipIf(operates).each(['POST /%61pi/core.pause', 'POST /ap%69/gates.approve', 'GET /%61%70%69/events'])(
    'the operator port answers 401 on %s: routers read escapes',
    async (route) => {
      expect((await send(operatorUrl, callOf(route, held(name)))).status).toBe(401);
    },
  );

  it.skipIf(operates)('the operator port answers 401 on GET /api/events, as a reply', async () => {
    const answer = await send(operatorUrl, { path: '/api/events', headers: held(name) });
    expect(answer.status).toBe(401);
    expect(answer.json()).toMatchObject({ ok: false, failure: { code: 'operator_session_required' } });
  });
});

it('A7 only the agent’s own three calls have reached a provider, the third without a key of ours', () => {
  const keys = upstream.received.map(({ headers }) => headers.authorization ?? 'none');
  expect(keys.sort()).toEqual(['Bearer sk-test', 'Bearer sk-test', 'none']);
});

describe('A8 a launch code', () => {
  it('opens one session and no second one', async () => {
    const code = launchCode();
    expect((await redeem(code)).status).toBe(200);
    expect((await redeem(code)).status).toBe(401);
  });

  it('opens one session when it is raced', async () => {
    const code = launchCode();
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(code)));
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ headers }) => headers['set-cookie'] !== undefined)).toHaveLength(1);
  });

  it('opens nothing once it is a minute old, or once a newer one was made', async () => {
    const old = launchCode();
    rungate.advance(61_000);
    expect((await redeem(old)).status).toBe(401);
    const replaced = launchCode();
    launchCode();
    expect((await redeem(replaced)).status).toBe(401);
  });

  it('stands in no request line, Referer or log, and its cookie is for this site alone', async () => {
    const launch = new URL(rungate.core.operator?.launchUrl() ?? '');
    expect(`${launch.pathname}${launch.search}`).toBe('/'); // the fragment is never sent
    const code = launch.hash.slice('#launch='.length);
    const page = await send(operatorUrl, { path: '/' });
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    const { headers } = await redeem(code);
    expect(headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(JSON.stringify(rungate.logged)).not.toContain(code);
  });

  it('a session ends after twelve hours without a request, and each request lengthens it', async () => {
    const { call } = createHttpTransport(await signIn());
    expect(await call('core.status', {})).toMatchObject({ ok: true });
    rungate.advance(12 * 3_600_000 - 60_000);
    expect(await call('core.status', {})).toMatchObject({ ok: true });
    rungate.advance(12 * 3_600_000);
    const answer = await call('core.pause', {});
    expect(answer).toMatchObject({ ok: false, failure: { code: 'operator_session_required' } });
    expect(await rungate.call('core.status', {})).toMatchObject({ paused: false });
  });
});
