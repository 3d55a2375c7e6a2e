import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf, renderShownCost, showExact } from '../../../renderer/screens/run/exact-cost.ts';
import type { RunFacts, TraceNode } from '../../../renderer/screens/run/trace.ts';
import { buildTrace, costWithin, countKinds, flattenTrace } from '../../../renderer/screens/run/trace.ts';
import { callStep, exchangeRecord, gateRecord, stepRecord } from './runs-records.ts';

const facts = (over: Partial<RunFacts>): RunFacts => ({ steps: [], exchanges: [], gates: [], artifacts: [], ...over });
const outline = (nodes: readonly TraceNode[]): unknown =>
  nodes.map((node) => (node.children.length === 0 ? node.key : [node.key, outline(node.children)]));
const ALL = { closed: new Set<string>(), kinds: new Set<never>() };

describe('the tree of a run', () => {
  it('puts tool calls, gates and alerts under their call, and a result on the row of its tool call', () => {
    const first = exchangeRecord(1);
    const second = exchangeRecord(6);
    const steps = [
      callStep(first),
      stepRecord(2, 'tool_call', { exchange_id: 'xch_1', summary: 'bash', detail: { call_id: 'c1' } }),
      stepRecord(3, 'gate', { exchange_id: 'xch_1', detail: { gate_id: 'gate_1' } }),
      stepRecord(4, 'alert'),
      stepRecord(5, 'tool_result', { exchange_id: 'xch_6', detail: { call_id: 'c1', is_error: false } }),
      callStep(second),
    ];
    const trace = buildTrace(facts({ steps, exchanges: [first, second], gates: [gateRecord('gate_1')] }));
    expect(outline(trace)).toEqual([['1', ['2', '3', '4']], '6']);
    expect(trace[0]?.children[0]?.result?.step).toBe(5);
    expect(trace[0]?.children[1]?.gate?.gate_id).toBe('gate_1');
    expect(trace[0]?.children[1]?.end).toBeNull();
  });

  it('pairs results of equal call ids by the step that they name', () => {
    const calls = [exchangeRecord(1), exchangeRecord(4), exchangeRecord(7)];
    const steps = [
      callStep(exchangeRecord(1)),
      stepRecord(2, 'tool_call', { exchange_id: 'xch_1', detail: { call_id: 'same' } }),
      stepRecord(3, 'tool_result', { exchange_id: 'xch_4', detail: { call_id: 'same', proposed_step: 2 } }),
      callStep(exchangeRecord(4)),
      stepRecord(5, 'tool_call', { exchange_id: 'xch_4', detail: { call_id: 'same' } }),
      stepRecord(6, 'tool_result', { exchange_id: 'xch_7', detail: { call_id: 'same', proposed_step: 5 } }),
      callStep(exchangeRecord(7)),
    ];
    const trace = buildTrace(facts({ steps, exchanges: calls }));
    expect(trace[0]?.children[0]?.result?.step).toBe(3);
    expect(trace[1]?.children[0]?.result?.step).toBe(6);
  });

  it('shows a result whose call was never seen on a row of its own', () => {
    const call = exchangeRecord(2);
    const steps = [stepRecord(1, 'tool_result', { exchange_id: 'xch_2', detail: { call_id: 'x' } }), callStep(call)];
    expect(outline(buildTrace(facts({ steps, exchanges: [call] })))).toEqual(['1', '2']);
  });

  it('groups resends ×n under the call they repeat; a single one needs no group', () => {
    const calls = [
      exchangeRecord(1, { state: 'failed', status: 529 }),
      exchangeRecord(2, { retry_of: 'xch_1' }),
      exchangeRecord(3, { retry_of: 'xch_2' }),
      exchangeRecord(4),
      exchangeRecord(5, { retry_of: 'xch_4' }),
    ];
    const steps = calls.map((call) => callStep(call, call.retry_of === null ? 'model_call' : 'retry'));
    const trace = buildTrace(facts({ steps, exchanges: calls }));
    expect(outline(trace)).toEqual([
      ['1', [['1:retries', ['2', '3']]]],
      ['4', ['5']],
    ]);
    expect(trace[0]?.children[0]?.label).toBe('retried ×2');
  });

  it('survives resends that name each other', () => {
    const calls = [exchangeRecord(1, { retry_of: 'xch_2' }), exchangeRecord(2, { retry_of: 'xch_1' })];
    const trace = buildTrace(facts({ steps: calls.map((call) => callStep(call, 'retry')), exchanges: calls }));
    expect(countNodes(trace)).toBe(2);
  });

  it('gathers a subagent’s calls where it first appears', () => {
    const calls = [
      exchangeRecord(1),
      exchangeRecord(2, { subagent: 'explore' }),
      exchangeRecord(3),
      exchangeRecord(4, { subagent: 'explore' }),
    ];
    const trace = buildTrace(facts({ steps: calls.map((call) => callStep(call)), exchanges: calls }));
    expect(outline(trace)).toEqual(['1', ['subagent:explore', ['2', '4']], '3']);
    expect(costWithin(trace[1] as TraceNode)).toBe(2_000_000);
  });

  it('shows every step exactly once, and its costs sum to what was charged', () => {
    const anyCall = fc.record({
      retry: fc.option(fc.nat(30), { nil: undefined }),
      subagent: fc.constantFrom(null, 'a', 'b'),
      cost: fc.nat(10_000_000_000),
      tools: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 30 }), (wanted) => {
        let next = 0;
        const steps = [];
        const exchanges = [];
        for (const { retry, subagent, cost, tools } of wanted) {
          next += 1;
          const before = retry === undefined ? undefined : exchanges[retry % Math.max(1, exchanges.length)];
          const call = exchangeRecord(next, { subagent, cost_nano: cost, retry_of: before?.exchange_id ?? null });
          exchanges.push(call);
          steps.push(callStep(call, call.retry_of === null ? 'model_call' : 'retry'));
          for (let tool = 0; tool < tools; tool += 1) {
            next += 1;
            steps.push(
              stepRecord(next, 'tool_call', { exchange_id: call.exchange_id, detail: { call_id: `c${next}` } }),
            );
          }
        }
        const rows = flattenTrace(buildTrace(facts({ steps, exchanges })), ALL);
        const shown = rows.flatMap(({ node }) => (node.step === null ? [] : [node.step.step]));
        expect(shown.toSorted((a, b) => a - b)).toEqual(steps.map(({ step }) => step));
        const sum = rows.reduce((all, { node }) => all + (node.exchange?.cost_nano ?? 0), 0);
        expect(sum).toBe(wanted.reduce((all, { cost }) => all + cost, 0));
      }),
    );
  });

  it('hides what is folded, and with a filter shows what leads to the wanted kind', () => {
    const call = exchangeRecord(1);
    const steps = [callStep(call), stepRecord(2, 'tool_call', { exchange_id: 'xch_1' }), stepRecord(3, 'artifact')];
    const trace = buildTrace(facts({ steps, exchanges: [call] }));
    const keys = (view: Parameters<typeof flattenTrace>[1]): readonly string[] =>
      flattenTrace(trace, view).map(({ node }) => node.key);
    expect(keys({ closed: new Set(['1']), kinds: new Set() })).toEqual(['1', '3']);
    expect(keys({ closed: new Set(), kinds: new Set(['tool']) })).toEqual(['1', '2']);
    expect(keys({ closed: new Set(), kinds: new Set(['artifact']) })).toEqual(['3']);
    expect([...countKinds(steps)]).toEqual([
      ['model', 1],
      ['tool', 1],
      ['artifact', 1],
    ]);
  });
});

function countNodes(nodes: readonly TraceNode[]): number {
  return nodes.reduce((sum, node) => sum + (node.step === null ? 0 : 1) + countNodes(node.children), 0);
}

describe('shown costs', () => {
  it('have every digit, so that what is shown adds up to what is shown', () => {
    expect(showExact(5_000_000_000)).toBe('$5.00');
    expect(showExact(412_500)).toBe('$0.0004125');
    expect(showExact(1)).toBe('$0.000000001');
  });

  it('say unpriced, estimated and reserved instead of passing as known', () => {
    const shown = (over: Parameters<typeof exchangeRecord>[1]): string =>
      renderShownCost(costOf(exchangeRecord(1, over)));
    expect(shown({ cost_nano: 0, estimated: true })).toBe('unpriced');
    expect(shown({ cost_nano: 0, estimated: false })).toBe('$0.00');
    expect(shown({ cost_nano: 20_000_000, estimated: true })).toBe('≈ $0.02');
    expect(shown({ state: 'open', cost_nano: null, reserved_nano: 100_000_000 })).toBe('≤ $0.10');
    expect(shown({ state: 'refused', cost_nano: null })).toBe('–');
  });
});
