import type { ReadFormat } from './held-calls.ts';
import { CHAT_JSON, chatJson } from './kinds/chat-json.ts';
import { CHAT_STREAM, chatStream } from './kinds/chat-stream.ts';
import { type Mutation, type Plan, planOf, type StreamEvent } from './kinds/draft.ts';
import { ANY_TEXT, type Encoded, frameOf, STREAM_TEXT } from './kinds/encoding.ts';
import { MESSAGES_JSON, messagesJson } from './kinds/messages-json.ts';
import { MESSAGES_STREAM, messagesStream } from './kinds/messages-stream.ts';
import { RESPONSES_JSON, responsesJson } from './kinds/responses-items.ts';
import { RESPONSES_STREAM, responsesStream } from './kinds/responses-stream.ts';
import { type Random, randomOf } from './random.ts';
import type { Wire } from './sdk-readers.ts';

/** Making cases: an answer of one format, well-formed but for the mutations that were drawn. */

/** The seed of the committed runs. */
export const SEED = 20_261_130;

export interface Case {
  readonly seed: number;
  readonly index: number;
  readonly format: ReadFormat;
  /** What the request asks for, and the answer is. */
  readonly stream: boolean;
  /** The tools that the request declares. */
  readonly declares: readonly string[];
  /** The mutations that made it; `FORMAT: well-formed` if there was none. */
  readonly kinds: readonly string[];
  /** Why an answer of this kind may be refused although no SDK holds anything (`Mutation.mayRefuse`); null if it may not. */
  readonly mayRefuse: string | null;
  /** A gated call is somewhere in the bytes, whether or not any SDK makes it out. */
  readonly saysGated: boolean;
  readonly wire: Wire;
}

/** How one format's streams or documents are made. */
interface Recipe<Draft> {
  readonly format: ReadFormat;
  readonly stream: boolean;
  draft(plan: Plan, random: Random): Draft;
  readonly mutations: readonly Mutation<Draft>[];
  pieces(draft: Draft): string[];
}

const framesOf = ({ events }: { readonly events: readonly StreamEvent[] }): string[] => events.map(frameOf);
const documentOf = ({ root }: { readonly root: unknown }): string[] => [JSON.stringify(root)];

/** A recipe whose draft nobody else needs to know. */
type Maker = (random: Random) => { readonly encoded: Encoded; readonly applied: readonly Mutation<never>[] };

const make =
  <Draft>(recipe: Recipe<Draft>): Maker =>
  (random) => {
    const draft = recipe.draft(planOf(random), random);
    const applied = drawn(random, recipe.mutations, random.pick([0, 1, 1, 1, 1, 1, 2, 2, 3]));
    for (const mutation of applied) mutation.apply(draft, random);
    const contentType = recipe.stream ? 'text/event-stream' : 'application/json';
    return { encoded: { pieces: recipe.pieces(draft), contentType, stream: recipe.stream }, applied };
  };

const stream = <D extends { readonly events: readonly StreamEvent[] }>(
  format: ReadFormat,
  draft: (plan: Plan, random: Random) => D,
  mutations: readonly Mutation<D>[],
) => ({ format, stream: true, make: make<D>({ format, stream: true, draft, mutations, pieces: framesOf }) });

const json = <D extends { readonly root: unknown }>(
  format: ReadFormat,
  draft: (plan: Plan) => D,
  mutations: readonly Mutation<D>[],
) => ({ format, stream: false, make: make<D>({ format, stream: false, draft, mutations, pieces: documentOf }) });

/** Streams are drawn twice as often: they have more ways to differ. */
const RECIPES = [
  ...[1, 2].flatMap(() => [
    stream('chat', chatStream, CHAT_STREAM),
    stream('responses', responsesStream, RESPONSES_STREAM),
    stream('messages', messagesStream, MESSAGES_STREAM),
  ]),
  json('chat', chatJson, CHAT_JSON),
  json('responses', responsesJson, RESPONSES_JSON),
  json('messages', messagesJson, MESSAGES_JSON),
];

/** Every kind of case, in the order of the report. */
export const KINDS: readonly string[] = [
  ...new Set([
    'chat: well-formed',
    'responses: well-formed',
    'messages: well-formed',
    ...[
      CHAT_STREAM,
      CHAT_JSON,
      RESPONSES_STREAM,
      RESPONSES_JSON,
      MESSAGES_STREAM,
      MESSAGES_JSON,
      ANY_TEXT,
      STREAM_TEXT,
    ].flatMap((mutations) => mutations.map((mutation) => mutation.kind)),
  ]),
];

/** Case number `index` of a seed. */
export function caseOf(seed: number, index: number): Case {
  const random = randomOf(seed, index);
  const recipe = random.pick(RECIPES);
  const { encoded, applied } = recipe.make(random);
  const textKinds = recipe.stream ? [...ANY_TEXT, ...STREAM_TEXT, ...STREAM_TEXT] : ANY_TEXT;
  const written = drawn(random, textKinds, random.pick([0, 0, 0, 1]));
  for (const mutation of written) mutation.apply(encoded, random);
  const all: readonly Mutation<never>[] = [...applied, ...written];
  const kinds = [...new Set(all.map((mutation) => mutation.kind))];
  const others = all.flatMap((mutation) => mutation.mayRefuse ?? []);
  return {
    seed,
    index,
    format: recipe.format,
    stream: recipe.stream,
    declares: random.chance(0.8) ? ['issue_refund', 'read_file'] : ['read_file'],
    kinds: kinds.length === 0 ? [`${recipe.format}: well-formed`] : kinds,
    mayRefuse: others.length === 0 ? null : others.join('; '),
    saysGated: random.marks.has('gated'),
    wire: { contentType: encoded.contentType, chunks: chunksOf(random, encoded.pieces) },
  };
}

/** The same case with other bytes. */
export const withBytes = (one: Case, text: string): Case => ({
  ...one,
  wire: { ...one.wire, chunks: text === '' ? [] : [new TextEncoder().encode(text)] },
});

/** The bytes of a case as text. */
export const textOf = (one: Case): string => Buffer.concat(one.wire.chunks).toString();

/** Mutations drawn by weight, none twice. */
function drawn<Draft>(
  random: Random,
  mutations: readonly Mutation<Draft>[],
  count: number,
): readonly Mutation<Draft>[] {
  const total = mutations.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const one = (): Mutation<Draft> => {
    let left = (random.below(1 << 20) / (1 << 20)) * total;
    for (const mutation of mutations) {
      left -= mutation.weight ?? 1;
      if (left < 0) return mutation;
    }
    return mutations[0] as Mutation<Draft>;
  };
  return [...new Set(Array.from({ length: count }, one))];
}

/** The bytes as a socket could bring them: whole, an event at a time, or cut anywhere. */
function chunksOf(random: Random, pieces: readonly string[]): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  const way = random.below(3);
  if (way === 0) return pieces.filter((piece) => piece !== '').map((piece) => encoder.encode(piece));
  const bytes = encoder.encode(pieces.join(''));
  if (bytes.length === 0) return [];
  const cuts = way === 1 ? [] : Array.from({ length: 1 + random.below(6) }, () => random.below(bytes.length));
  const places = [...new Set([0, ...cuts.toSorted((a, b) => a - b), bytes.length])];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}
