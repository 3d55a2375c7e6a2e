import { type Draft, doubt, keepArgs, MOST_CALLS, noteTool, type ReadCalls } from './answer-reader.ts';
import type { ToolCall } from './format.ts';
import { apart, namesOf } from './other-readings.ts';
import type { SaidCall } from './responses-items.ts';

/**
 * The calls of a Responses answer. A call is said up to four times: as its item is opened, in argument deltas, at their end and as
 * its item is finished, and once more in the final response. Clients obey different ones of these (Codex and the AI SDK the finished
 * item, LangChain what opened it and the deltas, the openai SDK the last statement and the deltas behind it), and find the item of a
 * delta by place or by id. Where they disagree, each is a reading.
 */

/** One call as it is being said. */
export interface Saying {
  readonly said: SaidCall;
  readonly index: unknown;
  /** Every name that it was given. */
  readonly names: string[];
  /** Arguments as the item had them when it was first seen. */
  readonly opened: string;
  /** The deltas, as each way of finding their item puts them together. */
  readonly streamed: Record<Way, string>;
  /** The last statement and the deltas behind it. */
  since: string;
  /** Arguments that were stated whole, the last one last. */
  readonly stated: Set<string>;
  truncated: boolean;
  /** The whole response that said it last, by its number. */
  round: number;
}

type Way = 'latest' | 'first' | 'item';
const WAYS = ['latest', 'first', 'item'] as const;

/** What an answer has said so far. */
export interface Sayings {
  readonly draft: Draft;
  /** How many whole responses there have been. */
  round: number;
  readonly all: Saying[];
  readonly latest: Map<unknown, Saying>;
  readonly first: Map<unknown, Saying>;
  readonly items: Map<unknown, Saying>;
  readonly calls: Map<string, Saying>;
  /** What stood at each index, whichever item it was meant for: LangChain keeps one call for each, under the last name. */
  readonly places: Map<unknown, Standing>;
  /** Deltas by index that came before any item there. */
  readonly orphans: Map<unknown, { text: string; truncated: boolean }>;
}

/** All that was said at one index. */
interface Standing {
  /** The names of its items, with an item of each. */
  readonly names: Map<string, Saying>;
  deltas: string;
  /** The deltas, with what items were opened with between them. */
  joined: string;
  truncated: boolean;
}

/** An answer that has said nothing. */
export const createSayings = (draft: Draft): Sayings => ({
  draft,
  round: 0,
  all: [],
  latest: new Map(),
  first: new Map(),
  items: new Map(),
  calls: new Map(),
  places: new Map(),
  orphans: new Map(),
});

/** Note an item that begins. `index` is its `output_index`, undefined where none is said. Null: over a bound. */
export function openSaying(sayings: Sayings, said: SaidCall, index: unknown, args: string): Saying | null {
  const { draft, all } = sayings;
  if (all.length >= MOST_CALLS) {
    doubt(draft);
    return null;
  }
  const kept = keepArgs(draft, args);
  const saying: Saying = {
    said,
    index,
    names: [],
    opened: kept.text,
    streamed: { latest: '', first: '', item: '' },
    since: kept.text,
    stated: new Set(),
    truncated: kept.truncated,
    round: 0,
  };
  all.push(saying);
  if (index !== undefined) {
    sayings.latest.set(index, saying);
    if (!sayings.first.has(index)) sayings.first.set(index, saying);
  }
  if (said.itemId !== null) sayings.items.set(said.itemId, saying);
  if (said.id !== null) sayings.calls.set(said.id, saying);
  if (said.kind !== 'server') draft.begun.calls += 1;
  const place = placeAt(sayings, index);
  place.joined += kept.text;
  place.truncated ||= kept.truncated;
  noteName(sayings, saying, said.name);
  return saying;
}

function placeAt({ places }: Sayings, index: unknown): Standing {
  const known = places.get(index);
  if (known !== undefined) return known;
  const standing: Standing = { names: new Map(), deltas: '', joined: '', truncated: false };
  places.set(index, standing);
  return standing;
}

function noteName(sayings: Sayings, saying: Saying, name: string): void {
  if (name === '') {
    if (saying.names.length === 0 && saying.said.kind !== 'server') sayings.draft.begun.unsure = true;
    return;
  }
  const { names } = placeAt(sayings, saying.index);
  if (saying.index !== undefined && !names.has(name)) {
    if (names.size < MOST_NAMES) names.set(name, saying);
    else doubt(sayings.draft);
  }
  if (!saying.names.includes(name) && saying.names.length < MOST_NAMES) saying.names.push(name);
  else if (!saying.names.includes(name)) doubt(sayings.draft);
  if (saying.said.kind !== 'server') noteTool(sayings.draft, toolOf(saying, name));
}

const MOST_NAMES = 16;

const toolOf = ({ said: { kind, namespace } }: Saying, name: string): Pick<ToolCall, 'name' | 'kind' | 'namespace'> =>
  namespace === null ? { name, kind } : { name, kind, namespace };

/** Note a finished item, or one of a whole response; `args` null where it states none. False: over a bound. */
export function noteItem(sayings: Sayings, said: SaidCall, index: unknown, args: string | null): boolean {
  const saying = sayingOf(sayings, said, index, args);
  if (saying === undefined) {
    const opened = openSaying(sayings, said, index, args ?? '');
    if (opened === null) return false;
    if (args !== null) opened.stated.add(opened.opened);
    opened.round = sayings.round;
    return true;
  }
  saying.round = sayings.round;
  if (args === null) noteName(sayings, saying, said.name);
  else state(sayings, saying, args, said.name);
  return true;
}

/**
 * What an item finishes: a call with the same id (or, without one, in the same place) that says the same of itself, else one that says
 * the same in all but its id: some providers give every statement an id of its own.
 */
