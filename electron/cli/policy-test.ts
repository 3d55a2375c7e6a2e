import type { OperationOutput } from '../../proxy-core/contract/operations.ts';

/** What the file of `policies test` holds, or why it cannot be used. */
export type TestRequest =
  | {
      readonly kind: 'request';
      readonly path: string;
      readonly body: object;
      readonly tool_calls: { readonly name: string; readonly args?: unknown }[];
    }
  | { readonly kind: 'invalid'; readonly why: string };

const KEYS = ['path', 'body', 'tool_calls'];

/** Read `{path?, body, tool_calls?}`, or a bare request body (no provider's body has a key `body`). */
export function readTestRequest(value: unknown): TestRequest {
  if (!isRecord(value)) return { kind: 'invalid', why: 'expected a JSON object' };
  if (!Object.hasOwn(value, 'body')) {
    return { kind: 'request', path: guessPath(value), body: value, tool_calls: [] };
  }
  const { path, body, tool_calls: calls = [] } = value;
  const extra = Object.keys(value).find((key) => !KEYS.includes(key));
  if (extra !== undefined) return { kind: 'invalid', why: `unknown key "${extra}"; expected ${KEYS.join(', ')}` };
  if (!isRecord(body)) return { kind: 'invalid', why: 'body must be an object' };
  if (path !== undefined && typeof path !== 'string') return { kind: 'invalid', why: 'path must be a text' };
  if (!Array.isArray(calls) || !calls.every(isNamed)) {
    return { kind: 'invalid', why: 'tool_calls must be a list of {"name": …, "args": …}' };
  }
  return { kind: 'request', path: path ?? guessPath(body), body, tool_calls: calls };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNamed = (value: unknown): value is { readonly name: string; readonly args?: unknown } =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  Object.keys(value).every((key) => ['name', 'args'].includes(key));

/** The endpoint that a body was most likely written for. */
function guessPath(body: Readonly<Record<string, unknown>>): string {
  const model = typeof body['model'] === 'string' ? body['model'] : '';
  if ('input' in body) return model.includes('embed') ? '/v1/embeddings' : '/v1/responses';
  if ('prompt' in body && !('messages' in body)) return '/v1/completions';
  return 'messages' in body && !model.startsWith('claude') ? '/v1/chat/completions' : '/v1/messages';
}

type TestResult = OperationOutput<'policies.test'>;

/** The decisions in words: for each the rules that matched or did not, and what their conditions saw. */
export function renderTest({ policy, effect, rule, decisions }: TestResult, path: string): string {
  const head = `${effect.toUpperCase()} by ${ruleWords(rule)} of ${policy}`;
  return [head, ...decisions.map((decision) => renderDecision(decision, path))].join('\n\n');
}

const ruleWords = (rule: string | null): string => (rule === null ? 'the default' : `rule "${rule}"`);

function renderDecision({ subject, effect, rule, explanation }: TestResult['decisions'][number], path: string): string {
  const what = subject === 'request' ? `Request to ${path}` : `Tool call ${subject}`;
  const traces = explanation.length === 0 ? ['  no rule looks at this'] : explanation.flatMap(renderTrace);
  return [`${what}: ${effect} by ${ruleWords(rule)}`, ...traces].join('\n');
}

const OUTCOMES: Readonly<Record<string, string>> = {
  matched: '✓ matched',
  unmatched: '✗ not matched',
  ambiguous: '? cannot be told for certain',
};

function renderTrace(trace: Readonly<Record<string, unknown>>): readonly string[] {
  const { rule, effect, outcome, conditions } = trace;
  const head = `  ${OUTCOMES[String(outcome)] ?? String(outcome)}: ${String(rule)} (${String(effect)})`;
  const lines = Array.isArray(conditions) ? conditions.filter(isRecord) : [];
  return [head, ...lines.map((line) => `      ${mark(line['outcome'])} ${String(line['text'])}`)];
}

const mark = (outcome: unknown): string => (OUTCOMES[String(outcome)] ?? '-').charAt(0);
