import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Configuration, configuration } from '../../proxy-core/config/schema.ts';
import { EXPORT_FORMATS } from '../../proxy-core/contract/operations/exports.ts';
import { type AgentAnswer, send } from '../harness/agent-client.ts';
import { chatAnswer, chatToolAnswer } from '../harness/answers.ts';
import { type Collector, startHttpCollector } from '../harness/otlp-collector.ts';
import { startTestRungate, TEST_HOST, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';
import { readStoredTexts, type StoredTexts } from '../harness/stored-texts.ts';

/**
 * C7, where text leaves: secrets that agents, tools and providers say, in every place they can say them, and the operator's
 * own patterns. None may be in a log line, a notice, a span or an export; with `at_storage` none in the store either.
 */

const SECRETS = {
  key: 'sk-canary-said-in-a-prompt-71ac',
  own: 'EMP-904417',
  card: '4111 1111 1111 1111',
  password: 'hunter2-canary-31d0',
  url: 'canary-userinfo-55e2',
  inner: 'xoxb-canary-in-inner-json-2b',
  stream: 'sk-canary-said-in-a-stream-0f3b',
  result: 'ghp_canaryCanaryCanaryCanary0123456789',
  error: 'sk-canary-in-an-upstream-error-11',
  reason: 'sk-canary-in-a-matched-value-99',
  gate: 'sk-canary-in-a-gated-call-44aa',
  label: 'sk-canary-in-a-label-77b1',
} as const;
const LEAKS: readonly string[] = [...Object.values(SECRETS), '4111111111111111'];

const POLICY = `policy: watched
rules:
  - rule: "refunds"
    match: { tool: issue_refund }
    action: gate
    message: "Refunds are looked at."
  - rule: "no-keys"
    match: { tool: send_key, args.key: { $regex: "^sk-" } }
    action: block
  - rule: "note-keys"
    match: { tool: note_key, args.key: { $regex: "^sk-" } }
    action: alert
`;

interface Scene {
  readonly rungate: TestRungate;
  readonly upstream: ScriptedUpstream;
  readonly collector: Collector;
  readonly notices: string[];
  readonly exports: Map<string, string>;
  readonly answers: Awaited<ReturnType<typeof converse>>;
  readonly masked: number;
  readonly stored: StoredTexts;
  close(): Promise<void>;
}

async function startReceiver(notices: string[]) {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      notices.push(body);
      // The outbox quotes what receivers say when they refuse.
      response.writeHead(notices.length === 1 ? 500 : 204).end(`no: ${SECRETS.key}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, server };
}

async function play(atStorage: boolean): Promise<Scene> {
  const notices: string[] = [];
  const receiver = await startReceiver(notices);
  const collector = await startHttpCollector();
  const upstream = await startScriptedUpstream(() => undefined);
  const settings: Configuration = configuration.parse({
    redaction: { patterns: ['EMP-\\d{6}'], at_storage: atStorage },
    otlp: { endpoint: collector.endpoint, content: true },
    channels: { webhook: [{ name: 'all', url: receiver.url, secret: 'env:HOOK', events: ['*'] }] },
  });
  const rungate = await startTestRungate({
    home: mkdtempSync(join(tmpdir(), 'rungate-leaving-')),
    upstreamUrl: upstream.url,
    configuration: settings,
    resolveSecret: async () => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    host: {
      ...TEST_HOST,
      printPdf: async (file) => Buffer.concat([Buffer.from('%PDF-1.7\n'), readFileSync(file)]),
    },
  });
  await rungate.call('policies.apply', { document: POLICY, file_name: 'watched.yaml', note: 'first' });
  const token = await rungate.addAgent('bot', { policy: 'watched', delivery: 'retry' });
  const answers = await converse(rungate, upstream, token);
  const { exchanges } = await rungate.call('runs.show', { run_id: 'said' });
  const exports = await exportAll(rungate);
  await rungate.core.close();
  return {
    rungate,
    upstream,
    collector,
    notices,
    exports,
    answers,
    masked: exchanges.reduce((sum, { masked }) => sum + masked, 0),
    stored: readStoredTexts(rungate.home),
    async close() {
      await upstream.close();
      await collector.close();
      receiver.server.closeAllConnections();
      receiver.server.close();
      await rungate.close();
    },
  };
}

const PROMPT = `My key is ${SECRETS.key}, I am ${SECRETS.own}, the card is ${SECRETS.card}, password="${SECRETS.password}"
  and the page is https://me:${SECRETS.url}@example.test/x. ${JSON.stringify({ token: SECRETS.inner })}`;

async function converse(rungate: TestRungate, upstream: ScriptedUpstream, token: string) {
  const messages: unknown[] = [{ role: 'user', content: PROMPT }];
  const ask = (more: object = {}): Promise<AgentAnswer> =>
    send(rungate.url, {
      path: '/v1/chat/completions',
      token,
      headers: { 'x-rungate-run-id': 'said', 'x-rungate-label-goal': `use ${SECRETS.label}` },
      body: { model: 'gpt-4.1', max_tokens: 10, messages, tools: TOOLS, ...more },
    });
  const answer = (body: unknown, status = 200): void =>
    upstream.script((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  answer(chatAnswer(`You said: ${PROMPT}`));
  const echo = await ask();
  answer(chatToolAnswer('call_1', 'note_key', JSON.stringify({ key: SECRETS.reason, password: SECRETS.password })));
  await ask();
  messages.push(
    { role: 'assistant', content: null, tool_calls: [call('call_1', 'note_key')] },
    { role: 'tool', tool_call_id: 'call_1', content: `done with ${SECRETS.result}` },
  );
  upstream.script((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of SECRETS.stream.match(/.{1,5}/g) ?? []) response.write(frame({ content: piece }));
    response.end(`${frame({}, 'stop')}data: [DONE]\n\n`);
  });
  const stream = await ask({ stream: true });
  answer({ error: { message: `bad: ${SECRETS.error} of ${SECRETS.own}` } }, 500);
  await ask();
  answer(chatToolAnswer('call_2', 'send_key', JSON.stringify({ key: SECRETS.reason })));
  const blocked = await ask({ temperature: 0 });
  answer(chatToolAnswer('call_3', 'issue_refund', JSON.stringify({ note: SECRETS.gate, by: SECRETS.own })));
  const asked = await ask({ temperature: 0.1 });
  const { gate_id: gateId } = asked.json<{ context: { gate_id: string } }>().context;
  await rungate.call('gates.approve', { gate_id: gateId });
  const released = await ask({ temperature: 0.1 });
  const again = await ask({ temperature: 0.1 });
  await send(rungate.url, { path: '/v1/runs/said/complete', token, body: {} });
  return { echo, stream, blocked, asked, released, again };
}

const TOOLS = ['note_key', 'send_key', 'issue_refund'].map((name) => ({ type: 'function', function: { name } }));
const call = (id: string, name: string) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify({ key: SECRETS.reason }) },
});
const frame = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', model: 'gpt-4.1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

/** Every format's file, unpacked where it is a zip. */
async function exportAll(rungate: TestRungate): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const format of EXPORT_FORMATS) {
    const export_id = `exp_canary${format}`;
    await rungate.call('exports.prepare', { export_id, format, run_id: 'said' });
    const bytes = readFileSync(join(rungate.home, 'exports', export_id));
    if (format !== 'bundle') files.set(format, bytes.toString('latin1'));
    else
      for (const [name, file] of Object.entries(unzipSync(bytes)))
        files.set(`bundle ${name}`, Buffer.from(file).toString('latin1'));
  }
  return files;
}

