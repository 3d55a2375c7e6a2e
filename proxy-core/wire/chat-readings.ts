import { type Draft, doubt, MOST_CALLS, type ReadCalls } from './answer-reader.ts';
import { bundled } from './chat-bundles.ts';
import * as joins from './chat-joins.ts';
import type { Part, Piece } from './chat-pieces.ts';
import type { ToolCall } from './format.ts';
import { apart, namesOf } from './other-readings.ts';
import { readableArgs } from './partial-json.ts';

/** The calls that clients make of the pieces of a chat answer. */

/** Every way in which a client joins the pieces. */
const JOINS: readonly joins.Join[] = [joins.byIndex, joins.byIndexAndId, joins.byId, joins.byTracker, joins.byMerging];
/** For clients that read the first choice of each chunk and do not look at its number. */
const FIRST_CHOICE: readonly joins.Join[] = [joins.byTrackerOfFirst, joins.byMergingFirst];

type Group = readonly Piece[];

/** The calls of the pieces; `strays` are calls stated elsewhere. Pieces that cannot be joined within bounds put the answer in doubt. */
export function readPieces(draft: Draft, pieces: readonly Piece[], strays: readonly ToolCall[]): ReadCalls {
  const read = (join: joins.Join): readonly Group[] | null => grouped(pieces, join(pieces));
  const joined = [joins.sensibly, ...JOINS].map(read);
  // Where every choice makes sense by itself, its pieces belong together.
  const parted = joined.some((groups) => groups?.some((group) => !isNamed(group)));
  const readings = parted ? [...joined, ...FIRST_CHOICE.map(read)] : joined;
  const inBundles = (choiceOf: (piece: Piece) => number, join: joins.Join): readonly (readonly Group[] | null)[] => {
    const bundles = bundled(pieces, choiceOf);
    return bundles === null ? [] : [grouped(bundles, join(bundles))];
  };
  const others = [
    ...readings,
    ...inBundles(joins.byChoice, joins.byTracker),
    ...(parted ? inBundles(joins.firstOfChunk, joins.byTrackerOfFirst) : []),
  ];
  if (others.some((groups) => groups === null || groups.length > MOST_CALLS)) {
    // Nothing of it leaves where a rule could stop a call, so that reading it in every way is work for nothing.
    doubt(draft);
    const some = joined.find((groups) => groups !== null) ?? [];
    return { toolCalls: recordedCalls(some.slice(0, MOST_CALLS), []), otherCalls: [] };
  }
  const recorded = mostReadable(readings.slice(0, 1 + JOINS.length));
  const groups = others.flatMap((reading) => reading ?? []);
  return apart(recordedCalls(recorded ?? [], groups), otherCalls([...(recorded ?? []), ...groups], strays));
}

/** The reading that is recorded: the most sensible one, unless clients make more sense of another. */
function mostReadable(readings: readonly (readonly Group[] | null)[]): readonly Group[] | null {
  const nonsense = (groups: readonly Group[] | null): number =>
    (groups ?? []).filter((group) => facesOf(group).some(({ kind, text }) => kind === 'function' && !isReadable(text)))
      .length + (groups === null ? MOST_CALLS : 0);
  const [sensible = null] = readings;
  if (nonsense(sensible) === 0) return sensible;
  const count = (groups: readonly Group[] | null): number =>
    (groups ?? []).reduce((sum, { length }) => sum + length, 0);
  // One that leaves a piece out is no better reading.
  return readings.find((groups) => nonsense(groups) === 0 && count(groups) === count(sensible)) ?? sensible;
}

const isReadable = (text: string): boolean => text.trim() === '' || readableArgs(text) === text;

function grouped(pieces: readonly Piece[], slots: readonly number[] | null): readonly Group[] | null {
  if (slots === null) return null;
  const groups: Piece[][] = [];
  pieces.forEach((piece, i) => {
    const slot = slots[i] ?? -1;
    if (slot === -1) return;
    groups[slot] ??= [];
    groups[slot].push(piece);
  });
  return groups.filter((group) => group !== undefined);
}

const isNamed = (group: Group): boolean => group.some((piece) => piece.parts.some((part) => part.name !== null));

function recordedCalls(groups: readonly Group[], others: readonly Group[]): readonly ToolCall[] {
  const elsewhere = new Set(others.flatMap((group) => (isNamed(group) ? group : [])));
  // A piece that another reading gives to a call with a name is no call without one.
  const shown = groups.filter((group) => isNamed(group) || !group.some((piece) => elsewhere.has(piece)));
  const seen = new Set<string>();
  return shown.flatMap((group) => {
    const calls = facesOf(group).map((face) => callOf(group, face, namesOf(face.names)[0] ?? ''));
    // Some providers repeat at the end, as a message, what the deltas have said.
    const repeats = calls.map((call) => {
      const key = JSON.stringify(call);
      const known = seen.has(key) && group[0]?.whole !== null;
      seen.add(key);
      return known;
    });
    return calls.filter((_, i) => repeats[i] === false);
  });
}

function* otherCalls(groups: readonly Group[], strays: readonly ToolCall[]): Iterable<ToolCall> {
  yield* strays;
  for (const group of groups) {
    for (const face of facesOf(group)) for (const name of namesOf(face.names)) yield callOf(group, face, name);
  }
}

/** What a call says as a function, or as a custom tool. */
interface Face {
  readonly kind: Part['kind'];
  readonly names: readonly string[];
  readonly text: string;
  readonly truncated: boolean;
}

/** The faces of a call that have a name; of a call without any, its first. */
function facesOf(group: Group): readonly Face[] {
  const faces = (['function', 'custom'] as const).flatMap((kind) => faceOf(group, kind) ?? []);
  const named = faces.filter((face) => face.names.length > 0);
  return named.length > 0 ? named : faces.slice(0, 1);
}

function faceOf(group: Group, kind: Part['kind']): Face | null {
  const parts = group.flatMap((piece) => piece.parts.filter((part) => part.kind === kind));
  if (parts.length === 0) return null;
  const names = parts.flatMap((part) => part.name ?? []);
  const text = parts.map((part) => part.text).join('');
  return { kind, names, text, truncated: parts.some((part) => part.truncated) };
}

function callOf(group: Group, face: Face, name: string): ToolCall {
  const id = group.find((piece) => piece.id !== null)?.id ?? null;
  const call: ToolCall = { id, name, kind: face.kind, argsText: face.text };
  return face.truncated ? { ...call, truncated: true } : call;
}
