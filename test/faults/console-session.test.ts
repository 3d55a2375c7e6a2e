import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NONCE_HEADER, PROOF_HEADER } from '../../proxy-core/contract/proof.ts';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { type ProvenRequest, provenFetch } from '../../renderer/transport/proven-fetch.ts';
import { readAudit } from '../harness/audit-records.ts';
import { type BrowserSession, launchCode, memoryVault, openSession, pageHeaders } from '../harness/browser-session.ts';
import { type EventfulRun, playEventfulRun, RUN_ID } from '../harness/eventful-run.ts';
import type { TestRungate } from '../harness/rungate.ts';

/** The console's session against whoever has seen what the page sends: the cookie, and proofs. */

let run: EventfulRun;
let rungate: TestRungate;
let session: BrowserSession;
/** Every request that the session has made, as its receiver saw it. */
let seen: { readonly path: string; readonly method: string; readonly headers: Headers; readonly body: string }[];

beforeAll(async () => {
  run = await playEventfulRun({ operatorPort: 0 });
  rungate = run.rungate;
});
afterAll(() => rungate.close().then(() => run.close()));
beforeEach(async () => {
  session = await signIn();
});

const originOf = (core: TestRungate): string => core.core.operator?.url ?? '';

async function signIn(): Promise<BrowserSession> {
  const opened = openSession(originOf(rungate));
  const records: typeof seen = [];
  seen = records;
  const recording: BrowserSession = {
    ...opened,
    ask: (request) => provenFetch(recording, request),
    fetch(input, init) {
      const headers = new Headers(init?.headers);
      const bytes = init?.body instanceof Uint8Array ? Buffer.from(init.body).toString() : '';
      const { pathname, search } = new URL(input instanceof Request ? input.url : input);
      const path = `${pathname}${search}`;
      if (path.startsWith('/api/')) records.push({ path, method: init?.method ?? 'GET', headers, body: bytes });
      return opened.fetch(input, init);
    },
  };
  const code = launchCode(rungate.core.operator?.launchUrl() ?? '');
  expect(await createHttpTransport(recording).redeem(code)).toEqual({ ok: true, value: {} });
  return recording;
}

const PAUSE = {
  method: 'POST',
  path: '/api/core.pause',
  headers: { 'content-type': 'application/json' },
  body: '{}',
} as const;
const STATUS = { ...PAUSE, path: '/api/core.status' } as const;

/** What somebody who was sent a request does with it: the same cookie and proof, and the headers a program can make up. */
async function replay(
  recorded: { readonly path: string; readonly method: string; readonly headers: Headers; readonly body: string },
  changes: Partial<{ path: string; method: string; body: string; origin: string }> = {},
): Promise<number> {
  const { path, method, body } = { ...recorded, ...changes };
  const headers: Record<string, string> = {
    cookie: session.cookie(),
    ...pageHeaders(originOf(rungate), method),
    [PROOF_HEADER]: recorded.headers.get(PROOF_HEADER) ?? '',
  };
  const bodiless = method === 'GET' || method === 'HEAD';
  const answer = await fetch(`${originOf(rungate)}${path}`, {
    method,
    headers: { ...headers, ...(bodiless ? {} : { 'content-type': 'application/json' }) },
    ...(bodiless ? {} : { body }),
  });
  await answer.body?.cancel();
  return answer.status;
}

/** A proof that was made and signed by the page for this request, and has not reached the core. */
async function intercept(request: ProvenRequest) {
  await session.ask(STATUS);
  const bytes = new TextEncoder().encode(request.body ?? '');
  const proof = await session.prover.prove({ method: request.method, target: request.path }, bytes);
  const headers = new Headers({ [PROOF_HEADER]: proof?.header ?? '' });
  return { path: request.path, method: request.method, headers, body: request.body ?? '' };
}

const isPaused = async (): Promise<boolean> => (await rungate.call('core.status', {})).paused;

