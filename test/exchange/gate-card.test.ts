import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GateCard } from '../../proxy-core/contract/gate-card.ts';
import { openCall } from '../harness/agent-client.ts';
import {
  applyPolicies,
  ask,
  type Caller,
  callOf,
  decideAs,
  type GateBench,
  open,
  startGateBench,
  waitingOf,
} from './gates/gate-bench.ts';
import { answering, FORMATS, REFUND, type SaidCall } from './gates/provider-answers.ts';
import { askWithSdk } from './gates/sdk-client.ts';

/** What a reviewer is shown of a gate that real calls have opened. */

const SHELL = `policy: shell
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "shell:ask"
    match: { action.kind: shell }
    action: gate
  - rule: "web:ask"
    match: { action.kind: http }
    action: gate
  - rule: "file:ask"
    match: { action.kind: write }
    action: gate
`;

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, [SHELL]);
});
beforeEach(() => bench.upstream.script(answering({ text: 'I will pay it back.', calls: [REFUND] })));
afterAll(() => bench.close());

const cardOf = async (gateId: string): Promise<GateCard> =>
  (await bench.rungate.call('gates.card', { gate_id: gateId })).card;

/** The card of the gate that an answer with these calls opens. */
async function carded(calls: readonly SaidCall[], asking: Parameters<typeof ask>[3] = {}, caller?: Caller) {
  const own = caller ?? (await bench.caller({ policy: 'shell', delivery: 'retry' }));
  bench.upstream.script(answering({ text: 'As you asked.', calls }));
  const tools = calls.map(({ name }) => name);
  const { gate_id: gateId } = waitingOf(await ask(bench, own, 'messages', { tools, ...asking }));
  return { caller: own, gateId, card: await cardOf(gateId) };
}

const call = (name: string, args: unknown): SaidCall => ({ id: `call_${name}`, name, args: JSON.stringify(args) });
const codes = ({ risk }: GateCard): readonly string[] => risk.reasons.map(({ code }) => code);

it('shows each condition whole, however long its list is, where an agent is told the beginning', async () => {
  const tools = Array.from({ length: 40 }, (_, n) => `internal_tool_${n}`);
  const document = `policy: listed\nbudget: { run_usd: 5 }\nrules:\n  - { rule: "listed:ask", match: { tool: { $in: [${tools.join(', ')}] } }, action: gate }\n`;
  await applyPolicies(bench.rungate, [document]);
  const caller = await bench.caller({ policy: 'listed', delivery: 'retry' });
  bench.upstream.script(answering({ text: '', calls: [call('internal_tool_7', {})] }));
  const { gate_id: gateId, matched } = waitingOf(
    await ask(bench, caller, 'messages', { tools: ['internal_tool_7'] }),
  ) as ReturnType<typeof waitingOf> & { readonly matched: unknown };
  const { clauses } = await cardOf(gateId);
  expect(clauses).toEqual([{ text: `\`tool\` internal_tool_7 in ${JSON.stringify(tools)}`, matched: true }]);
  expect(JSON.stringify(matched)).toContain('internal_tool_1');
  expect(JSON.stringify(matched)).not.toContain('internal_tool_39');
});

describe.each(FORMATS)('the card of a call by the official SDK (%s)', (format) => {
  it.each([false, true])('says what is proposed, why, and in whose words (stream %s)', async (stream) => {
    const caller = await bench.caller({ delivery: 'auto' });
    const answered = askWithSdk(format, { url: bench.rungate.url, caller, stream, words: 'pay ord_1 back, please' });
    const gate = await bench.opened(caller);
    const card = await cardOf(gate.gate_id);
    expect(card.gate).toMatchObject({ gate_id: gate.gate_id, state: 'pending', action_hash: gate.action_hash });
    expect(card.actions).toEqual([
      {
        view: 'json',
        tool: 'issue_refund',
        call_id: 'call_refund',
        rule: 'refund:over-$500',
        matched_paths: ['tool', 'args.amount_usd'],
        raw: format === 'messages' && !stream ? '{"order":"ord_1","amount_usd":1240}' : REFUND.args,
        args: { order: 'ord_1', amount_usd: 1240 },
      },
    ]);
    expect(card.clauses).toContainEqual({ text: '`args.amount_usd` 1240 ≥ 500', matched: true });
    expect(card.goal).toBe('pay ord_1 back, please');
    expect(card.agent_says).toBe('I will pay it back.');
    expect(card.risk).toMatchObject({
      level: 'high',
      reasons: [{ code: 'amount', text: 'amount_usd 1240 is over 500' }],
    });
    expect(card.client).toEqual({
      name: format === 'messages' ? 'anthropic-sdk' : 'openai-sdk',
      delivery: 'hold',
      attached: true,
      next_retry_at: null,
    });
    expect(card.run).toMatchObject({ run_id: caller.runId, state: 'waiting' });
    expect(card.budgets).toContainEqual(expect.objectContaining({ scope: 'run', subject: caller.runId }));
    expect(card.recent_steps.map(({ kind }) => kind)).toEqual(['model_call', 'tool_call']);
    await decideAs(bench, 'approve', gate.gate_id);
    await answered;
    const after = await cardOf(gate.gate_id);
    expect(after.client.attached).toBe(false);
    expect(after.gate.released_at).not.toBeNull();
  });
});

