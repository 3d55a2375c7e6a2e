/** Which part of a JSON value a rule looked at. */

/** `args.items[0].price` and `args.items.0.price` are the same path. */
const normal = (path: string): string => path.replace(/\[(\d+)\]/g, '.$1');

/** The matched paths in one form, for `isMatched`. */
export const matchedSet = (paths: readonly string[]): ReadonlySet<string> => new Set(paths.map(normal));

/** Whether the value at this path (`args`, `args.amount_usd`) is one that the rule's conditions matched. */
export const isMatched = (path: string, matched: ReadonlySet<string>): boolean => matched.has(path);

/** How many values a JSON value holds, containers included; counting ends above `most`. */
export function countNodes(value: unknown, most: number): number {
  let count = 0;
  const pending: unknown[] = [value];
  while (pending.length > 0 && count <= most) {
    const next = pending.pop();
    count += 1;
    if (typeof next === 'object' && next !== null) pending.push(...Object.values(next));
  }
  return count;
}

/** Deeper nesting than this is shown as text. */
export function deeperThan(value: unknown, most: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > most) return true;
    level = level.flatMap((each): unknown[] => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}

/** A token of JSON: a string, a mark, or a bare word or number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * JSON text indented, token by token: numbers, escapes and repeated keys stay as they were written. Null where the text
 * is no JSON object or list.
 */
export function prettyJson(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
  } catch {
    return null;
  }
  const out: string[] = [];
  let depth = 0;
  let opened = false;
  for (const token of text.match(TOKEN) ?? []) {
    const closes = token === '}' || token === ']';
    if (closes) depth -= 1;
    if (closes && !opened) out.push(lineAt(depth));
    if (opened && !closes) out.push(lineAt(depth));
    opened = token === '{' || token === '[';
    if (opened) depth += 1;
    out.push(token);
    if (token === ',') out.push(lineAt(depth));
    if (token === ':') out.push(' ');
  }
  return out.join('');
}

const lineAt = (depth: number): string => `\n${'  '.repeat(depth)}`;
