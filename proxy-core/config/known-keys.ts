import { nearest } from './nearest.ts';
import { configurationJsonSchema } from './render-json-schema.ts';

/** Keys that the documents describe and a later version reads; by dotted place. */
const LATER: readonly string[] = ['channels.slack', 'channels.email'];

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What to say of a key that the schema does not have at `path`: that a later version has it, or which key was
 * probably meant. The key itself is repeated only if it looks like a key, for a secret may have been pasted there.
 */
export function explainUnknownKey(path: readonly PropertyKey[], key: string): string {
  if (LATER.includes([...path, key].join('.'))) return `\`${key}\` is not supported by this version`;
  const candidate = nearest(key, keysAt(path));
  const shown = isPlainKey(key) ? `unknown key \`${key}\`` : 'unknown key';
  return candidate === null ? shown : `${shown}; did you mean \`${candidate}\`?`;
}

/** Whether a text has the form of this schema's keys, which no provider's secret has. */
export const isPlainKey = (key: string): boolean => /^[a-z][a-z_]{0,31}$/i.test(key);

/** The keys the schema has for the map at `path`. */
function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let nodes: readonly Node[] = [configurationJsonSchema()];
  for (const part of path) nodes = nodes.flatMap((node) => alternatives(node)).flatMap((node) => child(node, part));
  return nodes
    .flatMap(alternatives)
    .flatMap((node) => (isNode(node['properties']) ? Object.keys(node['properties']) : []));
}

function alternatives(node: Node): readonly Node[] {
  const options = node['anyOf'];
  return Array.isArray(options) ? options.filter(isNode).flatMap(alternatives) : [node];
}

function child(node: Node, part: PropertyKey): readonly Node[] {
  const properties = node['properties'];
  const named = isNode(properties) && typeof part === 'string' ? properties[part] : undefined;
  const found = typeof part === 'number' ? node['items'] : (named ?? node['additionalProperties']);
  return isNode(found) ? [found] : [];
}