function sayingOf(sayings: Sayings, said: SaidCall, index: unknown, args: string | null): Saying | undefined {
  const same = said.id === null ? sayings.latest.get(index) : sayings.calls.get(said.id);
  if (same !== undefined && sameCall(same.said, said)) return same;
  const placed = index === undefined ? sayings.all : [sayings.latest.get(index)];
  if (sayings.all.length > FEW && index === undefined) return undefined;
  return placed.find(
    (one) =>
      one !== undefined &&
      (index !== undefined || one.round < sayings.round) &&
      sameCall(one.said, said) &&
      textsOf(one)[0] === args,
  );
}

/** Calls without a common id are compared pairwise up to here. */
const FEW = 64;

const sameCall = (one: SaidCall, other: SaidCall): boolean =>
  (one.name === other.name || one.name === '' || other.name === '') &&
  one.kind === other.kind &&
  one.namespace === other.namespace;

function state(sayings: Sayings, saying: Saying, args: string, name: string): void {
  noteName(sayings, saying, name);
  const known = saying.stated.has(args) || saying.streamed.latest === args || saying.opened === args;
  const kept = known ? { text: args, truncated: false } : keepArgs(sayings.draft, args);
  saying.truncated ||= kept.truncated;
  // The last statement stands last.
  saying.stated.delete(kept.text);
  saying.stated.add(kept.text);
  saying.since = kept.text;
}

/** Note the text of a delta, or of the event that ends the deltas. Returns whether it may be a client's call. */
export function noteArguments(
  sayings: Sayings,
  at: { readonly index: unknown; readonly itemId: unknown },
  said: { readonly delta: string | null; readonly finished: string | null; readonly name: string | null },
): boolean {
  const { draft, orphans } = sayings;
  const found = {
    latest: sayings.latest.get(at.index),
    first: sayings.first.get(at.index),
    item: sayings.items.get(at.itemId),
  };
  const targets = new Set(WAYS.flatMap((way) => found[way] ?? []));
  if (said.finished !== null) {
    for (const saying of targets) state(sayings, saying, said.finished, said.name ?? '');
  } else if (said.delta !== null && said.delta !== '') {
    const kept = keepArgs(draft, said.delta);
    for (const way of WAYS) {
      const saying = found[way];
      if (saying !== undefined) saying.streamed[way] += kept.text;
    }
    if (found.latest !== undefined) found.latest.since += kept.text;
    const standing = placeAt(sayings, at.index);
    standing.deltas += kept.text;
    standing.joined += kept.text;
    standing.truncated ||= kept.truncated;
    for (const saying of targets) saying.truncated ||= kept.truncated;
    if (found.first === undefined) addOrphan(sayings, at.index, kept);
  }
  if (targets.size === 0 && orphans.size > 0) draft.begun.unsure = true;
  return targets.size === 0 || [...targets].some((saying) => saying.said.kind !== 'server');
}

function addOrphan(
  sayings: Sayings,
  index: unknown,
  kept: { readonly text: string; readonly truncated: boolean },
): void {
  const { orphans } = sayings;
  const known = orphans.get(index);
  if (known !== undefined) {
    known.text += kept.text;
    known.truncated ||= kept.truncated;
  } else if (orphans.size >= MOST_CALLS) doubt(sayings.draft);
  else orphans.set(index, { ...kept });
}

/** The calls that were said; `strays` are calls stated elsewhere. */
export function readSayings(sayings: Sayings, strays: readonly ToolCall[]): ReadCalls {
  const byCall = new Map(sayings.all.map((saying) => [saying.said.id ?? saying, saying]));
  const recorded = [...byCall.values()].map((saying) =>
    callOf(saying, namesOf(saying.names).at(-1) ?? '', textsOf(saying)[0] ?? ''),
  );
  return apart(recorded, others());

  function* others(): Iterable<ToolCall> {
    yield* strays;
    for (const saying of sayings.all) {
      const orphan = sayings.first.get(saying.index) === saying ? sayings.orphans.get(saying.index)?.text : undefined;
      const ahead = orphan === undefined ? [] : [orphan + saying.opened + saying.streamed.first];
      for (const text of new Set([...textsOf(saying), ...ahead])) {
        for (const name of saying.names) yield callOf(saying, name, text);
      }
    }
    for (const { names, deltas, joined, truncated } of sayings.places.values()) {
      if (deltas === '') continue;
      for (const [name, { said }] of names) {
        for (const text of new Set([deltas, joined])) yield callOf({ said, truncated }, name, text);
      }
    }
    for (const [index, { text, truncated }] of sayings.orphans) {
      if (sayings.first.has(index)) continue;
      yield {
        id: null,
        name: '',
        kind: 'function',
        argsText: text,
        ...(truncated ? { truncated: true as const } : {}),
      };
    }
  }
}

/** The arguments of a call in every reading, the most usual first: the last statement, else the deltas, else what it was opened with. */
function textsOf({ stated, streamed, opened, since }: Saying): readonly string[] {
  const built = [...new Set(WAYS.map((way) => streamed[way]))].filter((text) => text !== '');
  const joined = opened === '' ? [] : built.map((text) => opened + text);
  const texts = [...[...stated].toReversed(), ...built, ...joined, ...(built.length > 0 ? [since] : [])];
  return texts.length === 0 ? [opened] : texts;
}

function callOf({ said, truncated }: Pick<Saying, 'said' | 'truncated'>, name: string, argsText: string): ToolCall {
  const { id, kind, namespace } = said;
  const call: ToolCall = { id, name, kind, argsText };
  return {
    ...call,
    ...(namespace === null ? {} : { namespace }),
    ...(truncated ? { truncated: true as const } : {}),
  };
}
