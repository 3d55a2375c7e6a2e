import { mkdtempSync, rmSync } from 'node:fs';
import { request as openRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reply } from '../../proxy-core/contract/client.ts';
import { FAILURES, type FailureCode, failure } from '../../proxy-core/contract/failures.ts';
import { DEFAULT_PREFERENCES } from '../../proxy-core/contract/host.ts';
import { OPERATIONS, type OperationInput, type OperationName } from '../../proxy-core/contract/operations.ts';
import { INSTALLED } from '../../proxy-core/contract/program.ts';
import type { Call } from '../../proxy-core/control/call.ts';
import type { Core } from '../../proxy-core/exchange/core.ts';
import { DEFAULT_OPTIONS } from '../../proxy-core/exchange/core.ts';
import { type CommandSocket, listenCommandSocket } from '../../proxy-core/http/command-socket.ts';
import { listenOperatorPort, type OperatorServer } from '../../proxy-core/http/operator-server.ts';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { type BrowserSession, launchCode, openSession } from '../harness/browser-session.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** Every operation is reached on every way in, with the same answer: the table is the contract's own. */

const NAMES = Object.keys(OPERATIONS) as OperationName[];

/** One way to the operations. `send` takes the body's bytes as they are. */
interface Way {
  readonly name: string;
  send(operation: string, body: string): Promise<{ readonly status: number; readonly reply: unknown }>;
}

/** The operator port, with a session. */
const overHttp = (session: BrowserSession): Way => ({
  name: 'operator port',
  async send(operation, body) {
    const headers = { 'content-type': 'application/json' };
    const response = await session.ask({ method: 'POST', path: `/api/${operation}`, headers, body });
    return { status: response.status, reply: await response.json() };
  },
});

/** The command socket. */
const overSocket = (socketPath: string): Way => ({
  name: 'command socket',
  send: (operation, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const request = openRequest({ socketPath, method: 'POST', path: `/api/${operation}`, headers, agent: false });
      // A refusal of a large body closes the connection under what is still being sent.
      request.on('error', reject);
      request.on('response', (response) => {
        request.off('error', reject).on('error', () => undefined);
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, reply: JSON.parse(text) as unknown }));
      });
      request.end(body);
    }),
});

async function signIn(operator: OperatorServer): Promise<BrowserSession> {
  const session = openSession(operator.url);
  const { redeem } = createHttpTransport(session);
  expect(await redeem(launchCode(operator.launchUrl()))).toEqual({ ok: true, value: {} });
  return session;
}

describe('what a way in carries', () => {
  const home = mkdtempSync(join(tmpdir(), 'rungate-parity-'));
  const told: { name: string; input: unknown; channel: string }[] = [];
  let next: Reply<unknown> = { ok: true, value: null };
  const call: Call = async (name, input, { channel }) => {
    told.push({ name, input, channel });
    return next;
  };
  let operator: OperatorServer;
  let socket: CommandSocket;
  let ways: readonly (Way & { readonly channel: string })[];
  beforeAll(async () => {
    const random = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
    const core = { clock: { now: Date.now }, random, options: DEFAULT_OPTIONS, program: INSTALLED } as Core;
    const feed = { cursor: () => ({ epoch: '', seq: 0 }), follow: () => () => undefined };
    operator = await listenOperatorPort(core, 0, {
      call,
      feed,
      consoleFolder: null,
      exports: { find: () => null, remove: () => undefined, progress: () => null },
      sessions: { load: () => [], save: async () => undefined },
      signedIn: () => undefined,
    });
    socket = await listenCommandSocket(join(home, 'core.sock'), call, {
      find: () => null,
      remove: () => undefined,
      progress: () => null,
    });
    ways = [
      { ...overHttp(await signIn(operator)), channel: 'console' },
      { ...overSocket(join(home, 'core.sock')), channel: 'cli' },
    ];
  });
  afterAll(async () => {
    await operator.close();
    await socket.close();
    rmSync(home, { recursive: true });
  });

  it.each(NAMES)('%s: the input arrives and the value returns unchanged, whatever they are', async (name) => {
    // JSON has no -0, and a parser rightly refuses a key that would set a prototype.
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    const plain = json.filter((value) => !/"(__proto__|constructor)"/.test(JSON.stringify(value)));
    const exchange = fc.asyncProperty(plain, plain, async (input, value) => {
      next = { ok: true, value };
      for (const { send, channel } of ways) {
        const { status, reply } = await send(name, JSON.stringify(input));
        expect({ status, reply }).toEqual({ status: 200, reply: next });
        expect(told.pop()).toEqual({ name, input, channel });
      }
    });
    await fc.assert(exchange, { numRuns: 10 });
  });

  it.each(Object.keys(FAILURES) as FailureCode[])('the failure %s returns unchanged, with its status', async (code) => {
    next = { ok: false, failure: failure(code, 'because', { step: 1 }, 5) };
    for (const { send } of ways) {
      expect(await send('core.status', '{}')).toEqual({ status: FAILURES[code].status, reply: next });
    }
  });

  it('a body that cannot be read is refused the same way, and the core is not asked', async () => {
    told.length = 0;
    for (const body of ['', '{', '{"a":1}x', '{"__proto__":{"a":1}}', 'nonsense']) {
      const answers = await Promise.all(ways.map(({ send }) => send('core.pause', body)));
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 400, reply: { ok: false, failure: { code: 'invalid_request' } } });
      }
      expect(answers[1]).toEqual(answers[0]);
    }
    expect(told).toEqual([]);
  });

  it('a body that is too large is refused the same way, and the core is not asked', async () => {
    told.length = 0;
    const body = JSON.stringify({ document: 'x'.repeat(8 * 1_048_576) });
    const answers = await Promise.all(ways.map(({ send }) => send('policies.apply', body)));
    const failed = { code: 'request_too_large', context: { limit_bytes: 8 * 1_048_576 } };
    for (const answer of answers) expect(answer).toMatchObject({ status: 413, reply: { ok: false, failure: failed } });
    expect(answers[1]).toEqual(answers[0]);
    expect(told).toEqual([]);
  });

  it('the largest input that the contract allows arrives', async () => {
    const document = 'x'.repeat(OPERATIONS['policies.apply'].input.shape.document.maxLength ?? 0);
    next = { ok: true, value: {} };
    for (const { send } of ways) expect((await send('policies.apply', JSON.stringify({ document }))).status).toBe(200);
  });
});

