import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import { applyPolicies, ask, decideAs, type GateBench, open, startGateBench, waitingOf } from './gate-bench.ts';
import { answering, FORMATS, framesOf, type SaidCall } from './provider-answers.ts';

/** Rules hold for what a call runs, through real sockets: calls inside calls, misspelt names, text typed in pieces. */

const POLICY = `policy: commands
budget: { run_usd: 5 }
loops: { action: alert }
rules:
  - rule: "delete:ask"
    match: { action.command: { $regex: '^rm\\s.*-rf' } }
    action: gate
  - rule: "refund:ask"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
`;

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, [POLICY]);
});
afterAll(() => bench.close());

const said = (name: string, args: unknown, id = 'call_1'): SaidCall => ({ id, name, args: JSON.stringify(args) });
const answer = (...calls: readonly SaidCall[]): void =>
  bench.upstream.script(answering({ text: 'As you asked.', calls }));
const newCaller = (delivery: 'retry' | 'hold' = 'retry') => bench.caller({ policy: 'commands', delivery });
const cardOf = async (gateId: string): Promise<GateCard> =>
  (await bench.rungate.call('gates.card', { gate_id: gateId })).card;

const CARRIED_CALL = { id: 'exec', args: { command: 'rm -rf /data' } };
const CARRIED = said('tool_call', CARRIED_CALL);

describe.each(FORMATS)('%s', (format) => {
  it('holds a stream whose call carries a gated one, and releases it as it was', async () => {
    answer(CARRIED);
    const caller = await newCaller('hold');
    const call = open(bench, caller, format, { stream: true, tools: ['tool_call'] });
    const gate = await bench.opened(caller);
    expect(gate.rule).toBe('delete:ask');
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await call.answer).text).toContain('/data');
  });

  it('withholds it in the stream of a tool that could carry others, whose text has passed', async () => {
    answer(said('anything', CARRIED_CALL));
    const caller = await newCaller();
    const asking = { stream: true, tools: ['anything'] };
    const { text, ended } = await ask(bench, caller, format, asking);
    expect([ended, text.includes('asked'), text.includes('call_1')]).toEqual([false, true, false]);
    expect(waitingOf(await ask(bench, caller, format, asking)).rule).toBe('delete:ask');
  });

  it('opens a gate for a misspelt name and shows the stored bytes once approved', async () => {
    const proposal = { text: 'As you asked.', calls: [said('functions.Issue_Refund', { amount_usd: 900 })] };
    bench.upstream.script(answering(proposal));
    const caller = await newCaller();
    const asking = { stream: true, tools: ['issue_refund'] };
    const { gate_id: gateId, rule } = waitingOf(await ask(bench, caller, format, asking));
    expect(rule).toBe('refund:ask');
    await decideAs(bench, 'approve', gateId);
    expect((await ask(bench, caller, format, asking)).text).toBe(framesOf(format, proposal).join(''));
  });
});

describe('a reviewer', () => {
  it('sees what the inner call does, its risk, and the whole as it was written', async () => {
    answer(CARRIED);
    const { gate_id: gateId } = waitingOf(await ask(bench, await newCaller(), 'chat', { tools: ['tool_call'] }));
    const card = await cardOf(gateId);
    expect(card.actions).toMatchObject([
      { view: 'shell', tool: 'tool_call → exec', command: 'rm -rf /data', raw: CARRIED.args },
    ]);
    expect(card.risk).toMatchObject({ level: 'critical', reasons: [{ code: 'recursive_delete' }] });
  });

  it('sees the whole where a call carries several', async () => {
    const calls = [
      { tool: 'read', parameters: { path: 'a' } },
      { tool: 'bash', parameters: { command: 'rm -rf /data' } },
    ];
    answer(said('batch', { tool_calls: calls }));
    const { gate_id: gateId } = waitingOf(await ask(bench, await newCaller(), 'chat', { tools: ['batch'] }));
    expect((await cardOf(gateId)).actions).toMatchObject([
      { view: 'json', tool: 'batch', args: { tool_calls: calls } },
    ]);
  });
});

describe('text typed into a running program', () => {
  const typed = (data: string, id: string, sessionId = 's1'): SaidCall =>
    said('process', { action: 'write', sessionId, data }, id);

  it('is joined over the answers of a run until its line ends', async () => {
    const caller = await newCaller();
    const asking = (words: string) => ({ tools: ['process'], words });
    answer(typed('rm -r', 'call_a'));
    expect((await ask(bench, caller, 'chat', asking('one'))).status).toBe(200);
    answer(typed('f /data\n', 'call_b', 's2'));
    expect((await ask(bench, caller, 'chat', asking('two'))).status).toBe(200);
    answer(typed('f /data\n', 'call_c'));
    expect(waitingOf(await ask(bench, caller, 'chat', asking('three'))).rule).toBe('delete:ask');
    answer(typed('f /data\n', 'call_d'));
    expect((await ask(bench, await newCaller(), 'chat', asking('four'))).status).toBe(200);
  });

  it('is joined within one answer', async () => {
    answer(typed('rm -r', 'call_a'), typed('f /data\n', 'call_b'));
    expect(waitingOf(await ask(bench, await newCaller(), 'chat', { tools: ['process'] })).rule).toBe('delete:ask');
  });
});
