import { describe, expect, it } from 'vitest';
import type { BudgetRecord } from '../../../proxy-core/contract/records.ts';
import { describeStop, findBudgetStop, suggestedCap } from '../../../renderer/screens/run/budget-stop.ts';
import { callStep, exchangeRecord, runRecord, stepRecord } from './runs-records.ts';

const USD = 1_000_000_000;
const budget = (over: Partial<BudgetRecord> = {}): BudgetRecord => ({
  scope: 'run',
  subject: 'run-1',
  name: 'run-1',
  window: 'total',
  cap_nano: 5 * USD,
  spent_nano: 5.02 * USD,
  reserved_nano: 0,
  resets_at: null,
  alerted: [],
  ...over,
});
const refusal = (step: number, spent = 5.02 * USD) =>
  stepRecord(step, 'refusal', {
    exchange_id: `xch_${step}`,
    summary: 'budget_exceeded',
    detail: { scope: 'run', subject: 'run-1', cap_nano: 5 * USD, spent_nano: spent, requested_nano: 0.1 * USD },
  });
const calls = [
  exchangeRecord(40, { cost_nano: 4.5 * USD }),
  exchangeRecord(41, { cost_nano: 0.52 * USD }),
  exchangeRecord(42, { state: 'refused', cost_nano: null }),
];
const stopped = {
  run: runRecord(),
  budgets: [budget()],
  steps: [...calls.slice(0, 2).map((call) => callStep(call)), refusal(42)],
  exchanges: calls,
};

describe('a budget stop', () => {
  it('names the cap, the step that crossed it and what was spent', () => {
    const stop = findBudgetStop(stopped);
    expect(stop?.phase.kind).toBe('stopped');
    expect(stop === null ? '' : describeStop(stop)).toBe('Run cap $5.00 crossed at step 41 ($5.02); next call got 402');
  });

  it('says so where the next call would have crossed the cap', () => {
    const stop = findBudgetStop({ ...stopped, steps: [refusal(42, 4.95 * USD)] });
    expect(stop === null ? '' : describeStop(stop)).toBe(
      'Run cap $5.00 would be crossed by step 42 ($4.95 spent, up to $0.10 more); it got 402',
    );
  });

  it('waits for the client once there is room, and is resumed by its next call that passes', () => {
    const raised = { ...stopped, budgets: [budget({ cap_nano: 10 * USD })] };
    expect(findBudgetStop(raised)?.phase.kind).toBe('waiting');
    const again = exchangeRecord(43, { state: 'open', cost_nano: null });
    expect(findBudgetStop({ ...raised, exchanges: [...calls, again] })?.phase).toEqual({
      kind: 'resumed',
      step: 43,
      at: 43_000,
    });
  });

  it('is lifted by a reset of the spend as well, but not by a raise that is too small', () => {
    expect(findBudgetStop({ ...stopped, budgets: [budget({ spent_nano: 0 })] })?.phase.kind).toBe('waiting');
    expect(findBudgetStop({ ...stopped, budgets: [budget({ cap_nano: 5.05 * USD })] })?.phase.kind).toBe('stopped');
  });

  it('is the latest one, and none without a refusal by a budget', () => {
    const twice = {
      ...stopped,
      steps: [refusal(42), callStep(exchangeRecord(43)), refusal(44)],
      exchanges: [...calls, exchangeRecord(43)],
    };
    expect(findBudgetStop(twice)?.step).toBe(44);
    expect(findBudgetStop(twice)?.phase.kind).toBe('stopped');
    expect(findBudgetStop({ ...stopped, steps: [stepRecord(3, 'refusal', { summary: 'policy_blocked' })] })).toBeNull();
  });

  it('offers a raise that has room for the refused call', () => {
    const stop = findBudgetStop(stopped);
    if (stop === null) throw new Error('no stop');
    expect(suggestedCap(stop)).toBe(10);
    expect(suggestedCap({ ...stop, requested: 40 * USD })).toBeGreaterThan(45);
  });
});
