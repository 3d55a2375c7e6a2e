/** Joining the pieces of a chat stream as OpenAI's function-calling guide shows it: the first piece of an index is kept, later ones add text. */

type Dict = Record<string, unknown>;

/** Calls by choice and index, as far as they have come. */
export function joinByIndex() {
  const calls = new Map<string, { name: unknown; arguments: string }>();
  const addPiece = (choice: unknown, piece: Dict): void => {
    const key = `${String(choice)}/${String(piece['index'])}`;
    const said = (piece['function'] ?? {}) as Dict;
    const known = calls.get(key) ?? { name: said['name'], arguments: '' };
    known.arguments += typeof said['arguments'] === 'string' ? said['arguments'] : '';
    calls.set(key, known);
  };
  return {
    add(chunk: unknown): void {
      for (const choice of listOf((chunk as Dict)['choices'])) {
        const delta = (choice['delta'] ?? {}) as Dict;
        for (const piece of listOf(delta['tool_calls'])) addPiece(choice['index'], piece);
      }
    },
    calls: () => [...calls.values()],
  };
}

const listOf = (value: unknown): readonly Dict[] =>
  Array.isArray(value) ? value.filter((element) => typeof element === 'object' && element !== null) : [];
