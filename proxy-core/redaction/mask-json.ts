/**
 * Mask secrets inside JSON text (or a part of one, cut between values) and leave every other byte as it is. Each string
 * is read as what it says, so a secret behind escapes is found too; a string under a name such as `password` is judged
 * with its name. Text that holds no JSON strings is masked as it stands.
 */
export function maskJsonText(json: string, text: (text: string) => string, tree: (value: unknown) => unknown): string {
  if (!/^\s*[[{,\]}"]/.test(json)) return text(json);
  const out: string[] = [];
  let name: string | null = null;
  let at = 0;
  for (;;) {
    const open = json.indexOf('"', at);
    const close = open < 0 ? -1 : endOfString(json, open);
    // What has no closing quote is no string, and neither is anything behind it.
    if (close < 0) break;
    out.push(json.slice(at, open));
    const literal = json.slice(open, close);
    at = close;
    const value = parseString(literal);
    const isName = value !== null && COLON.test(json.slice(close, close + LOOK_AHEAD));
    if (value === null) out.push(text(literal));
    else {
      const under: string | null = isName ? null : name;
      const shown: unknown = under === null ? text(value) : Object.values(tree({ [under]: value }) as object)[0];
      out.push(shown === value ? literal : JSON.stringify(shown));
    }
    name = isName ? value : null;
  }
  out.push(maskRest(json.slice(at), text));
  return out.join('');
}

/** A colon stands close behind a member's name in everything that writes JSON; farther away it is not looked for. */
const COLON = /^\s*:/;
const LOOK_AHEAD = 64;

/** An unfinished string, if there is one, is text. */
const maskRest = (rest: string, text: (text: string) => string): string => (rest.includes('"') ? text(rest) : rest);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Where the string that begins at `open` ends, behind its quote; -1 if nowhere. A loop, for an expression that repeats a
 * choice takes the stack for every character and tries an unfinished string again from each of its quotes.
 */
function endOfString(json: string, open: number): number {
  for (let index = open + 1; index < json.length; index += 1) {
    const code = json.charCodeAt(index);
    if (code === BACKSLASH) index += 1;
    else if (code === QUOTE) return index + 1;
  }
  return -1;
}

function parseString(literal: string): string | null {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
