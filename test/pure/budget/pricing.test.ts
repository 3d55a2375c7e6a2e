import { calcPrice } from '@pydantic/genai-prices';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PriceOverride, priceModel } from '../../../proxy-core/budget/prices.ts';
import { cost } from '../../../proxy-core/budget/pricing.ts';
import type { Rates } from '../../../proxy-core/budget/rates.ts';
import { addUsd, usdToNano, ZERO_USD } from '../../../proxy-core/contract/money.ts';
import type { Usage, WireFormat } from '../../../proxy-core/contract/records.ts';

const AT = Date.parse('2026-11-01T12:00:00Z');

function ratesOf(model: string, wireFormat: WireFormat, override?: PriceOverride): Rates {
  const query = { model, providerId: null, baseUrl: null, wireFormat, at: AT };
  const pricing = priceModel(query, override === undefined ? {} : { [model]: override });
  if (pricing.kind !== 'priced') throw new Error(`unpriced: ${model}`);
  return pricing.rates;
}

const MODELS: readonly (readonly [string, WireFormat, string])[] = [
  ['claude-opus-4-8', 'messages', 'anthropic'],
  ['claude-haiku-4-5-20251001', 'messages', 'anthropic'],
  ['claude-sonnet-4-5', 'messages', 'anthropic'],
  ['claude-sonnet-4-6', 'messages', 'anthropic'],
  ['claude-3-5-haiku-latest', 'messages', 'anthropic'],
  ['gpt-4.1', 'chat', 'openai'],
  ['gpt-4o-mini', 'chat', 'openai'],
  ['gpt-5-codex', 'responses', 'openai'],
  ['gpt-5.5', 'responses', 'openai'],
  ['gpt-5.6-sol', 'responses', 'openai'],
  ['o3', 'responses', 'openai'],
  ['gpt-audio', 'chat', 'openai'],
  ['sonar-deep-research', 'chat', 'perplexity'],
  ['sonar-pro', 'chat', 'perplexity'],
  ['grok-4', 'chat', 'x-ai'],
  ['mistral-large-latest', 'chat', 'mistral'],
  ['deepseek-chat', 'chat', 'deepseek'],
  ['gemini-2.5-pro', 'chat', 'google'],
  ['text-embedding-3-small', 'embeddings', 'openai'],
];

describe('against the catalogue’s own calculation', () => {
  const count = (max: number) => fc.integer({ min: 0, max });
  const usages = fc.record({ fresh: count(400_000), read: count(400_000), output: count(100_000) });
  const extras = fc.record({ write5m: count(50_000), write1h: count(50_000), audio: count(1000), searches: count(20) });

  test.each(MODELS)('%s costs the same to within a nano-dollar', (model, wireFormat, providerId) => {
    const rates = ratesOf(model, wireFormat);
    const claude = providerId === 'anthropic';
    const output = wireFormat === 'embeddings' ? 0 : 1;
    fc.assert(
      fc.property(usages, extras, (plain, extra) => {
        // Only dimensions that the catalogue prices for this model: the others are where we deviate on purpose.
        const [write5m, write1h] = [claude ? extra.write5m : 0, claude ? extra.write1h : 0];
        const audio = rates.inputAudio.estimated ? 0 : Math.min(extra.audio, plain.fresh);
        const read = rates.cacheRead.estimated ? 0 : plain.read;
        const searches = rates.serverTools['web_search'] === undefined ? 0 : extra.searches;
        const input = plain.fresh + read + write5m + write1h;
        const usage: Usage = {
          input_tokens: input,
          output_tokens: plain.output * output,
          cache_read_input_tokens: read,
          cache_creation_input_tokens: write5m + write1h,
          cache_creation_1h_input_tokens: write1h,
          reasoning_output_tokens: Math.floor((plain.output * output) / 3),
          input_audio_tokens: audio,
          server_tool_calls: { web_search: searches },
        };
        const theirs = calcPrice(
          {
            input_tokens: input,
            output_tokens: usage.output_tokens,
            cache_read_tokens: read,
            cache_write_tokens: write5m + write1h,
            cache_write_1h_tokens: write1h,
            output_reasoning_tokens: usage.reasoning_output_tokens,
            input_audio_tokens: audio,
            web_searches: searches,
          },
          model,
          { providerId, timestamp: new Date(AT) },
        );
        const ours = cost(rates, usage);
        if (theirs === null) throw new Error(`the catalogue does not know ${model}`);
        expect(Math.abs(ours.cost - theirs.total_price * 1e9)).toBeLessThanOrEqual(1);
        expect(ours.estimated).toBe(0);
      }),
    );
  });
});

