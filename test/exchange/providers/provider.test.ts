import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asksAnthropic, chooseModelsProvider } from '../../../proxy-core/providers/models-list.ts';
import {
  chooseProvider,
  matchesGlob,
  type Provider,
  parseBaseUrl,
  upstreamPath,
} from '../../../proxy-core/providers/provider.ts';
import { DEFAULT_PROVIDERS, DEMO_PROVIDER } from '../../../proxy-core/providers/provider-defaults.ts';
import { providerAt } from './harness.ts';

const chosen = (format: Parameters<typeof chooseProvider>[1], model: string | null): string | undefined =>
  chooseProvider(DEFAULT_PROVIDERS, format, model)?.id;

describe('a glob over model names', () => {
  it.each([
    ['*', 'anything/at:all', true],
    ['gpt-*', 'gpt-5.5', true],
    ['gpt-*', 'gpt-', true],
    ['gpt-*', 'GPT-5', false],
    ['gpt-5', 'gpt-5.5', false],
    ['*-mini', 'o4-mini', true],
    ['a*b*c', 'a-x-b-y-c', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['ab*ba', 'aba', false],
    ['gpt.5', 'gpt-5', false],
    ['', '', true],
    ['', 'x', false],
  ])('%j on %j is %j', (glob, name, expected) => {
    expect(matchesGlob(glob, name)).toBe(expected);
  });

  it('agrees with a regular expression for every glob and name', () => {
    const word = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map((chars) => chars.join(''));
    const name = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }).map((chars) => chars.join(''));
    fc.assert(
      fc.property(word, name, (glob, text) => {
        expect(matchesGlob(glob, text)).toBe(new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(text));
      }),
    );
  });
});

describe('choosing a provider', () => {
  const first: Provider = { ...providerAt('http://first.test'), id: 'first', models: ['gpt-*'] };
  const second: Provider = { ...providerAt('http://second.test'), id: 'second', formats: ['chat', 'responses'] };

  it('takes the first in order that speaks the format and serves the model', () => {
    expect(chooseProvider([first, second], 'chat', 'gpt-5')?.id).toBe('first');
    expect(chooseProvider([second, first], 'chat', 'gpt-5')?.id).toBe('second');
    expect(chooseProvider([first, second], 'responses', 'gpt-5')?.id).toBe('second');
    expect(chooseProvider([first, second], 'chat', 'llama')?.id).toBe('second');
    expect(chooseProvider([first, second], 'messages', 'gpt-5')).toBeNull();
  });

  it('asks the first that speaks the format when the request names no model', () => {
    expect(chooseProvider([first, second], 'chat', null)?.id).toBe('first');
  });

  it.each([
    ['chat', 'gpt-5.5', 'openai'],
    ['responses', 'gpt-6.1-sol', 'openai'],
    ['chat', 'o3-mini', 'openai'],
    ['embeddings', 'text-embedding-3-small', 'openai'],
    ['chat', 'ft:gpt-4o-mini:org::id', 'openai'],
    ['messages', 'claude-opus-4-8', 'anthropic'],
    ['chat', 'gpt-oss:20b', 'ollama'],
    ['chat', 'qwen3:8b', 'ollama'],
    ['chat', 'olmo2', 'ollama'],
    ['messages', 'llama3.2', 'ollama'],
    ['chat', 'demo-model', 'demo'],
    ['messages', 'demo-model', 'demo'],
    ['responses', 'demo-model', 'demo'],
    ['chat', 'claude-opus-4-8', undefined],
    ['chat', 'gemini-3-pro', undefined],
  ] as const)('without configuration sends %s of %s to %s', (format, model, expected) => {
    expect(chosen(format, model)).toBe(expected);
  });
});