describe('the card of a shell command', () => {
  it('has a row for each command, with the directory and the names of variables', async () => {
    const command = 'cd build && TOKEN=x make all | tee log; cat <<EOF > notes\nhi; there\nEOF\nrm -rf old';
    const { card } = await carded([call('Bash', { command, cwd: '/home/ann/api' })]);
    expect(card.actions).toEqual([
      expect.objectContaining({ view: 'shell', command, cwd: '/home/ann/api', env: ['TOKEN'] }),
    ]);
    const [action] = card.actions;
    expect(action?.view === 'shell' ? action.segments : []).toEqual([
      { joiner: null, text: 'cd build', binary: 'cd' },
      { joiner: '&&', text: 'TOKEN=x make all', binary: 'make' },
      { joiner: '|', text: 'tee log', binary: 'tee' },
      { joiner: ';', text: 'cat <<EOF > notes\nhi; there\nEOF', binary: 'cat' },
      { joiner: '\n', text: 'rm -rf old', binary: 'rm' },
    ]);
    expect(card.risk.level).toBe('critical');
    expect(card.offers).toEqual([]);
    expect(card.not_grantable).toMatch(/critical/i);
  });

  it('takes the directory from what the client says of itself, and tells what leaves it', async () => {
    const system = 'You are Claude Code.\n<env>\nWorking directory: /home/ann/api\nPlatform: linux\n</env>';
    const { card } = await carded([call('Bash', { command: 'echo x > /etc/motd' })], { body: { system } });
    expect(card.actions[0]).toMatchObject({ view: 'shell', cwd: '/home/ann/api' });
    expect(codes(card)).toEqual(['outside_cwd']);
    expect(card.risk.unknown).toEqual([]);
  });

  it('says that the directory is not known where nobody names one', async () => {
    const { card } = await carded([call('Bash', { command: 'ls' })]);
    expect(card.actions[0]).toMatchObject({ view: 'shell', cwd: null });
    expect(card.risk).toMatchObject({ level: 'normal', unknown: ['working directory'] });
  });
});

describe('the card of an HTTP call', () => {
  const fetchOf = (url: string): SaidCall =>
    call('http_request', {
      url,
      method: 'post',
      headers: { Authorization: 'Bearer abcdef', Accept: '*/*' },
      body: { a: 1 },
    });

  it('shows it with masked credentials, and names a host that the agent has not addressed before', async () => {
    const { card, caller } = await carded([fetchOf('https://api.example.com/v1/x?y=1')]);
    expect(card.actions).toEqual([
      expect.objectContaining({
        view: 'http',
        method: 'POST',
        url: 'https://api.example.com/v1/x?y=1',
        host: 'api.example.com',
        headers: [
          { name: 'Authorization', value: 'Bearer ••• (6 characters)' },
          { name: 'Accept', value: '*/*' },
        ],
        body: '{"a":1}',
      }),
    ]);
    expect(codes(card)).toContain('first_seen_host');
    bench.rungate.advance(60_000);
    const again = await carded([fetchOf('https://api.example.com/other')], { words: 'again' }, caller);
    expect(codes(again.card)).not.toContain('first_seen_host');
  });
});

describe('the card of a file change', () => {
  it('shows what is replaced by what', async () => {
    const { card } = await carded([
      call('Edit', { file_path: '/a/b.ts', old_string: 'one', new_string: 'two' }),
      call('Write', { file_path: '/a/c.ts', content: 'all of it\n' }),
    ]);
    expect(card.actions.map((action) => (action.view === 'diff' ? action.changes : action.view))).toEqual([
      [{ path: '/a/b.ts', before: 'one', after: 'two', patch: null, bytes: 3, mode: null, binary: null }],
      [{ path: '/a/c.ts', before: null, after: 'all of it\n', patch: null, bytes: 10, mode: null, binary: null }],
    ]);
  });
});