/** An input that each operation accepts; `way` is different on every way in, for what can be made only once. */
type Inputs = { readonly [N in OperationName]: (way: string) => OperationInput<N> };

const EXPORT_ID = 'exp_parity00';
const VALID: Inputs = {
  'core.status': () => ({}),
  'core.snapshot': () => ({}),
  'console.launch': () => ({}),
  'core.pause': () => ({}),
  'core.resume': () => ({}),
  'preferences.show': () => ({}),
  'preferences.set': () => ({ preferences: DEFAULT_PREFERENCES }),
  'keys.list': () => ({}),
  'keys.set': () => ({ provider: 'nobody', key: 'sk-none' }),
  'keys.remove': () => ({ provider: 'nobody' }),
  'agents.list': () => ({}),
  'agents.add': (way) => ({ name: `agent-of-${way}` }),
  'agents.rotate': (way) => ({ name: `agent-of-${way}` }),
  'agents.resume': (way) => ({ name: `agent-of-${way}` }),
  'agents.revoke': (way) => ({ name: `agent-of-${way}` }),
  'budgets.list': () => ({}),
  'budgets.set': () => ({ scope: 'agent', name: 'bot', usd: 3 }),
  'budgets.reset': () => ({ scope: 'agent', name: 'bot' }),
  'runs.list': () => ({ limit: 10 }),
  'runs.facets': () => ({}),
  'runs.show': () => ({ run_id: 'run-1' }),
  'runs.stop': () => ({ run_id: 'no-such-run' }),
  'runs.pause': () => ({ run_id: 'run-1' }),
  'runs.resume': () => ({ run_id: 'run-1' }),
  'runs.audit': () => ({ run_id: 'run-1' }),
  'exchanges.body': () => ({ exchange_id: 'xch_none', side: 'request' }),
  'exchanges.fingerprint': () => ({ exchange_id: 'xch_none' }),
  'exchanges.messages': () => ({ exchange_id: 'xch_none' }),
  'artifacts.body': () => ({ artifact_id: 'art_none' }),
  'policies.apply': (way) => ({ document: `policy: parity\n# ${way}\n`, file_name: 'parity.yaml', note: way }),
  'policies.list': () => ({}),
  'policies.show': () => ({ policy: 'open' }),
  'policies.diff': () => ({ a: 'open@1', b: 'default' }),
  'policies.test': () => ({ policy: 'open', body: { model: 'demo-model', messages: [] } }),
  'gates.list': () => ({}),
  'gates.show': () => ({ gate_id: 'gate_none' }),
  'gates.card': () => ({ gate_id: 'gate_none' }),
  'gates.approve': () => ({ gate_id: 'gate_none' }),
  'gates.reject': () => ({ gate_id: 'gate_none', reason: 'no' }),
  'gates.undo': () => ({ gate_id: 'gate_none' }),
  'gates.revoke': () => ({ gate_id: 'gate_none', reason: 'no longer' }),
  'gates.extend': () => ({ gate_id: 'gate_none', seconds: 60 }),
  'gates.snooze': () => ({ gate_id: 'gate_none', seconds: 60 }),
  'gates.reviewing': () => ({ gate_id: 'gate_none' }),
  'grants.add': () => ({ gate_id: 'gate_none', scope: 'rule-run' }),
  'grants.list': () => ({}),
  'grants.revoke': () => ({ grant_id: 'grant_none' }),
  'channels.list': () => ({}),
  'channels.test': () => ({ name: 'nowhere' }),
  'notices.report': () => ({ notice_id: 'none', outcome: 'dismissed' }),
  'exports.prepare': (way) => ({ export_id: `exp_${way.padEnd(8, '0')}`, run_id: 'run-1', format: 'json' }),
  'exports.cancel': () => ({ export_id: EXPORT_ID }),
  'exports.save': () => ({ export_id: EXPORT_ID }),
  'audit.status': () => ({}),
  'audit.verify': () => ({}),
  'retention.status': () => ({}),
  'retention.purge': () => ({ days: 400, dry_run: true }),
  'redaction.preview': () => ({ text: 'sk-ant-api03-nothing' }),
  'telemetry.status': () => ({}),
};

