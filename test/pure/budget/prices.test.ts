import { calcPrice, waitForUpdate } from '@pydantic/genai-prices';
import { describe, expect, test } from 'vitest';
import { CATALOGUE_PROVIDERS } from '../../../proxy-core/budget/catalogue.ts';
import { FAMILIES } from '../../../proxy-core/budget/families.ts';
import { matchesModel } from '../../../proxy-core/budget/model-glob.ts';
import { type PriceOverride, type PriceQuery, priceModel, priceOverride } from '../../../proxy-core/budget/prices.ts';
import { cost } from '../../../proxy-core/budget/pricing.ts';
import { dearer, dearestRate, flat, type Rates, rateAt } from '../../../proxy-core/budget/rates.ts';
import { canonicalTool, serverToolPrice } from '../../../proxy-core/budget/server-tools.ts';

const AT = Date.parse('2026-11-01T12:00:00Z');
const query = (model: string | null, given: Partial<PriceQuery> = {}): PriceQuery => ({
  model,
  providerId: null,
  baseUrl: null,
  wireFormat: 'chat',
  at: AT,
  ...given,
});

function priced(asked: PriceQuery, overrides: Record<string, PriceOverride> = {}): Rates {
  const pricing = priceModel(asked, overrides);
  if (pricing.kind !== 'priced') throw new Error(`unpriced: ${asked.model}`);
  return pricing.rates;
}

