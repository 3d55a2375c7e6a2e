import { describe, expect, it } from 'vitest';
import type { WireFormat } from '../../../proxy-core/contract/records.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';

const parse = (format: WireFormat, body: unknown) => FORMATS[format].parseRequest(body);
const further = (body: unknown, format: WireFormat = 'chat') => parse(format, body).furtherModels;
const open = (body: unknown, format: WireFormat = 'chat') => parse(format, body).unnamedModels;

/** Requests as the gateways' own documentation shows them, with the models they lead to beside `model`. */
const NAMED: readonly (readonly [string, WireFormat, Readonly<Record<string, unknown>>, readonly string[]])[] = [
  ['OpenRouter models', 'chat', { model: 'a', models: ['a', 'b', 'c'], route: 'fallback' }, ['b', 'c']],
  ['OpenRouter models alone', 'chat', { models: ['a', 'b'] }, ['a', 'b']],
  ['OpenRouter fallbacks on messages', 'messages', { model: 'a', fallbacks: [{ model: 'b' }] }, ['b']],
  [
    'OpenRouter plugin',
    'chat',
    { model: 'a', plugins: [{ id: 'fusion', model: 'b', analysis_models: ['c'] }] },
    ['b', 'c'],
  ],
  [
    'OpenRouter auto router',
    'chat',
    { model: 'a', plugins: [{ id: 'auto-router', allowed_models: ['x/*'] }] },
    ['x/*'],
  ],
  [
    'OpenRouter advisor tool',
    'responses',
    { model: 'a', tools: [{ type: 'openrouter:advisor', parameters: { model: 'b' } }] },
    ['b'],
  ],
  [
    'a tool inside a tool',
    'chat',
    {
      model: 'a',
      tools: [
        {
          type: 'openrouter:advisor',
          parameters: { model: 'b', tools: [{ type: 'openrouter:fusion', parameters: { analysis_models: ['c'] } }] },
        },
      ],
    },
    ['b', 'c'],
  ],
  [
    'Anthropic advisor tool',
    'messages',
    { model: 'a', tools: [{ type: 'advisor_20260301', name: 'advisor', model: 'b' }] },
    ['b'],
  ],
  [
    'OpenAI image tool',
    'responses',
    { model: 'a', tools: [{ type: 'image_generation', model: 'gpt-image-1' }] },
    ['gpt-image-1'],
  ],
  ['LiteLLM names', 'chat', { model: 'a', fallbacks: ['b', 'c'] }, ['b', 'c']],
  ['LiteLLM requests', 'chat', { model: 'a', fallbacks: [{ model: 'b', messages: [] }, 'c'] }, ['b', 'c']],
  [
    'LiteLLM maps',
    'chat',
    { model: 'a', context_window_fallbacks: [{ a: ['b'] }], content_policy_fallbacks: [{ a: ['c'] }] },
    ['b', 'c'],
  ],
  ['LiteLLM one map', 'chat', { model: 'a', context_window_fallback_dict: { a: 'b' } }, ['b']],
  ['LiteLLM and Helicone commas', 'chat', { model: 'a, b,c' }, ['a', 'b', 'c']],
  ['AssemblyAI', 'chat', { model: 'a', fallbacks: [{ model: 'b', temperature: 0 }] }, ['b']],
  ['Vercel', 'chat', { model: 'a', providerOptions: { gateway: { models: ['b'] } } }, ['b']],
  [
    'Groq',
    'chat',
    { model: 'a', compound_custom: { models: { answering_model: 'b', reasoning_model: 'c' } } },
    ['b', 'c'],
  ],
  ['NanoGPT', 'chat', { model: 'a', advisor: { model: 'b', mode: 'auto' } }, ['b']],
  ['a body inside', 'chat', { model: 'a', extra_body: { models: ['b'] } }, ['b']],
  ['fallbacks of fallbacks', 'chat', { model: 'a', fallbacks: [{ model: 'b', fallbacks: ['c'] }] }, ['b', 'c']],
  ['embeddings', 'embeddings', { model: 'a', input: 'x', models: ['b'] }, ['b']],
  ['completions', 'completions', { model: 'a', prompt: 'x', models: ['b'] }, ['b']],
];

