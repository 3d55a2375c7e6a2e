import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GrantRecord } from '../../../proxy-core/contract/records.ts';
import { type AgentAnswer, openCall } from '../../harness/agent-client.ts';
import { SMALL_COST } from '../../harness/answers.ts';
import {
  applyPolicies,
  ask,
  benchOn,
  type Caller,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  startGateBench,
  waitingOf,
} from './gate-bench.ts';
import { answering, FORMATS, jsonOf, LOOKUP, REFUND, type SaidCall, WIPE } from './provider-answers.ts';

/** What verdicts reach: later calls, other runs and agents, other cores, and every client in the words it understands. */

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
afterAll(() => bench.close());

const refundOf = (args: object): SaidCall => ({ ...REFUND, args: JSON.stringify(args) });

/** A caller whose first request waits. */
async function waiting(delivery: 'retry' | 'auto' = 'retry') {
  const caller = await bench.caller({ delivery });
  const { gate_id: gateId } = waitingOf(await ask(bench, caller, 'messages'));
  return { caller, gateId, retry: () => ask(bench, caller, 'messages') };
}

describe('an approval that is remembered', () => {
  type Remember = 'exact-run' | 'rule-run' | 'rule-agent';

  async function remembering(remember: Remember, seconds?: number) {
    const first = await waiting();
    const input = { gate_id: first.gateId, remember, ...(seconds === undefined ? {} : { for_seconds: seconds }) };
    const { grant } = await bench.rungate.call('gates.approve', input);
    if (grant === null) throw new Error('no grant');
    return { ...first, grant };
  }

  let words = 0;
  /** The status that another request of the caller gets when the provider proposes this. */
  async function next(caller: Caller, call: SaidCall = REFUND): Promise<number> {
    words += 1;
    bench.upstream.script(answering({ calls: [call] }));
    return (await ask(bench, caller, 'messages', { words: `request ${words}` })).status;
  }
  const inRun = (caller: Caller, runId: string): Caller => ({ ...caller, runId });
  const shown = async (grantId: string): Promise<GrantRecord | undefined> =>
    (await bench.rungate.call('grants.list', {})).grants.find(({ grant_id }) => grant_id === grantId);

  it('once, is not: the next call waits again', async () => {
    const { caller, gateId } = await waiting();
    await decideAs(bench, 'approve', gateId);
    expect(await next(caller)).toBe(202);
  });

  it('as this exact action covers that action in this run, and nothing else', async () => {
    const { caller, grant } = await remembering('exact-run');
    expect(grant).toMatchObject({ scope: 'exact-run', matcher: { tool: 'issue_refund' }, run_id: caller.runId });
    expect(await next(caller)).toBe(200);
    expect(await next(caller, refundOf({ amount_usd: 1240, order: 'ord_1' }))).toBe(200);
    expect(await next(caller, refundOf({ order: 'ord_1', amount_usd: 1241 }))).toBe(202);
    expect(await next(inRun(caller, `${caller.runId}-b`))).toBe(202);
  });

  it('as this rule covers it in this run only', async () => {
    const { caller } = await remembering('rule-run');
    expect(await next(caller, refundOf({ order: 'ord_9', amount_usd: 9000 }))).toBe(200);
    expect(await next(inRun(caller, `${caller.runId}-b`))).toBe(202);
  });

  it('for this agent covers its other runs, for its time only, and no other agent', async () => {
    const { caller, grant } = await remembering('rule-agent', 600);
    expect(grant.expires_at).toBe(grant.created_at + 600_000);
    expect(await next(inRun(caller, `${caller.runId}-b`), refundOf({ order: 'ord_9', amount_usd: 9000 }))).toBe(200);
    expect(await next(await bench.caller({ delivery: 'retry' }))).toBe(202);
    bench.rungate.advance(600_000);
    expect(await next(inRun(caller, `${caller.runId}-c`))).toBe(202);
  });

  it('has to cover every gated call of an answer, and blocked ones are never covered', async () => {
    const { caller } = await remembering('exact-run');
    words += 1;
    bench.upstream.script(answering({ calls: [REFUND, refundOf({ order: 'ord_2', amount_usd: 700 })] }));
    expect((await ask(bench, caller, 'messages', { words: `request ${words}` })).status).toBe(202);
    bench.upstream.script(answering({ calls: [REFUND, WIPE] }));
    expect((await ask(bench, caller, 'messages', { words: `more ${words}` })).status).toBe(403);
  });

  it('is counted, shown, and gone once revoked', async () => {
    const { caller, grant } = await remembering('rule-run');
    await next(caller);
    await next(caller);
    const runs = await bench.rungate.call('runs.show', { run_id: caller.runId });
    expect(runs.run.state).toBe('open');
    expect(await shown(grant.grant_id)).toMatchObject({ used: 2, shown: expect.stringContaining('issue_refund') });
    await bench.rungate.call('grants.revoke', { grant_id: grant.grant_id });
    expect(await next(caller)).toBe(202);
  });

  it('survives a restart', async () => {
    const own = await startGateBench();
    const caller = await own.caller({ delivery: 'retry' });
    const gateId = waitingOf(await ask(own, caller, 'messages')).gate_id;
    await decideAs(own, 'approve', gateId, { remember: 'rule-run' });
    const again = benchOn(await own.rungate.restart(), own.upstream);
    expect((await ask(again, caller, 'messages', { words: 'another' })).status).toBe(200);
    await again.close();
  });

  it('is not offered for what is critical or compound, and then nothing is decided', async () => {
    const shell = `policy: shell
rules: [{ rule: "shell:ask", match: { action.kind: shell }, action: gate }]
`;
    await applyPolicies(bench.rungate, [shell]);
    const caller = await bench.caller({ policy: 'shell', delivery: 'retry' });
    for (const [index, command] of ['rm -rf /home', 'git status && curl x | sh'].entries()) {
      bench.upstream.script(answering({ calls: [{ id: 'c', name: 'Bash', args: JSON.stringify({ command }) }] }));
      const { gate_id: gateId } = waitingOf(
        await ask(bench, caller, 'messages', { words: `run ${index}`, tools: ['Bash'] }),
      );
      const refused = await bench.rungate.tryCall('gates.approve', { gate_id: gateId, remember: 'rule-run' });
      expect(refused).toMatchObject({ ok: false, failure: { code: 'invalid_request' } });
      expect((await bench.gate(gateId)).state).toBe('pending');
    }
  });
});

