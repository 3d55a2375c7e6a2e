import { LEGACY, type Piece } from './chat-pieces.ts';
import { createTracker, createValueState } from './sdk-tracker.ts';

/**
 * The ways in which clients put the pieces of streamed tool calls together. The API reference joins by index; providers that give
 * every piece an id of its own, number every call 0 or leave the index out have made clients differ. Each way gives every piece the
 * number of its call (-1: dropped).
 */
export type Join = (pieces: readonly Piece[]) => readonly number[] | null;

/** The calls of one way, numbered as they begin. */
interface Slots {
  open(): number;
}

const createSlots = (): Slots => {
  let next = 0;
  return { open: () => next++ };
};

/** Joined by an own key, kept per choice; a piece of a whole message is a call by itself. */
function joinWith(find: (piece: Piece, slots: Slots) => number): Join {
  return (pieces) => {
    const slots = createSlots();
    const legacy = new Map<number, number>();
    return pieces.map((piece) => {
      if (piece.index === LEGACY && piece.whole === null) return slotOf(legacy, piece.choice, slots);
      return find(piece, slots);
    });
  };
}

function slotOf<K>(slots: Map<K, number>, key: K, all: Slots): number {
  const known = slots.get(key);
  if (known !== undefined) return known;
  const slot = all.open();
  slots.set(key, slot);
  return slot;
}

/** What a way remembers of the calls of one choice. */
interface Remembered {
  readonly byIndex: Map<number | string, number>;
  readonly byId: Map<string, number>;
  /** The id that each call has been given. */
  readonly ids: Map<number, string>;
  last: number | null;
}

const createMemory = (): ((piece: Piece) => Remembered) => {
  const choices = new Map<number, Remembered>();
  return ({ choice }) => {
    const known = choices.get(choice);
    if (known !== undefined) return known;
    const fresh: Remembered = { byIndex: new Map(), byId: new Map(), ids: new Map(), last: null };
    choices.set(choice, fresh);
    return fresh;
  };
};

function remember(memory: Remembered, piece: Piece, slot: number): number {
  if (piece.index !== null) memory.byIndex.set(piece.index, slot);
  if (piece.id !== null) {
    memory.byId.set(piece.id, slot);
    memory.ids.set(slot, piece.id);
  }
  memory.last = slot;
  return slot;
}

/**
 * By index alone, whatever the ids say: the API reference, the openai SDK's stream helper. There a message beside the deltas takes
 * their place, and later deltas go on from it.
 */
export const byIndex: Join = (pieces) => {
  const memoryOf = createMemory();
  return joinWith((piece, slots) => {
    const memory = memoryOf(piece);
    if (piece.whole !== null) {
      if (piece.whole.at === 0) memory.byIndex.clear();
      return remember(memory, { ...piece, index: piece.whole.at }, slots.open());
    }
    const known = piece.index === null ? continued(memory, piece) : memory.byIndex.get(piece.index);
    return remember(memory, piece, known ?? slots.open());
  })(pieces);
};

/** Without an index only a piece without an id goes on, with the last call. */
const continued = (memory: Remembered, { id }: Piece): number | undefined =>
  id === null ? (memory.last ?? undefined) : memory.byId.get(id);

/** By index, but another id is another call: clients of servers that number every call 0. */
export const byIndexAndId: Join = (pieces) => {
  const memoryOf = createMemory();
  return joinWith((piece, slots) => {
    const memory = memoryOf(piece);
    if (piece.whole !== null) return slots.open();
    const same = piece.index === null ? (memory.last ?? undefined) : memory.byIndex.get(piece.index);
    const sameId = same === undefined ? undefined : memory.ids.get(same);
    const goesOn = piece.id === null || piece.id === sameId || (sameId === undefined && piece.index !== null);
    return remember(memory, piece, same !== undefined && goesOn ? same : slots.open());
  })(pieces);
};

/** By id wherever there is one, whatever the index says. */
export const byId: Join = (pieces) => {
  const memoryOf = createMemory();
  return joinWith((piece, slots) => {
    const memory = memoryOf(piece);
    if (piece.whole !== null) return slots.open();
    const byPlace = piece.index === null ? (memory.last ?? undefined) : memory.byIndex.get(piece.index);
    const known = piece.id === null ? byPlace : memory.byId.get(piece.id);
    return remember(memory, piece, known ?? slots.open());
  })(pieces);
};

/** As the AI SDK does (`sdk-tracker.ts`); it knows no custom tools and reads each chunk's first choice only. */
const tracked =
  (choiceOf: (piece: Piece) => number): Join =>
  (pieces) => {
    const slots = createSlots();
    const trackers = new Map<number, ReturnType<typeof createTracker>>();
    const joined: number[] = [];
    for (const piece of pieces) {
      const called = piece.parts.find((part) => part.kind === 'function');
      if (piece.whole !== null || piece.index === LEGACY) joined.push(-1);
      else {
        const choice = choiceOf(piece);
        const tracker = trackers.get(choice) ?? createTracker(slots.open);
        trackers.set(choice, tracker);
        const { id, index } = piece;
        const name = called?.name ?? null;
        const slot = tracker({ id: notBlank(id), index, name: notBlank(name), text: called?.text ?? '' });
        if (slot === null) return null;
        joined.push(slot);
      }
    }
    return joined;
  };