const hits = (texts: Iterable<string>): readonly string[] =>
  [...texts].flatMap((one) => LEAKS.filter((secret) => one.includes(secret)));

describe.each([
  ['kept exactly', false],
  ['masked at storage', true],
] as const)('C7 secrets in what is said, with the store %s', (_mode, atStorage) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await play(atStorage);
  });
  afterAll(() => scene.close());

  it('reach the provider and the agent exactly as they were said', () => {
    const sent = scene.upstream.received.map(({ body }) => JSON.parse(body.toString()) as { messages: unknown });
    expect(JSON.stringify(sent[0]?.messages)).toBe(JSON.stringify([{ role: 'user', content: PROMPT }]));
    const { echo, stream } = scene.answers;
    expect(echo.text).toBe(JSON.stringify(chatAnswer(`You said: ${PROMPT}`)));
    expect(stream.text.match(/(?<="content":")[^"]*/g)?.join('')).toBe(SECRETS.stream);
  });

  it('are released from a gate exactly as they were held, to every retry', () => {
    const held = JSON.stringify(
      chatToolAnswer('call_3', 'issue_refund', JSON.stringify({ note: SECRETS.gate, by: SECRETS.own })),
    );
    expect(scene.answers.released.text).toBe(held);
    expect(scene.answers.again.text).toBe(held);
  });

  it('stand in no log line', () => {
    expect(scene.rungate.logged.length).toBeGreaterThan(0);
    expect(hits(scene.rungate.logged.map((line) => JSON.stringify(line)))).toEqual([]);
  });

  it('stand in no notice', () => {
    expect(scene.notices.map((body) => (JSON.parse(body) as { type: string }).type)).toContain('approval.pending');
    expect(hits(scene.notices)).toEqual([]);
  });

  it('stand in no span, with content sent', () => {
    const spans = scene.collector.spans.map((span) =>
      JSON.stringify(span, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    );
    expect(spans.join('')).toContain('My key is [masked]');
    expect(hits(spans)).toEqual([]);
  });

  it('stand in no export', () => {
    expect(scene.exports.get('json')).toContain('My key is [masked]');
    for (const [name, file] of scene.exports) expect({ name, hits: hits([file]) }).toEqual({ name, hits: [] });
  });

  it(`${atStorage ? 'stand nowhere in the store' : 'stand in the store as they were said'}, but with gates exactly`, () => {
    const { rows, blobs, gateBlobs } = scene.stored;
    expect(new Set(hits(gateBlobs))).toEqual(new Set([SECRETS.gate, SECRETS.own]));
    if (atStorage) {
      // What a person has decided on is in the audit word for word.
      const others = rows.filter((row) => !row.startsWith('{') || !row.includes('"proposed_actions"'));
      expect(others.length).toBeLessThan(rows.length);
      expect(hits(others)).toEqual([]);
      expect(hits(blobs)).toEqual([]);
      expect(blobs.join('')).toContain('My key is [masked], I am [masked]');
    } else expect(new Set(hits(blobs))).toContain(SECRETS.key);
  });

  it('are counted where they were masked on the way in', () => {
    expect(scene.masked > 0).toBe(atStorage);
  });
});