/** What is known to lead to models, and does not say which in a form that can be read. */
const UNNAMED: readonly (readonly [string, WireFormat, Readonly<Record<string, unknown>>])[] = [
  ['a route that picks one', 'chat', { route: 'fallback' }],
  ['a route of its own', 'chat', { route: { type: 'mixture' } }],
  ['a preset', 'chat', { preset: 'email' }],
  ['a preset in the name', 'chat', { model: 'openai/gpt-5@preset/email' }],
  ['default fallbacks', 'messages', { fallbacks: 'default' }],
  ['a number', 'chat', { fallbacks: 3 }],
  ['an entry that is no name', 'chat', { models: ['b', 7] }],
  ['a model that is no name', 'chat', { fallbacks: [{ model: { id: 'b' } }] }],
  ['an empty entry', 'messages', { fallbacks: [{}] }],
  ['a list in a list', 'chat', { models: [['b']] }],
  ['more than are read', 'chat', { models: Array.from({ length: 65 }, (_, n) => `m${n}`) }],
  ['a name too long to be one', 'chat', { models: ['b'.repeat(257)] }],
  ['deeper than is read', 'chat', { fallbacks: [nested(8)] }],
  ['an advisor that is no object', 'chat', { advisor: 'b' }],
];

function nested(depth: number): Readonly<Record<string, unknown>> {
  return depth === 0 ? { model: 'z' } : { model: `m${depth}`, fallbacks: [nested(depth - 1)] };
}

describe('the models that one request may lead to', () => {
  it.each(NAMED)('are read: %s', (_name, format, body, models) => {
    expect(further(body, format)).toEqual(models);
    expect(open(body, format)).toBe(false);
  });

  it.each(UNNAMED)('may be unnamed: %s', (_name, format, body) => {
    expect(open({ model: 'a', ...body }, format)).toBe(true);
    expect(parse(format, { model: 'a', ...body }).unbounded).toContain('fallback_model');
  });

  it('are no others where nothing names one', () => {
    const plain = [
      { model: 'a', messages: [] },
      { model: 'a', models: [], fallbacks: null, route: null, plugins: [{ id: 'web' }], advisor: false },
      { model: 'a', plugins: [{ id: 'fusion', enabled: false, model: 'b' }] },
      { model: 'a', provider: { order: ['openai', 'azure'] }, models: ['a'] },
      { model: 'a', prediction: { type: 'content', content: 'x' }, tools: [{ type: 'image_generation' }] },
      {
        model: 'a',
        tools: [
          { type: 'function', function: { name: 'pick', parameters: { properties: { model: { type: 'string' } } } } },
          { name: 'pick', input_schema: { type: 'object' }, model: 'b' },
        ],
      },
    ];
    for (const format of Object.keys(FORMATS) as WireFormat[])
      for (const body of plain) {
        expect(further(body, format)).toEqual([]);
        expect(open(body, format)).toBe(false);
      }
  });

  it('leave a bound where they are tried one after another, and none where they work together', () => {
    expect(parse('chat', { model: 'a', models: ['b'] }).unbounded).toEqual([]);
    expect(parse('chat', { model: 'a', advisor: { model: 'b' } }).unbounded).toEqual(['fallback_model']);
  });
});

describe('tools of what a request may lead to', () => {
  it('are declared too: those of a fallback, and those that a provider’s tool is given', () => {
    const rm = { type: 'function', function: { name: 'rm' } };
    const fallback = parse('chat', { model: 'a', fallbacks: [{ model: 'b', tools: [rm] }] });
    expect(fallback.tools.map(({ name }) => name)).toEqual(['rm']);
    const inner = [{ type: 'openrouter:web_search' }];
    const advisor = { type: 'openrouter:advisor', parameters: { model: 'b', tools: inner } };
    expect(parse('chat', { model: 'a', tools: [advisor] }).tools.map(({ name }) => name)).toEqual([
      'openrouter:advisor',
      'openrouter:web_search',
    ]);
  });
});