describe('the bundled catalogue', () => {
  test('is searched whole: our list of providers is the data itself', async () => {
    const bundled = await waitForUpdate();
    expect([...CATALOGUE_PROVIDERS].sort()).toEqual((bundled ?? []).map((provider) => provider.id).sort());
  });

  test.each([
    ['claude-haiku-4-5-20251001', 'messages', 'anthropic/claude-haiku-4-5', 1, 5],
    ['claude-sonnet-5', 'messages', 'anthropic/claude-sonnet-5', 2, 10],
    ['gpt-5-codex', 'responses', 'openai/gpt-5', 1.25, 10],
    ['gpt-4.1', 'chat', 'openai/gpt-4.1', 2, 8],
    ['GPT-4.1', 'chat', 'openai/gpt-4.1', 2, 8],
  ] as const)('prices %s (%s) as %s', (model, wireFormat, entry, input, output) => {
    const rates = priced(query(model, { wireFormat }));
    expect(rates).toMatchObject({ source: 'genai-prices', entry, input: { base: input }, output: { base: output } });
  });

  test('finds the maker of a model that is asked for in another wire format', () => {
    expect(priced(query('claude-opus-4-8', { wireFormat: 'chat' })).entry).toBe('anthropic/claude-opus-4-8');
    expect(priced(query('gemini-2.5-flash')).entry).toBe('google/gemini-2.5-flash');
  });

  test('finds a model that one provider alone knows, whatever the provider is called here', () => {
    expect(priced(query('~anthropic/claude-opus-latest', { providerId: 'gateway' })).entry).toMatch(/^openrouter\//);
  });

  test('chooses none of several sellers with prices of their own', () => {
    expect(priceModel(query('openai/gpt-oss-120b', { providerId: 'gateway' }), {}).kind).toBe('unpriced');
    expect(priced(query('openai/gpt-oss-120b', { providerId: 'groq' })).entry).toMatch(/^groq\//);
  });

  test('lets the address decide who sells, and guesses nothing that seller does not list', () => {
    const groq = { providerId: 'openai', baseUrl: 'https://api.groq.com/openai/v1' };
    expect(priced(query('llama-3.3-70b-versatile', groq)).entry).toMatch(/^groq\//);
    expect(priceModel(query('gpt-4.1', groq), {}).kind).toBe('unpriced');
  });

  test('uses the provider id behind an unknown address', () => {
    const deployment = { providerId: 'groq', baseUrl: 'http://127.0.0.1:9999/v1' };
    expect(priced(query('llama-3.3-70b-versatile', deployment)).entry).toMatch(/^groq\//);
  });

  test.each([
    ['my-local-model'],
    [''],
    [null],
    [`claude-haiku-4-5-${'x'.repeat(1_000_000)}`],
    ['llama3.2'],
    ['whisper-1'],
  ])('never prices what nobody prices (%.20s)', (model) => {
    expect(priceModel(query(model), {})).toEqual({ kind: 'unpriced', model });
  });

  test.each([
    ['gpt-6.2-sol', 'responses', 'gpt-* like openai/gpt-5.5', 5, 30],
    ['openai/gpt-6.2-mini', 'chat', 'gpt-*-mini* like openai/gpt-5.4-mini', 0.75, 4.5],
    ['claude-opus-7-1', 'messages', 'claude-*opus* like anthropic/claude-opus-5', 5, 25],
    ['claude-saga-6', 'messages', 'claude-* like anthropic/claude-fable-5', 10, 50],
  ] as const)(
    'prices a new model by its family (%s), as an estimate throughout',
    (model, wireFormat, entry, input, output) => {
      const rates = priced(query(model, { wireFormat }));
      expect(rates).toMatchObject({ source: 'family', entry, input: { base: input }, output: { base: output } });
      const usage = {
        input_tokens: 1000,
        output_tokens: 500,
        cache_read_input_tokens: 200,
        reasoning_output_tokens: 100,
      };
      const { cost: charged, estimated } = cost(rates, usage);
      expect(charged).toBeGreaterThan(0);
      expect(estimated).toBe(charged);
    },
  );

  test('prices nothing by a family at the address of another seller, and no local model', () => {
    expect(priceModel(query('gpt-6.2-sol', { baseUrl: 'https://api.groq.com/openai/v1' }), {}).kind).toBe('unpriced');
    for (const model of ['gpt-oss-300b', 'gpt-neo:20b', 'grok-9:8b', 'gpt-6-realtime', 'gpt-6-image'])
      expect([model, priceModel(query(model), {}).kind]).toEqual([model, 'unpriced']);
  });

  test('stands every family on a model that the catalogue prices', () => {
    for (const { like } of FAMILIES) {
      if (like === null) continue;
      expect([like.model, calcPrice({}, like.model, { providerId: like.provider })?.model.id]).toEqual([
        like.model,
        expect.any(String),
      ]);
    }
  });

  test('does not take an entry without prices for a free one', () => {
    const copilot = { baseUrl: 'https://api.githubcopilot.com' };
    expect(calcPrice({ input_tokens: 10 }, 'gpt-4.1', { providerId: 'github-copilot' })?.total_price).toBe(0);
    expect(priceModel(query('gpt-4.1', copilot), {}).kind).toBe('unpriced');
  });

  test('lets embeddings alone go without an output price', () => {
    expect(priced(query('text-embedding-3-small', { wireFormat: 'embeddings' })).input.base).toBe(0.02);
    expect(priceModel(query('text-embedding-3-small', { wireFormat: 'chat' }), {}).kind).toBe('unpriced');
  });

  test('holds prices from the date on which they begin', () => {
    const before = priced(query('o3', { at: Date.parse('2025-06-09T23:59:59Z') }));
    const after = priced(query('o3', { at: Date.parse('2025-06-10T00:00:00Z') }));
    expect([before.input.base, after.input.base]).toEqual([10, 2]);
  });

  test('carries tiers', () => {
    const { input } = priced(query('gpt-5.5', { wireFormat: 'responses' }));
    expect([rateAt(input, 271_999), rateAt(input, 272_000)]).toEqual([5, 10]);
  });

  test('charges the dearest modality where usage cannot tell them apart', () => {
    expect(priced(query('gemini-2.5-flash-image')).output).toEqual({ base: 30, tiers: [], estimated: true });
  });
});

describe('dimensions without a price', () => {
  const free = { input_per_mtok: 0, output_per_mtok: 0 };
  const plain = { input_per_mtok: 3, output_per_mtok: 15 };

  test('fall back to full input for cached reads and to the multiples of Anthropic for its cache writes', () => {
    const rates = priced(query('my-claude', { wireFormat: 'messages' }), { 'my-claude': plain });
    expect(rates.cacheRead).toEqual({ base: 3, tiers: [], estimated: true });
    expect(rates.cacheWrite5m).toEqual({ base: 3.75, tiers: [], estimated: true });
    expect(rates.cacheWrite1h).toEqual({ base: 6, tiers: [], estimated: true });
  });

  test('bill cache writes of other makers as input, reasoning as output and audio of audio models as audio', () => {
    const rates = priced(query('house-model'), { 'house-model': plain });
    expect([rates.cacheWrite5m.base, rates.cacheWrite1h.base]).toEqual([3, 3]);
    expect(rates.reasoning).toEqual(flat(15));
    expect([rates.inputAudio.base, rates.outputAudio.base]).toEqual([3, 15]);
    const audio = priced(query('house-audio'), { 'house-audio': plain });
    expect([audio.inputAudio.base, audio.outputAudio.base]).toEqual([48, 120]);
  });

  test('stay free under an override of zero', () => {
    const rates = priced(query('ollama-claude', { wireFormat: 'messages' }), { 'ollama-*': free });
    expect([rates.input.base, rates.cacheWrite1h.base, rates.outputAudio.base]).toEqual([0, 0, 0]);
  });

  test('keep what an override states', () => {
    const stated = { ...plain, cache_read_per_mtok: 0.3, cache_write_1h_per_mtok: 5, max_output_tokens: 64_000 };
    const rates = priced(query('m'), { m: stated });
    expect(rates.cacheRead).toEqual(flat(0.3));
    expect(rates.cacheWrite1h).toEqual(flat(5));
    expect(rates.outputMaximum).toBe(64_000);
  });
});

describe('overrides', () => {
  const at = (input_per_mtok: number): PriceOverride => ({ input_per_mtok, output_per_mtok: 1 });

  test('come before the catalogue', () => {
    expect(priced(query('gpt-4.1'), { 'gpt-4.1': at(0) })).toMatchObject({ source: 'override', input: { base: 0 } });
  });

  test('match the exact name before any glob, then globs in the order of the file', () => {
    const overrides = { '*': at(1), 'gpt-*': at(2), 'gpt-4.1': at(3) };
    expect(priced(query('GPT-4.1'), overrides).input.base).toBe(3);
    expect(priced(query('gpt-4o'), overrides).input.base).toBe(1);
  });

  test('match provider and model together', () => {
    const overrides = { 'ollama/*': at(0) };
    expect(priced(query('qwen3:8b', { providerId: 'ollama' }), overrides).entry).toBe('ollama/*');
    expect(priceModel(query('qwen3:8b', { providerId: 'other' }), overrides).kind).toBe('unpriced');
  });

  test('are refused with unknown keys, negative or endless rates, or without input or output', () => {
    expect(priceOverride.safeParse({ input_per_mtok: 0, output_per_mtok: 0 }).success).toBe(true);
    expect(priceOverride.safeParse({ input_per_mtok: 1 }).success).toBe(false);
    expect(priceOverride.safeParse({ ...at(1), outputs: 1 }).success).toBe(false);
    expect(priceOverride.safeParse(at(-1)).success).toBe(false);
    expect(priceOverride.safeParse(at(Infinity)).success).toBe(false);
    expect(priceOverride.safeParse({ ...at(1), server_tool_usd: { web_search: -1 } }).success).toBe(false);
  });
});

describe('matching a model name', () => {
  test.each([
    ['claude-*', 'claude-sonnet-5', true],
    ['claude-*', 'my-claude-5', false],
    ['*', '', true],
    ['gpt-5?', 'gpt-5', false],
    ['gpt-5*', 'gpt-5', true],
    ['*-mini', 'gpt-5-mini-2025-mini', true],
    ['a*b*c', 'a__b__b_c', true],
    ['a*b*c', 'a__c__b', false],
    ['gpt-4.1', 'gpt-4x1', false],
    ['Gpt-4', 'gPT-4', true],
    ['', 'gpt', false],
    ['a**', 'a', true],
  ])('%s against %s: %s', (pattern, model, expected) => {
    expect(matchesModel(pattern, model)).toBe(expected);
  });
});

describe('tools that the provider runs', () => {
  test.each([
    ['web_search', 'web_search'],
    ['web_search_20250305', 'web_search'],
    ['web_search_preview', 'web_search'],
    ['web_search_call', 'web_search'],
    ['web_search_requests', 'web_search'],
    ['code_interpreter_call', 'code_execution'],
    ['mcp_list_tools', 'mcp'],
    ['constructor', 'constructor'],
  ])('%s is %s', (name, canonical) => {
    expect(canonicalTool(name)).toBe(canonical);
  });

  test('of endless names are read in linear time', () => {
    const name = `${'_preview'.repeat(100_000)}x`;
    expect(canonicalTool(name)).toBe(name);
  });

  test('cost the configured price, by the name given or the canonical one', () => {
    expect(serverToolPrice({ web_search: 0.01 }, 'web_search_20250305')).toEqual({ usd: 0.01, estimated: false });
    expect(serverToolPrice({ web_search_call: 0.02 }, 'web_search_call')).toEqual({ usd: 0.02, estimated: false });
  });

  test('are never free for want of a price', () => {
    for (const name of ['teleport', 'constructor', '__proto__'])
      expect(serverToolPrice({}, name)).toEqual({ usd: 0.05, estimated: true });
  });
});

describe('combining rates', () => {
  const stepped = { base: 1, tiers: [{ above: 100, rate: 4 }], estimated: false };

  test('the dearest rate counts only the tiers that the input can reach', () => {
    expect(dearestRate([stepped, flat(2)], 100)).toBe(2);
    expect(dearestRate([stepped, flat(2)], 101)).toBe(4);
    expect(dearestRate([{ base: 9, tiers: [{ above: 10, rate: 1 }], estimated: false }], 50)).toBe(9);
  });

  test('the dearer of two rates is the dearer at every input size', () => {
    const other = { base: 2, tiers: [{ above: 50, rate: 3 }], estimated: false };
    const both = dearer(stepped, other);
    expect([1, 51, 101].map((tokens) => rateAt(both, tokens))).toEqual([2, 3, 4]);
    expect(both.estimated).toBe(true);
    expect(dearer(flat(3), flat(2))).toEqual(flat(3));
  });
});
