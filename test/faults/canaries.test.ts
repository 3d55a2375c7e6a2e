import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareSocketFolder, socketPath } from '../../electron/socket-path.ts';
import { OPERATIONS } from '../../proxy-core/contract/operations.ts';
import { RUNGATE } from '../cli/rungate-process.ts';
import { send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** C7: secrets go in at every place there is; they may come out at none but those that are meant for them. */

const KEY = 'sk-canary-provider-key-5f1d';
const OWN_KEY = 'sk-canary-own-credential-9b2e';
const PROMPT = 'canary-prompt-3c77';
const QUERY = 'canary-query-a410';
const ERROR = 'canary-upstream-error-e9d1';
const COOKIE = 'canary-cookie-77aa';

let rungate: TestRungate;
let upstream: ScriptedUpstream;
let home: string;
let token: string;
let rotated: string;
const answers: string[] = [];
const shown: string[] = [];
const printed: string[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'rungate-canary-'));
  upstream = await startScriptedUpstream(answerAnything);
  const socket = socketPath(home);
  prepareSocketFolder(socket);
  rungate = await startTestRungate({
    home,
    upstreamUrl: upstream.url,
    operatorPort: 0,
    commandSocket: socket,
    upstream: { headersTimeoutMs: 200 },
    credentials: {
      env: { TEST_KEY: KEY },
      keychain: { find: async () => null, save: async () => undefined, remove: async () => undefined },
      passphrase: async () => null,
    },
  });
  token = await rungate.addAgent('bot');
  rotated = (await rungate.call('agents.rotate', { name: 'bot' })).token;
  await makeEveryKindOfCall();
  await askEveryQuestion();
  for (const argv of [['runs'], ['run', 'canary'], ['agents', 'list'], ['budgets', 'list']])
    printed.push(await printJson(argv));
  await rungate.core.close();
});
afterAll(async () => {
  await upstream.close();
  rmSync(home, { recursive: true, force: true });
});

async function makeEveryKindOfCall(): Promise<void> {
  const headers = { 'x-rungate-run-id': 'canary', cookie: `session=${COOKIE}` };
  const body = { model: 'gpt-4.1', max_tokens: 10, messages: [{ role: 'user', content: PROMPT }] };
  const path = `/v1/chat/completions?api_key=${QUERY}`;
  const call = async (more: Record<string, string> = {}, other: object = {}): Promise<void> => {
    const answer = await send(rungate.url, {
      path,
      token,
      headers: { ...headers, ...more },
      body: { ...body, ...other },
    });
    answers.push(JSON.stringify(answer.headers), answer.status === 200 ? '' : answer.text.replaceAll(ERROR, ''));
  };
  await call();
  await call({ authorization: `Bearer ${OWN_KEY}`, 'x-rungate-token': token });
  await call({}, { model: 'no-such-model' });
  await call({}, { model: 'local-unpriced' });
  await call({ 'x-rungate-policy': 'other' });
  upstream.script((_request, response) => {
    response
      .writeHead(500, { 'content-type': 'application/json', 'x-debug': ERROR })
      .end(JSON.stringify({ error: ERROR }));
  });
  await call();
  upstream.script((_request, response) => void response.destroy());
  await call();
  upstream.script(() => undefined);
  await call();
  await send(rungate.url, { path, token: `${token}x`, headers, body });
  await send(rungate.url, { path, token, headers, body: `{"model": "${PROMPT}` });
}

const QUERIES = Object.entries(OPERATIONS).flatMap(([name, { kind }]) => (kind === 'query' ? [name] : []));

async function askEveryQuestion(): Promise<void> {
  for (const name of QUERIES) {
    for (const input of [{}, { run_id: 'canary' }]) {
      const reply = await rungate.core.call(name, input, { actor: 'operator', channel: 'test' });
      if (reply.ok) shown.push(JSON.stringify(reply.value));
    }
  }
}

async function printJson(argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [RUNGATE, ...argv, '--json', '--home', home]);
  expect(JSON.parse(stdout)).toBeTypeOf('object');
  return `${stdout}${stderr}`;
}

const keys = (): readonly string[] => [KEY, OWN_KEY, token, rotated, QUERY, COOKIE];

/** Every text of every table but the bytes of bodies, which are where prompts and answers belong. */
function textsOfTables(): readonly string[] {
  const database = new Database(join(home, 'rungate.db'), { readonly: true });
  try {
    const tables = database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
    return tables
      .filter((table) => table !== 'blobs')
      .flatMap((table) => database.prepare<[], object>(`SELECT * FROM ${table}`).all())
      .flatMap((row) => Object.values(row))
      .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)));
  } finally {
    database.close();
  }
}

const holding = (texts: readonly string[], canary: string): readonly string[] =>
  texts.filter((text) => text.includes(canary));

describe('C7 secrets', () => {
  it('have all been where they were meant to go', () => {
    const sent = upstream.received.map(({ rawHeaders, body }) => `${rawHeaders.join('\n')}${body.toString()}`);
    for (const canary of [KEY, OWN_KEY, PROMPT]) expect(holding(sent, canary)).not.toEqual([]);
    expect(upstream.received.map(({ url }) => url)).toContain(`/v1/chat/completions?api_key=${QUERY}`);
    expect(shown.length).toBeGreaterThan(4);
  });

  it('stand in no log line', () => {
    const lines = rungate.logged.map((line) => JSON.stringify(line));
    for (const canary of [...keys(), PROMPT, ERROR]) expect(holding(lines, canary)).toEqual([]);
  });

  it('stand in no file of the home: no key, no token, no cookie, no query', () => {
    const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).toContain('rungate.db');
    const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name)).toString('latin1'));
    for (const canary of keys()) expect(holding(texts, canary)).toEqual([]);
  });

  it('prompts and the provider’s errors are in the stored bodies and nowhere else in the store', () => {
    const texts = textsOfTables();
    expect(holding(texts, 'canary')).not.toEqual([]); // the run's own name is found, so the search works
    for (const canary of [PROMPT, ERROR]) expect(holding(texts, canary)).toEqual([]);
  });

  it('are in no answer to an operator, in process or on the command line', () => {
    for (const canary of [...keys(), PROMPT, ERROR]) {
      expect(holding(shown, canary)).toEqual([]);
      expect(holding(printed, canary)).toEqual([]);
    }
  });

  it('are in nothing that an agent is told: no key of the provider, no token', () => {
    for (const canary of [KEY, OWN_KEY, token, rotated, COOKIE]) expect(holding(answers, canary)).toEqual([]);
  });

  it('reach no provider that they are not for: no token, no cookie', () => {
    const sent = upstream.received.map(({ rawHeaders }) => rawHeaders.join('\n'));
    for (const canary of [token, rotated, COOKIE]) expect(holding(sent, canary)).toEqual([]);
    expect(upstream.received.filter(({ headers }) => headers.authorization === `Bearer ${OWN_KEY}`)).toHaveLength(1);
  });
});
