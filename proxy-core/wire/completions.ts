import { createJsonReader, createStreamReader } from './answer-reader.ts';
import { createChoicesMeaning } from './choices.ts';
import type { Format, RequestFacts } from './format.ts';
import { type JsonRecord, record } from './loose-json.ts';
import { choiceCount, emptyFacts, outputLimit } from './request-facts.ts';
import { renderErrorData } from './sse-render.ts';

/** OpenAI legacy completions (`POST /v1/completions`). */
export const completions: Format = {
  name: 'completions',
  parseRequest: (body) => parseRequest(record(body)),
  jsonReader: (limits) => createJsonReader(createChoicesMeaning(limits), limits),
  streamReader: (limits) => createStreamReader(createChoicesMeaning(limits), limits),
  renderStreamError: renderErrorData,
};

function parseRequest(body: JsonRecord): RequestFacts {
  return {
    ...emptyFacts(body),
    outputLimit: outputLimit(body['max_tokens']),
    choices: promptCount(body['prompt']) * Math.max(choiceCount(body['n']), choiceCount(body['best_of'])),
    asksUsage: record(body['stream_options'])['include_usage'] === true,
  };
}

/** Every prompt of a list is answered; a list of numbers is one prompt of tokens. */
function promptCount(prompt: unknown): number {
  if (!Array.isArray(prompt) || prompt.length === 0) return 1;
  return prompt.every((part) => typeof part === 'number') ? 1 : prompt.length;
}
