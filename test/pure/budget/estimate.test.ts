import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bound, type CallSize, estimate, p95 } from '../../../proxy-core/budget/estimate.ts';
import { type PriceOverride, priceModel } from '../../../proxy-core/budget/prices.ts';
import { cost } from '../../../proxy-core/budget/pricing.ts';
import type { Pricing } from '../../../proxy-core/budget/rates.ts';
import { usdToNano } from '../../../proxy-core/contract/money.ts';
import type { Usage, WireFormat } from '../../../proxy-core/contract/records.ts';

const AT = Date.parse('2026-11-01T12:00:00Z');

function pricingOf(model: string, wireFormat: WireFormat = 'chat', override?: PriceOverride): Pricing {
  const query = { model, providerId: null, baseUrl: null, wireFormat, at: AT };
  return priceModel(query, override === undefined ? {} : { [model]: override });
}

const house = pricingOf('house', 'chat', { input_per_mtok: 3, output_per_mtok: 15 });

type Given = Partial<Omit<CallSize, 'facts'>> & { readonly facts?: Partial<CallSize['facts']> };
function call(given: Given = {}): CallSize {
  const facts = { outputLimit: null, choices: 1, unbounded: [], tools: [], ...given.facts };
  return { bodyBytes: 3000, wireFormat: 'chat', policyMaximum: null, samples: [], ...given, facts };
}

function bounded(bound: Bound): Extract<Bound, { kind: 'bounded' }> {
  if (bound.kind !== 'bounded') throw new Error(`not bounded: ${JSON.stringify(bound)}`);
  return bound;
}

const samples = (count: number, tokens: number) => Array.from({ length: count }, () => tokens);

describe('p95', () => {
  test.each([
    [[], 0],
    [[7], 7],
    [Array.from({ length: 20 }, (_, index) => 20 - index), 19],
    [Array.from({ length: 100 }, (_, index) => index + 1), 95],
    [Array.from({ length: 200 }, (_, index) => index + 1), 190],
  ])('is the nearest rank (case %#)', (given, expected) => {
    expect(p95(given)).toBe(expected);
  });

  test('is one of the samples and no less than 95 of 100 of them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 200 }), (given) => {
        const found = p95(given);
        expect(given).toContain(found);
        expect(given.filter((sample) => sample <= found).length / given.length).toBeGreaterThanOrEqual(0.95);
      }),
    );
  });
});

describe('expected admission', () => {
  test('takes a third of the bytes, rounded up, and 1,000 output tokens for a model not seen before', () => {
    expect(estimate('expected', house, call({ bodyBytes: 3001 }))).toEqual({
      kind: 'bounded',
      inputTokens: 1001,
      outputTokens: 1000,
      amount: usdToNano((1001 * 3 + 1000 * 15) / 1e6),
    });
  });

  test('takes the request’s own ceiling before there are twenty samples', () => {
    const few = call({ facts: { outputLimit: 32_000 }, samples: samples(19, 50) });
    expect(bounded(estimate('expected', house, few)).outputTokens).toBe(32_000);
  });

  test('takes the learned 95th percentile from twenty samples on, at most the ceiling', () => {
    const learned = call({ facts: { outputLimit: 32_000 }, samples: samples(20, 420) });
    expect(bounded(estimate('expected', house, learned)).outputTokens).toBe(420);
    const capped = call({ facts: { outputLimit: 100 }, samples: samples(20, 420) });
    expect(bounded(estimate('expected', house, capped)).outputTokens).toBe(100);
  });

  test('multiplies by the choices and obeys the policy’s maximum', () => {
    const many = call({ facts: { choices: 4, outputLimit: 5000 }, policyMaximum: 300 });
    expect(bounded(estimate('expected', house, many)).outputTokens).toBe(1200);
    expect(bounded(estimate('expected', house, call({ policyMaximum: 200 }))).outputTokens).toBe(200);
  });

  test('ignores what has no bound, and an output limit that is no limit', () => {
    const odd = call({ facts: { unbounded: ['file_reference'], outputLimit: 0 } });
    expect(bounded(estimate('expected', house, odd)).outputTokens).toBe(1000);
  });

  test('rounds the amount up, so that the reservation is never below the cost', () => {
    const tiny = pricingOf('tiny', 'chat', { input_per_mtok: 0.0001, output_per_mtok: 0 });
    expect(bounded(estimate('expected', tiny, call({ bodyBytes: 3 }))).amount).toBe(1);
  });

  test('expects no output from embeddings', () => {
    const pricing = pricingOf('text-embedding-3-small', 'embeddings');
    const bound = bounded(estimate('expected', pricing, call({ wireFormat: 'embeddings' })));
    expect(bound).toMatchObject({ inputTokens: 1000, outputTokens: 0, amount: usdToNano(1000 * 0.02e-6) });
  });

  test('is zero for a free model and unpriced without a price', () => {
    const free = pricingOf('local', 'chat', { input_per_mtok: 0, output_per_mtok: 0 });
    expect(bounded(estimate('expected', free, call())).amount).toBe(0);
    expect(estimate('expected', pricingOf('unknown-model'), call())).toEqual({
      kind: 'unpriced',
      model: 'unknown-model',
    });
  });
});