describe('a verdict from the console', () => {
  const viaConsole = async (
    name: 'gates.approve' | 'gates.undo' | 'gates.reject',
    gateId: string,
    actor = 'operator',
  ) => {
    const reply = await bench.rungate.core.call(name, { gate_id: gateId }, { actor, channel: 'console' });
    return reply.ok ? 'done' : reply.failure.code;
  };

  it('is still pending to its agent until the undo window has passed', async () => {
    const { caller, gateId, retry } = await waiting();
    expect(await viaConsole('gates.approve', gateId)).toBe('done');
    expect((await retry()).status).toBe(202);
    const path = `/v1/gates/${gateId}`;
    const look = async () => (await openCall(bench.rungate.url, { path, token: caller.token }).answer).json();
    expect(await look()).toMatchObject({ state: 'pending', decided_by: null });
    bench.rungate.advance(3_000);
    expect((await retry()).status).toBe(202);
    bench.rungate.advance(2_000);
    expect((await retry()).status).toBe(200);
    expect(await look()).toMatchObject({ state: 'approved', decided_by: 'operator' });
  });

  it('wakes a held connection when the window ends, not before', async () => {
    const caller = await bench.caller({ delivery: 'hold' });
    const call = open(bench, caller, 'messages', { stream: true });
    let over = false;
    void call.answer.then(() => {
      over = true;
    });
    const gate = await bench.opened(caller);
    await call.until(gate.gate_id);
    await viaConsole('gates.approve', gate.gate_id);
    await bench.rungate.core.clockChanged();
    // Another request that is answered now shows that this one was not.
    expect((await waiting()).gateId).not.toBe(gate.gate_id);
    expect(over).toBe(false);
    bench.rungate.advance(5_000);
    await bench.rungate.core.clockChanged();
    expect((await call.answer).text).toContain('call_refund');
  });

  it('can be taken back in that time by its reviewer only, and never after', async () => {
    const { gateId, retry } = await waiting();
    await viaConsole('gates.approve', gateId);
    expect(await viaConsole('gates.undo', gateId, 'somebody else')).toBe('gate_already_resolved');
    expect(await viaConsole('gates.reject', gateId)).toBe('gate_already_resolved');
    expect(await viaConsole('gates.undo', gateId)).toBe('done');
    bench.rungate.advance(5_000);
    expect((await retry()).status).toBe(202);
    await viaConsole('gates.approve', gateId);
    bench.rungate.advance(5_000);
    expect(await viaConsole('gates.undo', gateId)).toBe('gate_already_resolved');
    expect((await retry()).status).toBe(200);
  });

  it('made in time counts although its window passes the expiry', async () => {
    const { gateId, retry } = await waiting();
    bench.rungate.advance((await bench.gate(gateId)).expires_at - (await bench.gate(gateId)).created_at - 2_000);
    expect(await viaConsole('gates.approve', gateId)).toBe('done');
    bench.rungate.advance(3_000);
    expect((await retry()).status).toBe(202);
    bench.rungate.advance(2_000);
    expect((await retry()).status).toBe(200);
  });
});

