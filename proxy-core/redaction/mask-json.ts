/** A JSON string, and the colon behind it where it is a member's name. Bounded by the text itself: linear. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/gs;

/**
 * Mask secrets inside JSON text (or a part of one, cut between values) and leave every other byte as it is. Each string
 * is read as what it says, so a secret behind escapes is found too; a string under a name such as `password` is judged
 * with its name. Text that holds no JSON strings is masked as it stands.
 */
export function maskJsonText(json: string, text: (text: string) => string, tree: (value: unknown) => unknown): string {
  if (!/^\s*[[{,\]}"]/.test(json)) return text(json);
  let name: string | null = null;
  return json.replace(STRING, (literal: string, colon: string | undefined) => {
    const value = parseString(colon === undefined ? literal : literal.slice(0, literal.length - colon.length));
    if (value === null) {
      name = null;
      return text(literal);
    }
    if (colon !== undefined) {
      name = value;
      const shown = text(value);
      return shown === value ? literal : `${JSON.stringify(shown)}${colon}`;
    }
    const under = name;
    name = null;
    const shown: unknown = under === null ? text(value) : Object.values(tree({ [under]: value }) as object)[0];
    return shown === value ? literal : JSON.stringify(shown);
  });
}

function parseString(literal: string): string | null {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