describe('a proof that somebody has seen', () => {
  it('opens what it was made for, once', async () => {
    const proof = await intercept(STATUS);
    expect(await replay(proof)).toBe(200);
    expect(await replay(proof)).toBe(401);
  });

  it('counts once although it is sent thirty times at the same time', async () => {
    const proof = await intercept(STATUS);
    const statuses = await Promise.all(Array.from({ length: 30 }, () => replay(proof)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(new Set(statuses)).toEqual(new Set([200, 401]));
  });

  it.each([
    ['another path', { path: '/api/core.pause' }],
    ['another spelling of the path', { path: '/api/core%2Estatus' }],
    ['a query', { path: '/api/core.status?x=1' }],
    ['another method', { method: 'PUT' }],
    ['GET', { method: 'GET', path: '/api/events' }],
    ['another body', { body: '{ }' }],
    ['a longer body', { body: '{}\n' }],
    ['no body', { body: '' }],
  ])('does not open %s', async (_what, changes) => {
    expect(await replay(await intercept(STATUS), changes)).not.toBe(200);
    expect(await isPaused()).toBe(false);
  });

  it('does not open the events a second time, nor an export', async () => {
    const events = await session.ask({ method: 'GET', path: '/api/events' });
    await events.body?.cancel();
    const used = seen.findLast(({ path }) => path === '/api/events');
    if (used === undefined) throw new Error('no events were asked for');
    expect(await replay(used)).toBe(401);
    await rungate.call('exports.prepare', { export_id: 'exp_replayed1', run_id: RUN_ID, format: 'json' });
    expect(await replay(used, { path: '/api/exports/exp_replayed1' })).toBe(401);
  });

  it('does not open another browser’s session', async () => {
    const proof = await intercept(STATUS);
    session = await signIn();
    expect(await replay(proof)).toBe(401);
  });

  it('opens nothing with an Origin that is not the console’s, or none', async () => {
    const url = `${originOf(rungate)}${PAUSE.path}`;
    for (const origin of ['http://127.0.0.1:1', 'null', 'https://evil.test', undefined]) {
      const { headers } = await intercept(PAUSE);
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          ...Object.fromEntries(headers),
          cookie: session.cookie(),
          'content-type': 'application/json',
          'sec-fetch-site': 'same-origin',
          ...(origin === undefined ? {} : { origin }),
        },
        body: '{}',
      });
      expect(answer.status, String(origin)).toBe(403);
    }
    expect(await isPaused()).toBe(false);
  });

  it.each(['same-site', 'cross-site', 'none', 'same-origin, same-site', undefined])(
    'opens nothing where the browser says %j of the page that asks',
    async (site) => {
      const { headers } = await intercept(PAUSE);
      const answer = await fetch(`${originOf(rungate)}${PAUSE.path}`, {
        method: 'POST',
        headers: {
          ...Object.fromEntries(headers),
          cookie: session.cookie(),
          origin: originOf(rungate),
          'content-type': 'application/json',
          ...(site === undefined ? {} : { 'sec-fetch-site': site }),
        },
        body: '{}',
      });
      expect(answer.status).toBe(403);
      expect(await isPaused()).toBe(false);
    },
  );
});