describe('an agent and its gates', () => {
  const asAgent = (caller: Caller, method: string, path: string, body?: unknown): Promise<AgentAnswer> =>
    openCall(bench.rungate.url, { method, path, token: caller.token, ...(body === undefined ? {} : { body }) }).answer;

  it('sees and cancels its own', async () => {
    const { caller, gateId } = await waiting();
    const run = await asAgent(caller, 'GET', `/v1/runs/${caller.runId}`);
    expect(run.json()).toMatchObject({ state: 'waiting', open_gates: [{ gate_id: gateId, state: 'pending' }] });
    expect((await asAgent(caller, 'DELETE', `/v1/gates/${gateId}`)).json()).toMatchObject({ state: 'cancelled' });
    expect((await asAgent(caller, 'DELETE', `/v1/gates/${gateId}`)).json()).toMatchObject({ state: 'cancelled' });
  });

  it('cannot cancel what is decided', async () => {
    const { caller, gateId } = await waiting();
    await decideAs(bench, 'reject', gateId);
    expect((await asAgent(caller, 'DELETE', `/v1/gates/${gateId}`)).json()).toMatchObject({ state: 'rejected' });
  });

  it('does not see another agent’s, nor whether there is one', async () => {
    const { gateId } = await waiting();
    const other = await bench.caller();
    for (const method of ['GET', 'DELETE']) {
      const [real, made] = [
        await asAgent(other, method, `/v1/gates/${gateId}`),
        await asAgent(other, method, '/v1/gates/gate_made_up'),
      ];
      expect([real.status, real.refusal.code, made.status]).toEqual([404, 'not_found', 404]);
      expect(real.refusal.message.replace(gateId, 'X')).toBe(made.refusal.message.replace('gate_made_up', 'X'));
    }
    expect((await bench.gate(gateId)).state).toBe('pending');
  });

  it('of a stopped run is refused, and the gate is cancelled', async () => {
    const { caller, gateId, retry } = await waiting();
    await bench.rungate.call('runs.stop', { run_id: caller.runId });
    expect((await bench.gate(gateId)).state).toBe('cancelled');
    expect((await retry()).refusal.code).toBe('run_stopped');
  });

  it('that completes its run cancels what waits in it', async () => {
    const { caller, gateId, retry } = await waiting();
    await asAgent(caller, 'POST', `/v1/runs/${caller.runId}/complete`);
    expect((await bench.gate(gateId)).state).toBe('cancelled');
    expect((await retry()).refusal.code).toBe('run_ended');
  });

  it('that asks for an approved answer after the end of its run is refused, and nothing is forwarded', async () => {
    const { caller, gateId, retry } = await waiting();
    await decideAs(bench, 'approve', gateId);
    expect((await retry()).status).toBe(200);
    await openCall(bench.rungate.url, {
      method: 'POST',
      path: `/v1/runs/${caller.runId}/complete`,
      token: caller.token,
    }).answer;
    const calls = bench.forwarded();
    expect((await retry()).refusal.code).toBe('run_ended');
    expect(calls()).toBe(0);
  });

  it('whose token is revoked is refused, and the gate is cancelled', async () => {
    const { caller, gateId, retry } = await waiting();
    await bench.rungate.call('agents.revoke', { name: caller.name });
    expect((await bench.gate(gateId)).state).toBe('cancelled');
    expect((await retry()).status).toBe(401);
  });
});