describe('cost', () => {
  const house: PriceOverride = {
    input_per_mtok: 3,
    output_per_mtok: 15,
    cache_read_per_mtok: 0.3,
    cache_write_per_mtok: 3.75,
    cache_write_1h_per_mtok: 6,
  };
  const rates = ratesOf('house', 'messages', house);

  test('charges fresh input, cached reads, both cache writes and output each at its own rate', () => {
    const usage: Usage = {
      input_tokens: 10_000,
      output_tokens: 1000,
      cache_read_input_tokens: 6000,
      cache_creation_input_tokens: 3000,
      cache_creation_1h_input_tokens: 1000,
    };
    // 1000×3 + 6000×0.3 + 2000×3.75 + 1000×6 + 1000×15 = 33,300 µ$ per thousand
    expect(cost(rates, usage)).toEqual({ cost: usdToNano('0.0333'), estimated: 0, flagged: [] });
  });

  test('bills reasoning as part of output unless it has its own price', () => {
    const usage = { input_tokens: 0, output_tokens: 1000, reasoning_output_tokens: 400 };
    expect(cost(rates, usage).cost).toBe(usdToNano('0.015'));
    const apart = ratesOf('house', 'messages', { ...house, reasoning_per_mtok: 30 });
    expect(cost(apart, usage).cost).toBe(usdToNano('0.021'));
  });

  test('charges the request fee and the provider’s tools', () => {
    const priced = ratesOf('house', 'messages', {
      ...house,
      request_usd: 0.005,
      server_tool_usd: { web_search: 0.01 },
    });
    const usage = { input_tokens: 1000, output_tokens: 0, server_tool_calls: { web_search: 3, web_fetch: 2 } };
    expect(cost(priced, usage)).toEqual({ cost: usdToNano('0.038'), estimated: 0, flagged: [] });
  });

  test('says how much of the cost rests on rates that nobody published', () => {
    const bare = ratesOf('bare', 'chat', { input_per_mtok: 3, output_per_mtok: 15 });
    const usage = {
      input_tokens: 2000,
      output_tokens: 0,
      cache_read_input_tokens: 1500,
      server_tool_calls: { magic: 1 },
    };
    expect(cost(bare, usage)).toEqual({ cost: usdToNano('0.056'), estimated: usdToNano('0.0545'), flagged: [] });
  });

  test('applies a tier to the whole call by its total input, cached or not', () => {
    const tiered = ratesOf('gpt-5.5', 'responses');
    const at = (input_tokens: number) =>
      cost(tiered, { input_tokens, output_tokens: 1000, cache_read_input_tokens: 200_000 }).cost;
    expect(at(271_999)).toBe(usdToNano((71_999 * 5 + 200_000 * 0.5 + 1000 * 30) / 1e6));
    expect(at(272_000)).toBe(usdToNano((72_000 * 10 + 200_000 * 1 + 1000 * 45) / 1e6));
  });

  test('counts audio as uncached as far as it can be', () => {
    const audio = ratesOf('gpt-realtime', 'chat');
    const usage = { input_tokens: 1000, output_tokens: 0, cache_read_input_tokens: 600, input_audio_tokens: 500 };
    // 400 fresh audio at 32, 100 cached audio and 500 cached text at 0.4 (text) and 0.5 (images cannot be told apart)
    expect(cost(audio, usage).cost).toBe(usdToNano((400 * 32 + 100 * 0.4 + 500 * 0.5) / 1e6));
  });

  test('charges cached audio as fresh audio where nobody prices it', () => {
    const audio = ratesOf('house', 'chat', { ...house, input_audio_per_mtok: 40 });
    const usage = { input_tokens: 1000, output_tokens: 0, cache_read_input_tokens: 1000, input_audio_tokens: 1000 };
    expect(cost(audio, usage)).toMatchObject({ cost: usdToNano('0.04'), estimated: usdToNano('0.04') });
  });

  test('rounds half up, once, on the total', () => {
    const tiny = ratesOf('tiny', 'chat', { input_per_mtok: 0.0005, output_per_mtok: 0.0004 });
    expect(cost(tiny, { input_tokens: 1, output_tokens: 0 }).cost).toBe(1);
    expect(cost(tiny, { input_tokens: 0, output_tokens: 1 }).cost).toBe(0);
    expect(cost(tiny, { input_tokens: 1, output_tokens: 1 }).cost).toBe(1);
    expect(cost(tiny, { input_tokens: 2, output_tokens: 2 }).cost).toBe(2);
  });

  test('is nothing for a free model', () => {
    const free = ratesOf('local', 'messages', { input_per_mtok: 0, output_per_mtok: 0 });
    expect(cost(free, { input_tokens: 5000, output_tokens: 5000, cache_creation_input_tokens: 100 }).cost).toBe(0);
  });
});

