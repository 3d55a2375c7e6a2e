/**
 * Arguments that are no JSON, as clients that repair them read them: a text that ends too early is closed (LangChain, and the SDKs while a
 * call is still being streamed), and of a whole value with more behind it the value was handed out before the rest came.
 */

/** Where a scan of the text came to. */
interface Scan {
  /** Brackets that are still open, as their closers. */
  readonly closers: string;
  readonly inString: boolean;
  /** Behind the first whole value, or null. */
  readonly whole: number | null;
  /** The last place where an element or the space for one begins, and what was open there. */
  readonly cut: { readonly at: number; readonly closers: string };
}

/** The object that such a client reads, as JSON text; null if it can read none. Linear in the length of the text. */
export function readableArgs(text: string): string | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) return null;
  if (parses(trimmed)) return text;
  const { closers, inString, whole, cut } = scan(trimmed);
  if (whole !== null) return orNull(trimmed.slice(0, whole));
  const ended = inString ? `${trimmed.replace(/\\u?[\da-fA-F]{0,3}$/, '')}"` : trimmed;
  return orNull(ended + closers) ?? orNull(trimmed.slice(0, cut.at) + cut.closers);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const orNull = (text: string): string | null => (parses(text) ? text : null);

function scan(text: string): Scan {
  const open: string[] = [];
  let inString = false;
  let cut = { at: 1, open: 1 };
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i] as string;
    if (inString) {
      if (character === '\\') i += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      open.push(character === '{' ? '}' : ']');
      cut = { at: i + 1, open: open.length };
    } else if (character === ',') cut = { at: i, open: open.length };
    else if (character === open.at(-1)) {
      open.pop();
      if (open.length === 0) return { closers: '', inString, whole: i + 1, cut: { at: i + 1, closers: '' } };
    }
  }
  const closersOf = (count: number): string => open.slice(0, count).toReversed().join('');
  return { closers: closersOf(open.length), inString, whole: null, cut: { at: cut.at, closers: closersOf(cut.open) } };
}