describe('one answer with several calls', () => {
  const forms = FORMATS.flatMap((format) => [false, true].map((stream) => [format, stream] as const));

  it.each(forms)('%s (stream: %s) is refused as a whole for one blocked call', async (format, stream) => {
    bench.upstream.script(answering({ calls: [LOOKUP, REFUND, WIPE] }));
    const caller = await bench.caller({ delivery: 'retry' });
    const answer = await ask(bench, caller, format, { stream });
    expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
    expect(answer.refusal.context).toMatchObject({ rule: 'disk:never' });
    expect(answer.text).not.toContain('call_lookup');
    expect(await bench.gates(caller)).toEqual([]);
    expect((await bench.run(caller)).spent_nano).toBe(SMALL_COST);
  });

  it.each(forms)('D3 %s (stream: %s) is held as a whole for one gated call', async (format, stream) => {
    const calls = [LOOKUP, REFUND, { ...LOOKUP, id: 'call_again' }];
    bench.upstream.script(answering({ text: 'both', calls }));
    const caller = await bench.caller({ delivery: 'retry' });
    const waits = waitingOf(await ask(bench, caller, format, { stream }));
    expect(waits.proposed_action).toEqual({ tool: 'issue_refund', args: { order: 'ord_1', amount_usd: 1240 } });
    expect(waits.proposed_actions.map(({ tool, rule }) => [tool, rule])).toEqual([
      ['lookup', null],
      ['issue_refund', 'refund:over-$500'],
      ['lookup', null],
    ]);
    await decideAs(bench, 'approve', waits.gate_id);
    const { text } = await ask(bench, caller, format, { stream });
    for (const { id } of calls) expect(text).toContain(id);
  });

  it('D3 holds every choice for one gated call of one choice', async () => {
    const choice = (index: number, call?: SaidCall) => ({
      index,
      logprobs: null,
      finish_reason: call === undefined ? 'stop' : 'tool_calls',
      message: {
        role: 'assistant',
        content: 'words',
        refusal: null,
        ...(call === undefined
          ? {}
          : { tool_calls: [{ id: call.id, type: 'function', function: { name: call.name, arguments: call.args } }] }),
      },
    });
    const answer = { ...jsonOf('chat', PROPOSAL), choices: [choice(0), choice(1, REFUND)] };
    bench.upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    const caller = await bench.caller({ delivery: 'retry' });
    const waits = waitingOf(await ask(bench, caller, 'chat', { body: { n: 2 } }));
    await decideAs(bench, 'approve', waits.gate_id);
    expect((await ask(bench, caller, 'chat', { body: { n: 2 } })).text).toBe(JSON.stringify(answer));
  });
});

