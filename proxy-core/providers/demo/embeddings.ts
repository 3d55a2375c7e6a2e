import { createHash } from 'node:crypto';
import { countAllWords, countOf, type JsonObject, textOf } from './json.ts';

const DEFAULT_DIMENSIONS = 64;
const MAX_DIMENSIONS = 3_072;
/** Numbers of one answer: it is made in the process that serves everybody. */
const MOST_NUMBERS = 500_000;

/** A unit vector in which every word of the text pushes one coordinate: texts that share words are close. */
function embed(text: string, dimensions: number): number[] {
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const word of text.toLowerCase().match(/\S+/g) ?? ['']) {
    const hash = createHash('sha256').update(word).digest();
    const at = hash.readUInt32LE(0) % dimensions;
    vector[at] = (vector[at] ?? 0) + (hash.readUInt8(4) % 2 === 0 ? 1 : -1);
  }
  const length = Math.hypot(...vector);
  // Words can cancel each other out; a vector of length zero has no direction.
  return length === 0 ? vector.fill(1 / Math.sqrt(dimensions)) : vector.map((each) => each / length);
}

const renderVector = (vector: number[], encoding: unknown): number[] | string =>
  encoding === 'base64' ? Buffer.from(Float32Array.from(vector).buffer).toString('base64') : vector;

/** The texts of `input`: one text, several, or token lists, which stand for themselves. */
function inputTexts(input: unknown): string[] {
  if (!Array.isArray(input)) return [textOf(input)];
  if (input.every((each) => typeof each === 'number')) return [input.join(' ')];
  return input.map((each) => (Array.isArray(each) ? each.join(' ') : textOf(each)));
}

/** The answer to `POST /v1/embeddings`, floats or base64 as asked (the OpenAI SDK asks for base64); null: more than is made at once. */
export function renderEmbeddings(body: JsonObject): string | null {
  const dimensions = Math.min(MAX_DIMENSIONS, countOf(body['dimensions']) ?? DEFAULT_DIMENSIONS);
  const texts = inputTexts(body['input']);
  if (texts.length * dimensions > MOST_NUMBERS) return null;
  const tokens = countAllWords(texts);
  return JSON.stringify({
    object: 'list',
    data: texts.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: renderVector(embed(text, dimensions), body['encoding_format']),
    })),
    model: textOf(body['model']),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}