/** What changes from one call to the next whatever the way: instants, amounts of bytes, hashes, new ids and tokens. */
const PASSING =
  /_at$|^(now|as_of|token|token_prefix|agent_id|seq|hash|records|version|name|note|in_flight)$|bytes|sha256|^export_id$|^file_name$|^launch_url$/;

/** An answer with what passes replaced by its kind. */
const lasting = (answer: unknown): unknown =>
  JSON.parse(JSON.stringify(answer), (key, value: unknown) => (PASSING.test(key) ? typeof value : value));

describe('a core’s operations', () => {
  const home = mkdtempSync(join(tmpdir(), 'rungate-parity-'));
  let rungate: TestRungate;
  let ways: readonly Way[];
  beforeAll(async () => {
    const commandSocket = join(home, 'core.sock');
    rungate = await startTestRungate({ operatorPort: 0, commandSocket, limits: { cliDecisions: true } });
    const { core } = rungate;
    if (core.operator === null) throw new Error('the operator port is not open');
    const token = await rungate.addAgent('bot');
    const begun = await fetch(`${rungate.url}/v1/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ run_id: 'run-1' }),
    });
    expect(begun.status).toBeLessThan(300);
    const direct: Way = {
      name: 'direct',
      async send(operation, body) {
        const reply = await core.call(operation, JSON.parse(body), { actor: 'operator', channel: 'test' });
        return { status: reply.ok ? 200 : FAILURES[reply.failure.code].status, reply };
      },
    };
    ways = [direct, overHttp(await signIn(core.operator)), overSocket(commandSocket)];
  });
  afterAll(async () => {
    await rungate.close();
    rmSync(home, { recursive: true });
  });

  /** The answers on every way, one after the other. */
  async function answers(operation: string, body: (way: number) => unknown) {
    const found = [];
    for (const [n, { send }] of ways.entries()) found.push(await send(operation, JSON.stringify(body(n))));
    return found;
  }

  it.each(NAMES)('%s answers the same on every way', async (name) => {
    const [direct, ...others] = await answers(name, (way) => VALID[name](`way${way}`));
    expect(direct?.reply).not.toMatchObject({ failure: { code: 'internal_error' } });
    expect(direct?.reply).not.toMatchObject({ failure: { code: 'invalid_request' } });
    for (const other of others) expect(lasting(other)).toEqual(lasting(direct));
  });

  it.each(NAMES)('%s refuses what it does not take, on every way the same', async (name) => {
    const valid = VALID[name]('way') as Readonly<Record<string, unknown>>;
    const wrongs = [
      null,
      [],
      'text',
      7,
      true,
      { ...valid, surplus: 1 },
      ...Object.keys(valid).map((key) => ({ ...valid, [key]: { no: 1 } })),
    ];
    for (const wrong of wrongs) {
      const [direct, ...others] = await answers(name, () => wrong);
      const anything = (name === 'policies.test' && 'body' in valid) || name === 'gates.reject';
      if (!anything) expect(direct).toMatchObject({ status: 400, reply: { failure: { code: 'invalid_request' } } });
      for (const other of others) expect(lasting(other)).toEqual(lasting(direct));
    }
  });

  it.each(['core.sing', 'nothing', 'toString', '__proto__', 'constructor', 'core.status.more', 'x'.repeat(90)])(
    'there is no operation %s on any way',
    async (name) => {
      const [direct, ...others] = await answers(name, () => ({}));
      expect(direct).toMatchObject({ status: 404, reply: { ok: false, failure: { code: 'not_found' } } });
      for (const other of others) expect(other).toEqual(direct);
    },
  );
});
