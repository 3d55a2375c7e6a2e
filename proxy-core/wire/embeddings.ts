import { createJsonReader, createStreamReader } from './answer-reader.ts';
import { createChoicesMeaning } from './choices.ts';
import type { Format } from './format.ts';
import { record } from './loose-json.ts';
import { emptyFacts } from './request-facts.ts';
import { renderErrorData } from './sse-render.ts';

/** OpenAI embeddings (`POST /v1/embeddings`): input is charged, there is no output. Its answers are whole JSON only. */
export const embeddings: Format = {
  name: 'embeddings',
  parseRequest: (body) => ({ ...emptyFacts(record(body)), outputLimit: 0 }),
  jsonReader: (limits) => createJsonReader(createChoicesMeaning(limits), limits),
  streamReader: (limits) => createStreamReader(createChoicesMeaning(limits), limits),
  renderStreamError: renderErrorData,
};