describe('strict admission', () => {
  test('takes every byte for a token and the ceiling times the choices', () => {
    const strict = call({ facts: { outputLimit: 500, choices: 2 } });
    expect(estimate('strict', house, strict)).toEqual({
      kind: 'bounded',
      inputTokens: 3000,
      outputTokens: 1000,
      amount: usdToNano((3000 * 3 + 1000 * 15) / 1e6),
    });
  });

  test('allows for the prompt that providers add when tools are declared', () => {
    const declared = call({ facts: { outputLimit: 500, tools: [{ name: 'a', kind: 'function' }] } });
    expect(bounded(estimate('strict', house, declared)).inputTokens).toBe(4000);
  });

  test('takes the model’s maximum where the request sets none', () => {
    const known = pricingOf('m', 'chat', { input_per_mtok: 3, output_per_mtok: 15, max_output_tokens: 8000 });
    expect(bounded(estimate('strict', known, call({ facts: { choices: 2 } }))).outputTokens).toBe(16_000);
    expect(bounded(estimate('strict', pricingOf('gpt-4.1'), call())).outputTokens).toBeGreaterThan(100_000);
  });

  test('refuses a request whose output nobody limits, unless the policy does', () => {
    expect(estimate('strict', house, call())).toEqual({ kind: 'unbounded', features: ['output_limit'] });
    expect(bounded(estimate('strict', house, call({ policyMaximum: 700 }))).outputTokens).toBe(700);
  });

  test('refuses and names everything that has no bound', () => {
    const open = call({ facts: { unbounded: ['previous_response_id', 'file_reference'], outputLimit: 10 } });
    expect(estimate('strict', house, open)).toEqual({
      kind: 'unbounded',
      features: ['previous_response_id', 'file_reference'],
    });
  });

  test('assumes the dearest input rate: a one-hour cache write for Claude', () => {
    const claude = pricingOf('claude-haiku-4-5', 'messages');
    const bound = bounded(estimate('strict', claude, call({ wireFormat: 'messages', facts: { outputLimit: 100 } })));
    expect(bound.amount).toBe(usdToNano((3000 * 2 + 100 * 5) / 1e6));
  });

  test('assumes the dearest tier that the input can reach', () => {
    const pricing = pricingOf('gpt-5.5', 'responses');
    const amountOf = (bodyBytes: number) =>
      bounded(estimate('strict', pricing, call({ wireFormat: 'responses', bodyBytes, facts: { outputLimit: 10 } })))
        .amount;
    expect(amountOf(271_999)).toBe(usdToNano((271_999 * 5 + 10 * 30) / 1e6));
    expect(amountOf(272_000)).toBe(usdToNano((272_000 * 10 + 10 * 45) / 1e6));
  });

  test('needs no output limit for embeddings', () => {
    const pricing = pricingOf('text-embedding-3-small', 'embeddings');
    expect(bounded(estimate('strict', pricing, call({ wireFormat: 'embeddings' }))).outputTokens).toBe(0);
  });

  test('reserves more than any cap can hold rather than overflow', () => {
    const endless = call({ bodyBytes: 1e9, facts: { outputLimit: Number.MAX_VALUE, choices: 1e9 } });
    const dear = pricingOf('dear', 'chat', { input_per_mtok: 100_000, output_per_mtok: 100_000 });
    expect(bounded(estimate('strict', dear, endless)).amount).toBeGreaterThan(usdToNano(1_000_000));
  });

  const models = [
    ['claude-sonnet-4-5', 'messages'],
    ['claude-opus-4-8', 'messages'],
    ['gpt-5.5', 'responses'],
    ['gpt-5.6-sol', 'responses'],
    ['gpt-audio', 'chat'],
    ['gpt-realtime', 'chat'],
    ['gpt-4o-audio-preview', 'chat'],
    ['sonar-deep-research', 'chat'],
    ['sonar-pro', 'chat'],
    ['gemini-2.5-flash', 'chat'],
    ['deepseek-chat', 'chat'],
  ] as const;
  test.each(models)('%s: no usage within the bound costs more than was reserved', (model, wireFormat) => {
    const pricing = pricingOf(model, wireFormat);
    if (pricing.kind !== 'priced') throw new Error(`unpriced: ${model}`);
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const sizes = fc.record({ bodyBytes: fc.nat(600_000), limit: fc.integer({ min: 1, max: 50_000 }) });
    fc.assert(
      fc.property(sizes, fc.array(share, { minLength: 8, maxLength: 8 }), ({ bodyBytes, limit }, parts) => {
        const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = parts;
        const input = Math.floor(bodyBytes * a);
        const output = Math.floor(limit * b);
        const read = Math.floor(input * c);
        const write = Math.floor((input - read) * d);
        const reasoning = Math.floor(output * e);
        const usage: Usage = {
          input_tokens: input,
          output_tokens: output,
          cache_read_input_tokens: read,
          cache_creation_input_tokens: write,
          cache_creation_1h_input_tokens: Math.floor(write * f),
          input_audio_tokens: Math.floor(input * g),
          reasoning_output_tokens: reasoning,
          output_audio_tokens: Math.floor((output - reasoning) * h),
        };
        const bound = bounded(
          estimate('strict', pricing, call({ bodyBytes, wireFormat, facts: { outputLimit: limit } })),
        );
        expect(cost(pricing.rates, usage).cost).toBeLessThanOrEqual(bound.amount);
      }),
    );
  });
});
