import { WIRE_FORMATS } from '../contract/records.ts';
import type { Provider } from './provider.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const fromEnv = (name: string) => ({ kind: 'env', name }) as const;

/**
 * OpenAI's own names. `gpt-*` would also take Ollama's `gpt-oss:20b`, and `o*` its `olmo2`, so the families are
 * listed by their digit.
 */
const OPENAI_MODELS = words(`
  gpt-3* gpt-4* gpt-5* gpt-6* gpt-7* gpt-8* gpt-9* o1* o3* o4* o5* o6*
  chatgpt-* codex-* computer-use-* gpt-audio* gpt-realtime*
  text-embedding-* davinci-* babbage-* ft:*
`);

/** Names as Ollama lists them: `family:tag`, and the families that people type without a tag. */
const OLLAMA_MODELS = words(`
  *:*
  codellama* command-r* deepseek* devstral* gemma* glm* gpt-oss* granite* kimi*
  llama* minimax* mistral* mixtral* mxbai-* nomic-* olmo* phi* qwen* qwq* smollm*
`);

/** The built-in demo: answers offline, free of any key. */
export const DEMO_PROVIDER: Provider = {
  id: 'demo',
  kind: 'demo',
  baseUrl: null,
  formats: WIRE_FORMATS,
  models: ['demo-*'],
  auth: 'bearer',
  key: { kind: 'none' },
};

/** What the demo pretends to cost, in USD per million tokens, so that budgets can be seen to work. */
export const DEMO_PRICES = { 'demo/*': { input_per_mtok: 1, output_per_mtok: 5 } };

/**
 * The providers of an installation whose configuration names none. Model names are forwarded byte for byte, so the
 * globs match real names and need no prefix; they do not overlap but for `ft:…`, which OpenAI takes first. The demo
 * comes last so that `GET /v1/models` asks a real provider.
 */
export const DEFAULT_PROVIDERS: readonly Provider[] = [
  {
    id: 'openai',
    kind: 'http',
    baseUrl: new URL('https://api.openai.com/v1'),
    formats: ['chat', 'responses', 'embeddings', 'completions'],
    models: OPENAI_MODELS,
    auth: 'bearer',
    key: fromEnv('OPENAI_API_KEY'),
  },
  {
    id: 'anthropic',
    kind: 'http',
    baseUrl: new URL('https://api.anthropic.com'),
    formats: ['messages'],
    models: ['claude-*'],
    auth: 'x-api-key',
    key: fromEnv('ANTHROPIC_API_KEY'),
  },
  {
    id: 'ollama',
    kind: 'http',
    baseUrl: new URL('http://127.0.0.1:11434/v1'),
    formats: WIRE_FORMATS,
    models: OLLAMA_MODELS,
    auth: 'bearer',
    key: { kind: 'none' },
  },
  DEMO_PROVIDER,
];
