import { hash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BlockDetail, readBlock } from '../../../proxy-core/contract/block.ts';
import type { AuditRecord } from '../../../proxy-core/contract/records.ts';
import { send } from '../../harness/agent-client.ts';
import { applyPolicies, ask, type Caller, type GateBench, startGateBench } from './gate-bench.ts';
import { answering, FORMATS, framesOf, jsonOf, LOOKUP, WIPE } from './provider-answers.ts';

/** Every block by a rule is in the run's trace and in the audit: which rule, what it saw, what was withheld, what was sent. */

/** Nothing about users may be asked; tables are never dropped, with advice that the rule itself gives. */
const STRICT = `policy: strict
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "model:none"
    match: { model: { $regex: "mini" } }
    action: block
    message: "No small models."
  - rule: "drop:any"
    match: { tool: run_sql, args.sql: { $contains: "DROP TABLE" } }
    action: block
    message: "Never drop tables"
    recover: "Archive the table instead"
`;
const DROP = { id: 'call_drop', name: 'run_sql', args: '{"sql":"DROP TABLE users"}' };
const SAID = { text: 'I will drop it.', calls: [LOOKUP, DROP] };
const SEEN = 'args.sql DROP TABLE users contains "DROP TABLE"';

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, [STRICT]);
});
beforeEach(() => bench.upstream.script(answering(SAID)));
afterAll(() => bench.close());

const sha256 = (bytes: string | Uint8Array): string => hash('sha256', bytes, 'hex');
const factsOf = ({ fields }: AuditRecord): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, 'value' in field ? field.value : null]));

/** The only block of a run: its step, its audit record, and the run as it is shown. */
async function blockIn({
  runId,
}: Pick<Caller, 'runId'>): Promise<{ block: BlockDetail; audited: Record<string, unknown> }> {
  const { steps, run } = await bench.rungate.call('runs.show', { run_id: runId });
  const blocks = steps.map(readBlock).filter((block) => block !== null);
  expect(blocks).toHaveLength(1);
  const [block] = blocks as [BlockDetail];
  expect(steps.filter(({ kind }) => kind === 'refusal').map(({ summary }) => summary)).toEqual([block.failure]);
  expect(run).toMatchObject({ last_refusal: block.failure, last_refusal_rule: block.rule });
  const { records } = await bench.rungate.call('runs.audit', { run_id: runId, after_seq: 0, limit: 200 });
  const audited = records.filter(({ kind }) => kind === 'policy.blocked').map(factsOf);
  expect(audited).toHaveLength(1);
  expect(audited[0]).toMatchObject({ ...block, exchange_id: block.blocked_exchange_id });
  return { block, audited: audited[0] ?? {} };
}

/** The hash of what is stored of the call. */
async function stored({ blocked_exchange_id }: BlockDetail, side: 'request' | 'response'): Promise<string> {
  const { content, encoding } = await bench.rungate.call('exchanges.body', { exchange_id: blocked_exchange_id, side });
  return sha256(Buffer.from(content, encoding));
}

const FORMS = FORMATS.flatMap((format) => [false, true].map((stream) => [format, stream] as const));