describe('a cookie that somebody has', () => {
  it('is given nonces, with which it can do nothing, and which cost the page none of its own', async () => {
    const before = seen.length;
    expect((await session.ask(STATUS)).status).toBe(200);
    for (let n = 0; n < 200; n += 1) {
      const headers = { cookie: session.cookie(), ...pageHeaders(originOf(rungate), 'POST') };
      const answer = await fetch(`${originOf(rungate)}/api/core.status`, { method: 'POST', headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get(NONCE_HEADER)).toMatch(/^[\w-]{30}$/);
    }
    expect((await session.ask(STATUS)).status).toBe(200);
    expect(seen.length - before).toBe(2);
  });

  it('of a longer path, set by another server of this machine, does not shut the page out', async () => {
    const proof = await intercept(STATUS);
    const name = session.cookie().split('=')[0];
    const headers = {
      cookie: `${name}=tossed; ${session.cookie()}`,
      ...pageHeaders(originOf(rungate), 'POST'),
      'content-type': 'application/json',
      [PROOF_HEADER]: proof.headers.get(PROOF_HEADER) ?? '',
    };
    const answer = await fetch(`${originOf(rungate)}${STATUS.path}`, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(200);
  });
});

describe('the page', () => {
  /** Two tabs of one browser: one cookie jar, one vault. */
  const tabs = (): readonly [BrowserSession, BrowserSession] => {
    const vault = memoryVault();
    const first = openSession(originOf(rungate), 60_000, vault);
    const second: BrowserSession = {
      ...openSession(originOf(rungate), 60_000, vault),
      fetch: first.fetch,
      ask: (request) => provenFetch(second, request),
    };
    return [first, second];
  };
  const redeem = async (tab: BrowserSession): Promise<void> => {
    const code = launchCode(rungate.core.operator?.launchUrl() ?? '');
    expect(await createHttpTransport(tab).redeem(code)).toMatchObject({ ok: true });
  };

  it('asks once for each call, thirty at a time, without a round trip for nonces', async () => {
    const before = seen.length;
    const answers = await Promise.all(Array.from({ length: 30 }, () => session.ask(STATUS)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 200));
    expect(seen.length - before).toBe(30);
  });

  it('in a second tab has a nonce of its own, and each call counts', async () => {
    const [first, second] = tabs();
    await redeem(first);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_none, n) => (n % 2 === 0 ? first : second).ask(STATUS)),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  it('goes on quietly when another tab has signed in anew: with its cookie comes its key', async () => {
    const [first, second] = tabs();
    await redeem(first);
    expect((await first.ask(STATUS)).status).toBe(200);
    await redeem(second);
    expect((await first.ask(STATUS)).status).toBe(200);
    expect((await second.ask(STATUS)).status).toBe(200);
  });
});

describe('a large export', () => {
  const ticketFor = async (id: string): Promise<string> => {
    const reply = await createHttpTransport(session).files.ticket(id);
    return reply.ok ? reply.value : '';
  };
  const prepare = (id: string) => rungate.call('exports.prepare', { export_id: id, run_id: RUN_ID, format: 'html' });

  it('is handed out for a ticket of 128 bits, once, as an attachment that is no page', async () => {
    const prepared = await prepare('exp_ticketed1');
    const address = await ticketFor('exp_ticketed1');
    expect(address).toMatch(/^\/download\/[\w-]{22}$/);
    const answer = await fetch(`${originOf(rungate)}${address}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${prepared.file_name}"`);
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    expect((await answer.bytes()).length).toBe(prepared.bytes);
    expect((await fetch(`${originOf(rungate)}${address}`)).status).toBe(404);
  });

  it('has no ticket after a minute, and none for whoever has no proof', async () => {
    await prepare('exp_ticketed2');
    const address = await ticketFor('exp_ticketed2');
    rungate.advance(60_000);
    expect((await fetch(`${originOf(rungate)}${address}`)).status).toBe(404);
    const headers = { cookie: session.cookie(), ...pageHeaders(originOf(rungate), 'POST') };
    const url = `${originOf(rungate)}/api/exports/exp_ticketed2/ticket`;
    expect((await fetch(url, { method: 'POST', headers })).status).toBe(401);
    expect(await createHttpTransport(session).files.ticket('exp_nothing00')).toMatchObject({ ok: false });
  });
});

describe('a launch address', () => {
  it('is given out on record, and its use is on record with the key', async () => {
    const { launch_url: address, expires_at } = await rungate.call('console.launch', {});
    expect(expires_at - rungate.now()).toBeLessThanOrEqual(60_000);
    const opened = openSession(originOf(rungate));
    expect(await createHttpTransport(opened).redeem(launchCode(address))).toMatchObject({ ok: true });
    const kinds = () => readAudit(rungate.home).map(({ kind }) => kind);
    await expect.poll(kinds).toContain('console.signed_in');
    expect(kinds()).toContain('console.address');
    expect(JSON.stringify(readAudit(rungate.home))).not.toContain(launchCode(address));
  });

  it('takes no key that is none', async () => {
    const url = `${originOf(rungate)}/session`;
    const code = launchCode(rungate.core.operator?.launchUrl() ?? '');
    const headers = { 'content-type': 'application/json', ...pageHeaders(originOf(rungate), 'POST') };
    const offCurve = Buffer.alloc(65, 1);
    offCurve[0] = 4;
    for (const key of ['', 'A', offCurve.toString('base64url'), undefined]) {
      const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ code, key }) });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
    const { publicKey } = await openSession(url).prover.begin();
    const body = JSON.stringify({ code, key: publicKey });
    expect((await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status).toBe(
      403,
    );
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(200);
  });
});

