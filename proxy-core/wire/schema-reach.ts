import { type JsonRecord, list, record, recordOrNull } from './loose-json.ts';

/**
 * Whether the arguments that a tool's JSON schema names could hold another call, so that the tool may run any other
 * (behaviour §4). A closed schema names all of them, and none is an open object or a pair such as `name` and `arguments`.
 */

/** Keys under which a call that carries another names that other. */
const NAME_KEYS = new Set('id name tool toolname recipientname toolid functionname function'.split(' '));
/** Keys under which it gives that other's arguments. */
const ARGS_KEYS = new Set(
  'args arguments input inputs parameters params toolinput toolargs toolarguments payload'.split(' '),
);
const NODES = 2_000;
const DEPTH = 32;

/** Whether no value of this schema can carry a call. False in doubt: a schema that is missing, open, or too large to read. */
export function isClosedSchema(schema: unknown): boolean {
  return isClosed(schema, 0, { left: NODES });
}

function isClosed(schema: unknown, depth: number, work: { left: number }): boolean {
  work.left -= 1;
  const node = recordOrNull(schema);
  if (node === null || depth > DEPTH || work.left < 0) return false;
  const inner = (child: unknown): boolean => isClosed(child, depth + 1, work);
  if (!definitionsOf(node).every(inner)) return false;
  if (typeof node['$ref'] === 'string') return /^#\/(\$defs|definitions)\//.test(node['$ref']);
  const variants = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => list(node[key]));
  if (node['enum'] !== undefined || node['const'] !== undefined) return true;
  const types = typesOf(node);
  if (types.length === 0) return variants.length > 0 && variants.every(inner);
  return variants.every(inner) && types.every((type) => isClosedType(node, type, inner));
}

const definitionsOf = (node: JsonRecord): readonly unknown[] =>
  ['$defs', 'definitions'].flatMap((key) => Object.values(record(node[key])));

function typesOf(node: JsonRecord): readonly unknown[] {
  const { type } = node;
  if (type !== undefined) return Array.isArray(type) ? type : [type];
  if (node['properties'] !== undefined) return ['object'];
  return node['items'] === undefined ? [] : ['array'];
}

function isClosedType(node: JsonRecord, type: unknown, inner: (child: unknown) => boolean): boolean {
  if (type === 'array') return inner(node['items']);
  if (type !== 'object') return typeof type === 'string';
  const properties = recordOrNull(node['properties']);
  const further = node['additionalProperties'];
  if (further === true || node['patternProperties'] !== undefined) return false;
  if (recordOrNull(further) !== null && !inner(further)) return false;
  // An object that names no property may hold any, unless it says otherwise.
  if (properties === null || Object.keys(properties).length === 0)
    return further === false || recordOrNull(further) !== null;
  const keys = Object.keys(properties).map((key) => key.replace(/[^A-Za-z]/g, '').toLowerCase());
  const carries = keys.some((key) => NAME_KEYS.has(key)) && keys.some((key) => ARGS_KEYS.has(key));
  return !carries && Object.values(properties).every(inner);
}