describe('a tool call that a rule blocks in an answer', () => {
  it.each(FORMS)(
    '%s (stream: %s) by retry is recorded with rule, value, what was withheld and the refusal',
    async (format, stream) => {
      const caller = await bench.caller({ policy: 'strict', delivery: 'retry' });
      const answer = await ask(bench, caller, format, { stream, tools: ['lookup', 'run_sql'] });
      expect(answer.status).toBe(403);
      const { block, audited } = await blockIn(caller);
      expect(block).toMatchObject({
        stage: 'response',
        failure: 'policy_blocked',
        rule: 'drop:any',
        policy: 'strict@1',
        message: 'Never drop tables',
        recover: 'Archive the table instead',
        tool: 'run_sql',
        tools: ['lookup', 'run_sql'],
        sent: 'refusal',
        sent_status: 403,
        sent_text: answer.text,
        sent_bytes: answer.body.length,
        sent_sha256: sha256(answer.body),
      });
      expect(block.matched).toContain(SEEN);
      const whole = stream ? framesOf(format, SAID, true).join('') : JSON.stringify(jsonOf(format, SAID));
      expect(block).toMatchObject({ withheld: 'answer', withheld_from: 0, withheld_bytes: whole.length });
      expect(block.withheld_sha256).toBe(sha256(whole));
      expect(await stored(block, 'response')).toBe(block.withheld_sha256);
      expect(audited['blocked_actions']).toEqual([
        { tool: 'lookup', args: { q: 'ord_1' }, call_id: 'call_lookup', rule: null },
        { tool: 'run_sql', args: { sql: 'DROP TABLE users' }, call_id: 'call_drop', rule: 'drop:any' },
      ]);
    },
  );

  it.each(FORMATS)(
    '%s by hold ends the stream with a text that says how to go on, which is what is recorded',
    async (format) => {
      const caller = await bench.caller({ policy: 'strict', delivery: 'hold' });
      const answer = await ask(bench, caller, format, { stream: true, tools: ['lookup', 'run_sql'] });
      expect([answer.status, answer.ended]).toEqual([200, true]);
      expect(answer.text).toContain('Archive the table instead.');
      expect(answer.text).not.toContain('DROP TABLE');
      const { block } = await blockIn(caller);
      expect(block).toMatchObject({ rule: 'drop:any', sent: 'text', sent_status: null });
      expect(answer.text.endsWith(block.sent_text ?? 'nothing')).toBe(true);
      expect(block.sent_sha256).toBe(sha256(answer.body.subarray(answer.body.length - block.sent_bytes)));
      const whole = Buffer.from(framesOf(format, SAID, true).join(''));
      expect(block.withheld_from).toBeGreaterThan(0);
      expect(block.withheld_sha256).toBe(sha256(whole.subarray(block.withheld_from)));
      expect(answer.body.subarray(0, block.withheld_from)).toEqual(whole.subarray(0, block.withheld_from));
    },
  );

  it('of a tool that nobody declared, where the stream had begun by retry, is recorded with the cut', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    bench.upstream.script(answering({ text: 'wipe', calls: [WIPE] }));
    const answer = await ask(bench, caller, 'messages', { stream: true, tools: [LOOKUP.name] });
    expect(answer.ended).toBe(false);
    const { block } = await blockIn(caller);
    expect(block).toMatchObject({ rule: 'disk:never', sent: 'error', sent_status: null });
    expect(answer.text.endsWith(block.sent_text ?? 'nothing')).toBe(true);
  });

  it('is told to whoever listens, once it is recorded', async () => {
    const caller = await bench.caller({ policy: 'strict', delivery: 'retry' });
    await ask(bench, caller, 'chat', { tools: ['run_sql'] });
    const ofRun = bench.rungate.events.filter(({ body }) => 'run_id' in body && body.run_id === caller.runId);
    expect(ofRun.find(({ name }) => name === 'policy.blocked')?.body).toMatchObject({
      rule: 'drop:any',
      subject: 'run_sql',
      stage: 'response',
      message: 'Never drop tables',
      matched: expect.arrayContaining([SEEN]),
      sent: 'a refusal (403)',
    });
    expect(ofRun.find(({ name }) => name === 'run.blocked')?.body).toMatchObject({ reason: 'policy_blocked' });
  });

  it('leaves no mark of a refusal once a call has passed again', async () => {
    const caller = await bench.caller({ policy: 'strict', delivery: 'retry' });
    await ask(bench, caller, 'chat', { tools: ['run_sql'] });
    bench.upstream.script(answering({ text: 'fine', calls: [] }));
    await ask(bench, caller, 'chat', { words: 'else' });
    expect(await bench.run(caller)).toMatchObject({ last_refusal: null, last_refusal_rule: null });
  });
});

describe('what a rule blocks before it leaves', () => {
  it('a request, is recorded with its bytes and the refusal', async () => {
    const caller = await bench.caller({ policy: 'strict' });
    const calls = bench.forwarded();
    const answer = await ask(bench, caller, 'chat', { body: { model: 'gpt-5-mini' } });
    expect([answer.status, calls()]).toEqual([403, 0]);
    const { block } = await blockIn(caller);
    expect(block).toMatchObject({
      stage: 'request',
      rule: 'model:none',
      tool: null,
      withheld: 'request',
      withheld_from: 0,
      sent: 'refusal',
      sent_text: answer.text,
    });
    expect(block.matched[0]).toContain('gpt-5-mini');
    expect(await stored(block, 'request')).toBe(block.withheld_sha256);
  });

  it('a call of the tool invocation API, is recorded with its arguments', async () => {
    const caller = await bench.caller({ policy: 'strict' });
    const answer = await send(bench.rungate.url, {
      path: '/v1/tools/run_sql',
      token: caller.token,
      headers: { 'x-rungate-run-id': caller.runId },
      body: { call_id: 'c1', args: { sql: 'DROP TABLE users' } },
    });
    expect(answer.status).toBe(403);
    const { block, audited } = await blockIn(caller);
    expect(block).toMatchObject({ stage: 'tool', rule: 'drop:any', tool: 'run_sql', sent_text: answer.text });
    expect(audited['blocked_actions']).toMatchObject([{ tool: 'run_sql', args: { sql: 'DROP TABLE users' } }]);
  });
});
