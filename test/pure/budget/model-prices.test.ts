import { describe, expect, it } from 'vitest';
import { dearestBound, type ModelPrice, priceOfAnswer } from '../../../proxy-core/budget/model-prices.ts';
import { completeRates, flat, type Pricing } from '../../../proxy-core/budget/rates.ts';

const priced = (usd: number): Pricing => ({
  kind: 'priced',
  rates: completeRates(
    { input: flat(usd), output: flat(usd), requestUsd: 0, serverTools: {}, outputMaximum: null },
    { claude: false, audio: false },
    { source: 'override', entry: 'x' },
  ),
});
const model = (name: string, pricing: Pricing): ModelPrice => ({ model: name, pricing, samples: [] });
const CHEAP = model('gpt-5-mini', priced(1));
const DEAR = model('openai/gpt-5', priced(10));
const UNKNOWN = model('nobody', { kind: 'unpriced', model: 'nobody' });
const CALL = {
  bodyBytes: 3_000,
  wireFormat: 'chat',
  facts: { outputLimit: 1_000, choices: 1, unbounded: [], tools: [] },
  policyMaximum: null,
} as const;

describe('the reservation of a request that several models may answer', () => {
  it('is the dearest model’s, wherever it stands', () => {
    const alone = dearestBound('expected', [DEAR], CALL);
    expect(dearestBound('expected', [CHEAP, DEAR], CALL)).toEqual(alone);
    expect(dearestBound('expected', [DEAR, CHEAP], CALL)).toEqual(alone);
    expect(alone).toMatchObject({ kind: 'bounded', amount: 20_000_000, pricing: DEAR.pricing });
  });

  it('has no price where one of them has none, and says which', () => {
    const bound = dearestBound('expected', [CHEAP, UNKNOWN, DEAR], CALL);
    expect(bound).toMatchObject({ kind: 'unpriced', model: 'nobody', priced: 20_000_000 });
  });

  it('has no bound where one of them has none', () => {
    const facts = { ...CALL.facts, outputLimit: null };
    expect(dearestBound('strict', [CHEAP, DEAR], { ...CALL, facts })).toMatchObject({ kind: 'unbounded' });
  });
});

describe('the price of an answer', () => {
  const prices = [CHEAP, DEAR];
  it.each([
    ['gpt-5-mini', CHEAP],
    ['openai/gpt-5-mini-2026-01-01', CHEAP],
    ['gpt-5-2026-01-01', DEAR],
    ['GPT-5', DEAR],
  ] as const)('goes by the model it names: %s', (answered, { pricing }) => {
    expect(priceOfAnswer(answered, prices, priced(99))).toBe(pricing);
  });

  it('is the dearest where it names none of them, or nothing', () => {
    const dearest = priced(99);
    for (const answered of [null, 'grok-4', 'gpt-51']) expect(priceOfAnswer(answered, prices, dearest)).toBe(dearest);
    expect(priceOfAnswer('gpt-5-mini', [DEAR], dearest)).toBe(dearest);
  });
});
