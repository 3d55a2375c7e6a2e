import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';
import { isPlainKey } from './known-keys.ts';
import type { Finding } from './references.ts';

interface Located {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

/** Turns places in a document into lines and columns. */
export interface Locator {
  /** The problem at a place; where the place itself is absent, at the nearest enclosing one. */
  readonly find: (finding: Finding) => Located;
  /** The problem at a character offset of the text. */
  readonly at: (offset: number, message: string) => Located;
}

/** A locator for one parsed document. */
export function createLocator(document: Document.Parsed<never> | Document, lines: LineCounter): Locator {
  const at = (offset: number, message: string, path = ''): Located => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1), path, message };
  };
  return {
    at: (offset, message) => at(offset, message),
    find: (finding) => at(offsetOf(document, finding), finding.message, renderPath(shownPath(finding))),
  };
}

/** An unknown key that does not look like one may be a pasted secret: its place is shown without it. */
function shownPath({ path, onKey }: Finding): readonly PropertyKey[] {
  const last = path.at(-1);
  return onKey === true && typeof last === 'string' && !isPlainKey(last) ? [...path.slice(0, -1), '…'] : path;
}

/** `agents[0].budget.usd`; map keys that are no plain words are quoted. */
function renderPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const word = String(part);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(word)) return `${text}[${JSON.stringify(word)}]`;
    return text === '' ? word : `${text}.${word}`;
  }, '');
}

function offsetOf(document: Document, finding: Finding): number {
  let node = resolved(document, document.contents);
  let offset = node?.range?.[0] ?? 0;
  for (const [index, part] of finding.path.entries()) {
    const step = descend(node, part);
    if (step === null) break;
    const onKey = finding.onKey === true && index === finding.path.length - 1;
    offset = (onKey ? step.keyOffset : step.offset) ?? offset;
    node = resolved(document, step.node);
  }
  return offset;
}

interface Step {
  readonly node: unknown;
  readonly offset: number | undefined;
  readonly keyOffset: number | undefined;
}

/** One step down: a scalar is found where it is written, a map or list where its key is. */
function descend(node: Node | null, part: PropertyKey): Step | null {
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    const offset = startOf(item);
    return item === undefined ? null : { node: item, offset, keyOffset: offset };
  }
  if (!isMap(node)) return null;
  const pair = node.items.find((item: Pair) => isScalar(item.key) && item.key.value === part);
  if (pair === undefined) return null;
  const keyOffset = startOf(pair.key);
  return { node: pair.value, keyOffset, offset: isScalar(pair.value) ? startOf(pair.value) : keyOffset };
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];

function resolved(document: Document, node: unknown): Node | null {
  if (isAlias(node)) return node.resolve(document) ?? null;
  return (node ?? null) as Node | null;
}