describe('what surrounds the decision', () => {
  it('has earlier decisions on the same rule and tool, latest first', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    const gate = async (words: string) => waitingOf(await ask(bench, caller, 'messages', { words })).gate_id;
    const first = await gate('one');
    await decideAs(bench, 'approve', first);
    const second = await gate('two');
    await decideAs(bench, 'reject', second, { reason: 'no' });
    const third = await gate('three');
    const { similar } = await cardOf(third);
    const own = similar.filter(({ run_id: runId }) => runId === caller.runId);
    expect(own.map(({ gate_id: id, state }) => [id, state])).toEqual([
      [second, 'rejected'],
      [first, 'approved'],
    ]);
    expect(own[0]?.proposed_actions).toHaveLength(1);
    expect((await cardOf(first)).similar.map(({ gate_id: id }) => id)).not.toContain(second);
  });

  it('previews what each way to remember would have covered', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    const propose = async (args: object, runId: string) => {
      bench.upstream.script(answering({ calls: [{ ...REFUND, args: JSON.stringify(args) }] }));
      return ask(bench, { ...caller, runId }, 'messages', { words: JSON.stringify(args) });
    };
    await propose({ order: 'a', amount_usd: 900 }, 'other-run-of-offers');
    await propose({ order: 'a', amount_usd: 20 }, caller.runId);
    await propose({ order: 'a', amount_usd: 700 }, caller.runId);
    const answer = await propose({ order: 'b', amount_usd: 800 }, caller.runId);
    const { offers, not_grantable } = await cardOf(waitingOf(answer).gate_id);
    expect(not_grantable).toBeNull();
    expect(offers.map(({ scope, matched, of, lasts_seconds }) => [scope, matched, of, lasts_seconds])).toEqual([
      ['exact-run', 1, 4, null],
      ['rule-run', 2, 4, null],
      ['rule-agent', 3, 4, 3600],
    ]);
    expect(offers[0]?.shown).toContain('"amount_usd":800');
  });

  it('expects a polling agent when it was told to come, then at the pace it shows', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    const gateId = waitingOf(await ask(bench, caller, 'messages')).gate_id;
    const first = await cardOf(gateId);
    expect(first.client).toMatchObject({ name: null, delivery: 'retry', attached: false });
    expect(first.client.next_retry_at).toBe(first.gate.created_at + 5_000);
    bench.rungate.advance(20_000);
    await ask(bench, caller, 'messages');
    const { gate, client } = await cardOf(gateId);
    const retried = gate.last_retry_at ?? 0;
    expect(gate.retries).toBe(1);
    expect(client.next_retry_at).toBe(retried + (retried - gate.created_at));
    await decideAs(bench, 'reject', gateId);
    expect((await cardOf(gateId)).client.next_retry_at).toBeNull();
  });

  it('takes the goal from the run’s label before what its user said', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    await openCall(bench.rungate.url, {
      path: '/v1/runs',
      token: caller.token,
      headers: {},
      body: { run_id: caller.runId, labels: { goal: 'close the books' } },
    }).answer;
    const gateId = waitingOf(await ask(bench, caller, 'messages')).gate_id;
    expect((await cardOf(gateId)).goal).toBe('close the books');
  });

  it('of a whole request shows its facts and nothing that was never there', async () => {
    const caller = await bench.caller({ policy: 'asking', delivery: 'retry' });
    const gateId = waitingOf(await ask(bench, caller, 'chat')).gate_id;
    const card = await cardOf(gateId);
    expect(card.actions).toEqual([expect.objectContaining({ view: 'json', tool: 'model_call' })]);
    expect(card).toMatchObject({ agent_says: null, risk: { level: 'normal', reasons: [] } });
    expect(card.offers.map(({ scope }) => scope)).toEqual(['rule-run', 'rule-agent']);
  });

  it('is refused for a gate that is not there', async () => {
    const reply = await bench.rungate.tryCall('gates.card', { gate_id: 'gate_none' });
    expect(reply).toMatchObject({ ok: false, failure: { code: 'not_found' } });
  });
});

describe('text that a model chose', () => {
  it('is given complete and unchanged in every field', async () => {
    const nasty = '</script><img src=x onerror=alert(1)>\u202e\u200b\0\u001b[31m';
    const { card } = await carded([call('Bash', { command: nasty })]);
    const [action] = card.actions;
    expect(action?.view === 'shell' ? action.command : null).toBe(nasty);
    expect(JSON.parse(action?.raw ?? '')).toEqual({ command: nasty });
    expect(codes(card)).toContain('hidden_characters');
    for (const { text } of card.risk.reasons) expect(text).not.toContain('\u202e');
  });

  it('of two megabytes is on the card whole (E11)', async () => {
    const content = 'x'.repeat(2 * 1024 * 1024);
    const { card } = await carded([call('Write', { file_path: '/a', content })]);
    const [action] = card.actions;
    expect(action?.view === 'diff' ? action.changes[0]?.after?.length : null).toBe(content.length);
    expect(action?.raw.length).toBeGreaterThan(content.length);
    expect(codes(card)).toContain('too_long');
  });
});

describe('a held request', () => {
  it('that its client has closed is not attached any more', async () => {
    const caller = await bench.caller({ delivery: 'hold' });
    const held = open(bench, caller, 'messages', { stream: true });
    const gate = await bench.opened(caller);
    expect((await cardOf(gate.gate_id)).client).toMatchObject({ delivery: 'hold', attached: true });
    held.request.destroy();
    await held.answer.catch(() => undefined);
    await expect.poll(async () => (await cardOf(gate.gate_id)).client.attached).toBe(false);
    expect(callOf(caller, 'messages').token).toBe(caller.token);
  });
});