describe('a refusal of a gate, in the words of', () => {
  const CLIENTS = {
    'claude-code': {
      path: 'messages',
      headers: { 'x-claude-code-session-id': 'session-1', accept: 'application/json' },
    },
    codex: {
      path: 'responses',
      headers: { originator: 'codex_exec', 'session-id': 'session-2', accept: 'text/event-stream' },
    },
  } as const;

  /** A gate of this client that ends as `how` says, and what its next request is told. */
  async function told(client: keyof typeof CLIENTS, how: 'reject' | 'expire' | 'block'): Promise<AgentAnswer> {
    const { path, headers } = CLIENTS[client];
    const caller = await bench.caller();
    if (how === 'block') {
      bench.upstream.script(answering({ calls: [WIPE] }));
      return ask(bench, caller, path, { headers, stream: client === 'codex' });
    }
    const waits = waitingOf(
      await ask(bench, caller, path, { headers: { ...headers, 'x-rungate-gate': 'retry' }, stream: true }),
    );
    if (how === 'reject') await decideAs(bench, 'reject', waits.gate_id, { reason: 'no' });
    else bench.rungate.advance(3_600_000);
    return ask(bench, caller, path, { headers, stream: true });
  }

  it.each([
    ['reject', '403', 'approval_rejected'],
    ['expire', undefined, 'gate_expired'],
    ['block', '403', 'policy_blocked'],
  ] as const)(
    'Claude Code: %s is a 410 that it shows, with another canonical status (%s) beside it',
    async (how, canonical, code) => {
      const answer = await told('claude-code', how);
      expect([answer.status, answer.headers['x-rungate-status'], answer.headers['x-should-retry']]).toEqual([
        410,
        canonical,
        'false',
      ]);
      expect(answer.refusal).toMatchObject({ code });
    },
  );

  it.each([
    ['reject', '403', 'Approval gate rejected by reviewer.'],
    ['expire', '410', 'Approval gate expired without resolution.'],
  ] as const)(
    'Codex: %s is a stream that fails with invalid_prompt, with %s beside it',
    async (how, canonical, message) => {
      const answer = await told('codex', how);
      expect([answer.status, answer.headers['x-rungate-status']]).toEqual([200, canonical]);
      const failed = answer.text.split('\n\n').find((event) => event.includes('response.failed'));
      expect(failed).toContain('"code":"invalid_prompt"');
      expect(failed).toContain(message);
    },
  );

  it('Codex: a blocked call before any byte is such a stream, and one after text ends it natively', async () => {
    const answer = await told('codex', 'block');
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('call_wipe');
    expect(answer.text).toContain('Disks stay as they are.');
  });
});

describe('after a restart', () => {
  it('pending gates still wait, approved ones give the same bytes in both forms, rejected ones are refused', async () => {
    let own = await startGateBench();
    const callers = await Promise.all([1, 2, 3].map(() => own.caller({ delivery: 'retry' })));
    const [pending, approved, rejected] = callers as [Caller, Caller, Caller];
    const ids = await Promise.all(
      callers.map(async (caller) => waitingOf(await ask(own, caller, 'chat', { stream: true })).gate_id),
    );
    await decideAs(own, 'approve', ids[1] ?? '');
    await decideAs(own, 'reject', ids[2] ?? '', { reason: 'no' });
    const forms = async () => [
      (await ask(own, approved, 'chat', { stream: true })).text,
      (await ask(own, approved, 'chat')).text,
    ];
    const before = await forms();
    own = benchOn(await own.rungate.restart(), own.upstream);
    own.upstream.script(answering({ text: 'something else', calls: [], id: 'other' }));
    const calls = own.forwarded();
    expect(await forms()).toEqual(before);
    expect(waitingOf(await ask(own, pending, 'chat', { stream: true })).gate_id).toBe(ids[0]);
    expect((await ask(own, rejected, 'chat', { stream: true })).refusal.context['reason']).toBe('no');
    expect(calls()).toBe(0);
    expect((await own.run(pending)).state).toBe('waiting');
    await decideAs(own, 'approve', ids[0] ?? '');
    expect((await ask(own, pending, 'chat', { stream: true })).text).toBe(before[0]);
    await own.close();
  });

  it('a held connection that comes back finds its gate', async () => {
    const own = await startGateBench({ limits: { shutdownMs: 0 } });
    const caller = await own.caller({ delivery: 'hold' });
    const call = open(own, caller, 'messages');
    const gate = await own.opened(caller);
    const again = benchOn(await own.rungate.restart(), own.upstream);
    expect((await call.answer).status).toBeGreaterThanOrEqual(409);
    const next = open(again, caller, 'messages');
    await decideAs(again, 'approve', gate.gate_id);
    expect((await next.answer).text).toContain('call_refund');
    await again.close();
  });
});