it('a service worker’s script is refused, and whatever the origin holds is dropped', async () => {
  const answer = await fetch(`${originOf(rungate)}/sw.js`, { headers: { 'service-worker': 'script' } });
  expect(answer.status).toBe(404);
  expect(answer.headers.get('clear-site-data')).toBe('"storage"');
});

describe('over a restart', () => {
  const FILE = 'console-sessions.json';
  /** The same browser on the core that has started again: same key, same cookie under the new port's name. */
  const carriedOver = (): BrowserSession => {
    const base = originOf(rungate);
    const secret = session.cookie().split('=')[1] ?? '';
    const fetchThere: BrowserSession['fetch'] = (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set('cookie', `rungate_session_${new URL(base).port}=${secret}`);
      for (const [name, value] of Object.entries(pageHeaders(base, init?.method ?? 'GET'))) headers.set(name, value);
      return fetch(input, { ...init, headers });
    };
    const there: BrowserSession = {
      ...session,
      base,
      fetch: fetchThere,
      ask: (request) => provenFetch(there, request),
    };
    return there;
  };
  it('the session stands, and a proof of the earlier start opens nothing', async () => {
    const earlier = await intercept(STATUS);
    rungate = await rungate.restart();
    session = carriedOver();
    const cookie = `rungate_session_${new URL(originOf(rungate)).port}=${session.cookie().split('=')[1]}`;
    const headers = {
      cookie,
      ...pageHeaders(originOf(rungate), 'POST'),
      'content-type': 'application/json',
      [PROOF_HEADER]: earlier.headers.get(PROOF_HEADER) ?? '',
    };
    const answer = await fetch(`${originOf(rungate)}${STATUS.path}`, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(401);
    expect((await session.ask(STATUS)).status).toBe(200);
  });

  it('the file has hashes and public keys only, for its owner', async () => {
    const text = readFileSync(join(rungate.home, FILE), 'utf8');
    expect(text).not.toContain(session.cookie().split('=')[1]);
    expect(statSync(join(rungate.home, FILE)).mode & 0o777).toBe(0o600);
  });

  it.each([
    [
      'another key',
      (text: string) => text.replace(/"key":"B(.)/, (_match, letter) => `"key":"B${letter === 'A' ? 'B' : 'A'}`),
    ],
    ['a longer life', (text: string) => text.replaceAll(/"used_at":(\d+)/g, '"used_at":9$1')],
    [
      'another signature',
      (text: string) =>
        text.replace(/"signature":"(.)/, (_match, letter) => `"signature":"${letter === 'A' ? 'B' : 'A'}`),
    ],
    ['nothing that is read', () => '{'],
  ])('a file with %s signs nobody in', async (_what, change) => {
    const path = join(rungate.home, FILE);
    rungate = await rungate.restart(() => writeFileSync(path, change(readFileSync(path, 'utf8'))));
    session = carriedOver();
    expect((await session.ask(STATUS)).status).toBe(401);
  });
});