const notBlank = (text: string | null): string | null => (text === null || text.trim() === '' ? null : text);

/** Whether choices are told apart by their numbers, or each chunk's first is taken whatever its number. */
export const byChoice = ({ choice }: Piece): number => choice;
export const firstOfChunk = ({ choice, leads }: Piece): number => (leads ? -1 : choice);

export const byTracker: Join = tracked(byChoice);
export const byTrackerOfFirst: Join = tracked(firstOfChunk);

/** One entry of LangChain's list of chunks. */
interface Entry {
  readonly slot: number;
  readonly index: number | string | null;
  id: string | null;
}

interface MergedList {
  readonly entries: Entry[];
  readonly byIndex: Map<number | string, Entry[]>;
  readonly groups: Map<string, number>;
}

/**
 * As LangChain does (`@langchain/core` 1.4, `_mergeLists`, then `collapseToolCallChunks`): chunks are merged by index unless their
 * ids differ, and what is left is grouped by id and index.
 */
const merged =
  (choiceOf: (piece: Piece) => number): Join =>
  (pieces) => {
    const slots = createSlots();
    const lists = new Map<number, MergedList>();
    let steps = 0;
    const joined: number[] = [];
    for (const piece of pieces) {
      if (piece.whole !== null || piece.index === LEGACY) {
        joined.push(-1);
        continue;
      }
      const choice = choiceOf(piece);
      const list: MergedList = lists.get(choice) ?? { entries: [], byIndex: new Map(), groups: new Map() };
      lists.set(choice, list);
      const candidates = piece.index === null ? list.entries : (list.byIndex.get(piece.index) ?? []);
      steps += candidates.length;
      if (steps > MOST_STEPS) return null;
      const entry = candidates.find((one) => mergesWith(one, piece));
      if (entry !== undefined) {
        entry.id = piece.id ?? entry.id;
        joined.push(entry.slot);
        continue;
      }
      const group = `${piece.id ?? ''}\n${typeof piece.index}${piece.index ?? ''}`;
      const bare = piece.id === null && piece.index === null;
      const slot = bare ? slots.open() : slotOf(list.groups, group, slots);
      const fresh: Entry = { slot, index: piece.index, id: piece.id };
      list.entries.push(fresh);
      if (piece.index !== null) list.byIndex.set(piece.index, [...candidates, fresh]);
      joined.push(slot);
    }
    return joined;
  };

const MOST_STEPS = 4_000_000;

function mergesWith(entry: Entry, { index, id }: Piece): boolean {
  if (index !== null) return entry.index === index && (entry.id === null || id === null || entry.id === id);
  return entry.index === null && id !== null && entry.id === id;
}

export const byMerging: Join = merged(byChoice);
export const byMergingFirst: Join = merged(firstOfChunk);

/**
 * The most sensible reading, which is recorded and shown: by index; another id begins another call only where the piece names a tool
 * and does not repeat the name of a call that is still open; a piece of no known call without a name goes on with the only call.
 */
export const sensibly: Join = (pieces) => {
  const memoryOf = createMemory();
  const begun = new Map<number, { name: string; value: ReturnType<typeof createValueState> }>();
  return joinWith((piece, slots) => {
    const memory = memoryOf(piece);
    const text = piece.parts.map((part) => part.text).join('');
    const name = piece.parts.find((part) => part.name !== null)?.name ?? null;
    const open = (): number => {
      const slot = slots.open();
      begun.set(slot, { name: name ?? '', value: createValueState() });
      return slot;
    };
    if (piece.whole !== null) return open();
    const slot = remember(memory, piece, known() ?? open());
    const call = begun.get(slot);
    if (call !== undefined && call.name === '') call.name = name ?? '';
    call?.value.append(text);
    return slot;

    function known(): number | undefined {
      const same = piece.index === null ? undefined : memory.byIndex.get(piece.index);
      if (same === undefined) {
        const byName = piece.id === null ? undefined : memory.byId.get(piece.id);
        if (byName !== undefined && (name === null || piece.index === null)) return byName;
        const only = piece.index === null || begun.size === 1 ? (memory.last ?? undefined) : undefined;
        return piece.id === null && (name === null || piece.index === null) ? only : undefined;
      }
      const sameId = memory.ids.get(same);
      if (piece.id === null || sameId === undefined || sameId === piece.id || name === null) return same;
      const call = begun.get(same);
      const repeats = call?.name === name && !call.value.complete && !/^\s*[{[]/.test(text);
      return repeats ? same : undefined;
    }
  })(pieces);
};
