/** Which fields of two JSON documents differ. */
export type FieldChange =
  | { readonly kind: 'added'; readonly path: string; readonly after: unknown }
  | { readonly kind: 'removed'; readonly path: string; readonly before: unknown }
  | { readonly kind: 'changed'; readonly path: string; readonly before: unknown; readonly after: unknown };

/** Changes shown at most; more are counted. */
export const MOST_CHANGES = 500;
/** Nesting that is looked into. */
const DEEPEST = 64;

/** The differing fields in the order of the documents. Paths read `messages[2].content`. */
export function diffFields(before: unknown, after: unknown): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  compare(before, after, '', 0, changes);
  return changes;
}

function compare(before: unknown, after: unknown, path: string, depth: number, changes: FieldChange[]): void {
  if (Object.is(before, after)) return;
  if (depth < DEEPEST && Array.isArray(before) && Array.isArray(after)) {
    for (let at = 0; at < Math.max(before.length, after.length); at += 1)
      compareMember(at < before.length, before[at], at < after.length, after[at], `${path}[${at}]`, depth, changes);
    return;
  }
  if (depth < DEEPEST && isObject(before) && isObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const member = memberPath(path, name);
      compareMember(
        Object.hasOwn(before, name),
        before[name],
        Object.hasOwn(after, name),
        after[name],
        member,
        depth,
        changes,
      );
    }
    return;
  }
  if (JSON.stringify(before) !== JSON.stringify(after)) changes.push({ kind: 'changed', path, before, after });
}

function compareMember(
  inBefore: boolean,
  before: unknown,
  inAfter: boolean,
  after: unknown,
  path: string,
  depth: number,
  changes: FieldChange[],
): void {
  if (inBefore && inAfter) compare(before, after, path, depth + 1, changes);
  else if (inBefore) changes.push({ kind: 'removed', path, before });
  else changes.push({ kind: 'added', path, after });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const memberPath = (path: string, name: string): string => {
  const plain = /^[A-Za-z_$][\w$-]*$/.test(name);
  if (!plain) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
};

/** A value as the diff shows it: text as it is, everything else as indented JSON. */
export const renderValue = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2);
