import { describe, expect, test } from 'vitest';
import {
  budgetExceeded,
  budgetUnbounded,
  modelUnpriced,
  type OverBudget,
} from '../../../proxy-core/budget/budget-failures.ts';
import { FAILURES } from '../../../proxy-core/contract/failures.ts';
import { nanoUsd, usdToNano } from '../../../proxy-core/contract/money.ts';
import { type BudgetRecord, budgetRecord } from '../../../proxy-core/contract/records.ts';

const RESET = Date.parse('2026-06-18T22:00:00Z');

function budget(given: Partial<BudgetRecord> = {}): BudgetRecord {
  const run = { scope: 'run', subject: 'run_1', name: 'run_1', window: 'total', resets_at: null } as const;
  const counters = { cap_nano: usdToNano(5), spent_nano: usdToNano(5.02), reserved_nano: 0, alerted: [0.8] };
  return budgetRecord.parse({ ...run, ...counters, ...given });
}

const daily = budget({
  scope: 'agent',
  subject: 'agt_1',
  name: 'refactor-bot',
  window: 'day',
  cap_nano: usdToNano(20),
  spent_nano: usdToNano(19.9),
  reserved_nano: usdToNano(0.05),
  resets_at: RESET,
});

const over = (crossed: BudgetRecord, stepThatCrossed: number): OverBudget => ({
  crossed,
  caps: [budget(), daily, budget({ scope: 'team', name: 'home', cap_nano: null })],
  stepThatCrossed,
  crossedRunId: 'run_0',
});

describe('budget_exceeded', () => {
  test('names the cap, the crossing step and the way back in one sentence', () => {
    expect(budgetExceeded('run_1', over(budget(), 41)).message).toBe(
      'Run cap $5.00 crossed at step 41 ($5.02 spent); raise it: rungate budgets set --run run_1 --usd X, then send the same request again.',
    );
  });

  test('says so when only this call’s reservation does not fit', () => {
    expect(budgetExceeded('run_1', over(daily, 42)).message).toBe(
      'Agent refactor-bot daily cap $20.00 would be crossed by step 42 ($19.90 spent, $0.05 reserved) in run_1; raise it: rungate budgets set --agent refactor-bot --usd X, then send the same request again.',
    );
  });

  test('counts a cap that spend has reached exactly as crossed', () => {
    const reached = budgetExceeded('run_1', over(budget({ spent_nano: usdToNano(5) }), 40));
    expect(reached.message).toContain('crossed at step 40 ($5.00 spent)');
  });

  test('carries the crossed cap’s figures, every cap of the call, and nothing for budgets without a cap', () => {
    const { code, context } = budgetExceeded('run_1', over(daily, 42));
    expect(FAILURES[code].status).toBe(402);
    expect(context).toMatchObject({
      rule: 'budget:agent',
      run_id: 'run_1',
      scope: 'agent',
      cap_usd: 20,
      spent_usd: 19.9,
      reserved_usd: 0.05,
      remaining_usd: 0.05,
      step_that_crossed: 42,
      crossed_run_id: 'run_0',
      resets_at: '2026-06-18T22:00:00.000Z',
    });
    expect(context['caps']).toEqual([
      {
        scope: 'run',
        name: 'run_1',
        window: 'total',
        cap_usd: 5,
        spent_usd: 5.02,
        reserved_usd: 0,
        remaining_usd: 0,
        resets_at: null,
      },
      {
        scope: 'agent',
        name: 'refactor-bot',
        window: 'day',
        cap_usd: 20,
        spent_usd: 19.9,
        reserved_usd: 0.05,
        remaining_usd: 0.05,
        resets_at: '2026-06-18T22:00:00.000Z',
      },
    ]);
  });

  test('tells how to recover: the command, calls in flight, the reset', () => {
    const recover = String(budgetExceeded('run_1', over(daily, 42)).context['recover']);
    expect(recover).toContain('rungate budgets set --agent refactor-bot --usd X');
    expect(recover).toContain('calls in flight');
    expect(recover).toContain('2026-06-18T22:00:00.000Z');
    expect(String(budgetExceeded('run_1', over(budget(), 41)).context['recover'])).not.toContain('wait');
  });

  test('stays one whole sentence under 200 characters with the longest names and amounts', () => {
    const longest = budget({
      ...daily,
      name: 'n'.repeat(64),
      window: 'month',
      cap_nano: usdToNano(999_999.99),
      spent_nano: usdToNano(999_999.98),
      reserved_nano: usdToNano(999_999.98),
    });
    const { message } = budgetExceeded('run_1', over(longest, 1_234_567));
    expect(message.length).toBeLessThanOrEqual(200);
    expect(message).toMatch(/again\.$/);
  });

  test('reports no room, never less than none', () => {
    const far = budget({ spent_nano: nanoUsd(usdToNano(9)) });
    expect(budgetExceeded('run_1', over(far, 1)).context['remaining_usd']).toBe(0);
  });
});

describe('model_unpriced and budget_unbounded', () => {
  const call = { runId: 'run_1', model: 'my-local-model', provider: 'ollama' };

  test('an unpriced model is a 403 that says where prices are set', () => {
    const { code, message, context } = modelUnpriced(call);
    expect(FAILURES[code]).toMatchObject({ status: 403, retry: 'after-change' });
    expect(message).toContain('"my-local-model" has no price');
    expect(context).toMatchObject({ rule: 'budget:on_unpriced', run_id: 'run_1', model: 'my-local-model' });
    expect(String(context['recover'])).toContain('prices');
  });

  test('a hostile model name stays short, printable and on one line', () => {
    const { message } = modelUnpriced({ ...call, model: `x\n\u202e\u0000${'y'.repeat(5000)}` });
    expect(message).toMatch(/^[\x20-\x7e]{1,200}$/);
    expect(message).toMatch(/again\.$/);
  });

  test('an unbounded request is a 402 that names what has no bound and what to change', () => {
    const both = budgetUnbounded(call, ['previous_response_id', 'output_limit']);
    expect(FAILURES[both.code]).toMatchObject({ status: 402, retry: 'never' });
    expect(both.message).toContain('previous_response_id, output_limit');
    expect(both.context).toMatchObject({ unbounded: ['previous_response_id', 'output_limit'] });
    expect(String(both.context['recover'])).toMatch(/max_tokens.*previous_response_id/);
    expect(String(budgetUnbounded(call, ['output_limit']).context['recover'])).not.toContain('inline');
    expect(String(budgetUnbounded(call, ['file_reference']).context['recover'])).not.toContain('max_tokens');
  });
});