describe('suspicious usage', () => {
  const rates = ratesOf('house', 'messages', { input_per_mtok: 3, output_per_mtok: 15, cache_read_per_mtok: 0.3 });

  test('explicit zero is honoured and flagged', () => {
    expect(cost(rates, { input_tokens: 0, output_tokens: 0 })).toEqual({
      cost: 0,
      estimated: 0,
      flagged: ['zero_tokens'],
    });
  });

  test('more cached tokens than input never lower the cost', () => {
    const odd = cost(rates, { input_tokens: 100, output_tokens: 0, cache_read_input_tokens: 1000 });
    expect(odd).toMatchObject({ cost: usdToNano('0.0003'), flagged: ['parts_exceed_total'] });
  });

  test('more reasoning than output is charged in full', () => {
    const odd = cost(rates, { input_tokens: 0, output_tokens: 10, reasoning_output_tokens: 1000 });
    expect(odd).toMatchObject({ cost: usdToNano('0.015'), flagged: ['parts_exceed_total'] });
  });

  test('huge and negative counts are cut and flagged', () => {
    expect(cost(rates, { input_tokens: 1e12, output_tokens: -5 })).toMatchObject({
      cost: usdToNano(3000),
      flagged: ['huge_count', 'invalid_count'],
    });
    expect(cost(rates, { input_tokens: Number.NaN, output_tokens: 1.2 })).toMatchObject({ flagged: ['invalid_count'] });
  });

  test('no usage makes a negative, fractional or unrepresentable cost', () => {
    const wild = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(Infinity, -Infinity, Number.NaN, 1e300));
    const dear = ratesOf('dear', 'messages', {
      input_per_mtok: 100_000,
      output_per_mtok: 100_000,
      request_usd: 100_000,
    });
    const usages = fc.record<Usage>({
      input_tokens: wild,
      output_tokens: wild,
      cache_read_input_tokens: wild,
      cache_creation_input_tokens: wild,
      cache_creation_1h_input_tokens: wild,
      reasoning_output_tokens: wild,
      input_audio_tokens: wild,
      output_audio_tokens: wild,
      server_tool_calls: fc.dictionary(fc.string(), wild),
    });
    fc.assert(
      fc.property(usages, fc.constantFrom(rates, dear), (usage, used) => {
        const { cost: amount, estimated } = cost(used, usage);
        expect(Number.isSafeInteger(amount) && amount >= 0).toBe(true);
        expect(estimated).toBeGreaterThanOrEqual(0);
        expect(estimated).toBeLessThanOrEqual(amount);
      }),
    );
  });

  test('reporting more tokens of one kind, all else equal, never costs less', () => {
    const some = fc.integer({ min: 0, max: 1_000_000 });
    fc.assert(
      fc.property(some, some, some, fc.constantFrom('input_tokens', 'output_tokens'), (input, output, more, key) => {
        const usage: Usage = { input_tokens: input, output_tokens: output };
        expect(cost(rates, { ...usage, [key]: usage[key] + more }).cost).toBeGreaterThanOrEqual(
          cost(rates, usage).cost,
        );
      }),
    );
  });
});

test('the costs of a run’s steps add up to its spend exactly, in any order', () => {
  const rates = ratesOf('gpt-5-nano', 'chat');
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 999 })), {
    maxLength: 99,
  });
  fc.assert(
    fc.property(steps, (counts) => {
      const costs = counts.map(([input_tokens, output_tokens]) => cost(rates, { input_tokens, output_tokens }).cost);
      expect(costs.reduce(addUsd, ZERO_USD)).toBe(costs.toReversed().reduce(addUsd, ZERO_USD));
    }),
  );
});