describe('the upstream path', () => {
  it.each([
    ['https://api.openai.com/v1', '/v1/chat/completions', '/v1/chat/completions'],
    ['https://api.openai.com/v1/', '/v1/chat/completions', '/v1/chat/completions'],
    ['https://api.openai.com', '/v1/chat/completions', '/v1/chat/completions'],
    ['https://api.anthropic.com', '/v1/messages', '/v1/messages'],
    ['https://api.anthropic.com/v1', '/v1/messages', '/v1/messages'],
    ['https://openrouter.ai/api/v1', '/v1/responses', '/api/v1/responses'],
    ['https://gateway.test/anthropic', '/v1/messages', '/anthropic/v1/messages'],
    ['https://gateway.test/api/paas/v4', '/v1/chat/completions', '/api/paas/v4/chat/completions'],
    ['https://gateway.test/v1beta/openai', '/v1/embeddings', '/v1beta/openai/embeddings'],
    ['https://gateway.test/v1', '/v1', '/v1'],
    ['https://gateway.test/vault', '/v1/models', '/vault/v1/models'],
  ])('of %s and %s is %s', (base, endpoint, expected) => {
    expect(upstreamPath(providerAt(base), endpoint, '')).toBe(expected);
  });

  it('keeps the query byte for byte', () => {
    expect(upstreamPath(providerAt('https://a.test/v1'), '/v1/messages', '?beta=true&x=%2F')).toBe(
      '/v1/messages?beta=true&x=%2F',
    );
  });

  it.each([
    '/v1/../admin',
    '/v1/%2e%2E/admin',
    '/v1/%2E./admin',
    '/v1/./chat',
    '/v1/..',
    '/v1/a%2f..%2fb',
    '/v1\\..\\x',
    '//evil.test/..',
    '/v1/x#y',
    'v1/chat',
    'https://evil.test/',
  ])('refuses %s, which could leave the configured prefix', (endpoint) => {
    expect(upstreamPath(providerAt('https://a.test/tenant/v1'), endpoint, '')).toBeNull();
  });

  it('allows dots inside names', () => {
    expect(upstreamPath(providerAt('https://a.test/v1'), '/v1/models/gpt-5.5..x', '')).toBe('/v1/models/gpt-5.5..x');
  });
});

describe('a base URL', () => {
  it.each([
    'https://api.openai.com@evil.test/v1',
    'https://user:pass@api.openai.com',
    'https://evil.test#api.openai.com',
    'https://evil.test/#',
    'https://evil.test?x=1',
    'https://evil.test\\@api.openai.com',
    'ftp://files.test',
    'file:///etc/passwd',
    'api.openai.com/v1',
    '',
  ])('C3: %j is refused', (text) => {
    expect(parseBaseUrl(text).kind).toBe('invalid');
  });

  it.each(['https://api.openai.com/v1', 'http://127.0.0.1:11434/v1', 'http://[::1]:8080', 'http://localhost:1234/v1'])(
    '%j is accepted',
    (text) => {
      expect(parseBaseUrl(text)).toEqual({ kind: 'parsed', url: new URL(text) });
    },
  );
});

describe('GET /v1/models', () => {
  const anthropicHeaders = ['Accept', '*/*', 'Anthropic-Version', '2023-06-01'];

  it('recognises Anthropic clients by the name of a header, not by a value', () => {
    expect(asksAnthropic(anthropicHeaders)).toBe(true);
    expect(asksAnthropic(['x-note', 'anthropic-version'])).toBe(false);
  });

  it('goes to the first provider of the family that asks', () => {
    expect(chooseModelsProvider(DEFAULT_PROVIDERS, [], null)?.id).toBe('openai');
    expect(chooseModelsProvider(DEFAULT_PROVIDERS, anthropicHeaders, null)?.id).toBe('anthropic');
    expect(chooseModelsProvider([DEMO_PROVIDER], [], null)?.id).toBe('demo');
  });

  it('goes to the one that serves the model, when one is named', () => {
    expect(chooseModelsProvider(DEFAULT_PROVIDERS, [], 'demo-model')?.id).toBe('demo');
    expect(chooseModelsProvider(DEFAULT_PROVIDERS, anthropicHeaders, 'demo-model')?.id).toBe('demo');
    expect(chooseModelsProvider(DEFAULT_PROVIDERS, [], 'qwen3:8b')?.id).toBe('ollama');
    expect(chooseModelsProvider(DEFAULT_PROVIDERS, [], 'nobody-has-this')).toBeNull();
  });
});
