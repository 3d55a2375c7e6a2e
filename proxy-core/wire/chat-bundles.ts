import { LEGACY, type Part, type Piece } from './chat-pieces.ts';

/**
 * Pieces as `@ai-sdk/openai-compatible` 3 hands them to its tracker: those of an index that has no name yet wait until a piece there has
 * one and go as one piece with it; what waits at the end goes then. Null where nothing waits.
 */
export function bundled(pieces: readonly Piece[], choiceOf: (piece: Piece) => number): readonly Piece[] | null {
  const waiting = new Map<string, Piece[]>();
  const named = new Set<string>();
  const out: Piece[] = [];
  let waits = false;
  for (const piece of pieces) {
    const key = `${choiceOf(piece)}/${typeof piece.index}${piece.index}`;
    if (piece.whole !== null || piece.index === LEGACY || piece.index === null || named.has(key)) {
      out.push(piece);
      continue;
    }
    const before = waiting.get(key) ?? [];
    if (calledBy(piece)?.name == null) {
      waiting.set(key, before);
      before.push(piece);
      waits = true;
      continue;
    }
    out.push(asOne([...before, piece]));
    waiting.delete(key);
    named.add(key);
  }
  for (const rest of waiting.values()) out.push(asOne(rest));
  return waits ? out : null;
}

/** That client knows functions only. */
const calledBy = (piece: Piece): Part | undefined => piece.parts.find((part) => part.kind === 'function');

function asOne(pieces: readonly Piece[]): Piece {
  const [first] = pieces as readonly [Piece, ...Piece[]];
  const parts = pieces.flatMap((piece) => calledBy(piece) ?? []);
  const part: Part = {
    kind: 'function',
    name: parts.at(-1)?.name ?? null,
    text: parts.map(({ text }) => text).join(''),
    truncated: parts.some(({ truncated }) => truncated),
  };
  return { ...first, id: pieces.find(({ id }) => id !== null)?.id ?? null, parts: [part] };
}
