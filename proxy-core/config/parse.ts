import { type Document, LineCounter, parseDocument } from 'yaml';
import { explainIssue } from './explain-issue.ts';
import { createLocator, type Locator } from './locate.ts';
import { type Finding, findBrokenReferences } from './references.ts';
import { type Configuration, configuration } from './schema.ts';
import { explainYamlError, findBadNodes } from './yaml-problems.ts';

/** One thing wrong with the file. Lines and columns count from 1. Never repeats a value, for it may be a secret. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  /** The place in the document, `agents[0].budget.usd`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

export type ParsedConfiguration =
  | { readonly kind: 'configuration'; readonly file: string; readonly value: Configuration }
  | { readonly kind: 'problems'; readonly file: string; readonly problems: readonly Problem[] };

// Aliases may multiply a document; a hundred uses is far beyond any honest file.
const MAX_ALIASES = 100;

/**
 * Read a configuration file's text (YAML, hence also JSON). Returns it with every default filled in, or every
 * problem found, in the order of the file. An empty file is a valid configuration of defaults. References to
 * secrets are checked for their form and left unresolved; paths are left relative.
 */
export function parseConfiguration(text: string, file: string): ParsedConfiguration {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: true,
    resolveKnownTags: false,
  });
  const locator = createLocator(document, lines);
  const malformed = [...document.errors, ...document.warnings].map((error) =>
    locator.at(error.pos[0], explainYamlError(error)),
  );
  if (document.errors.length > 0) return problems(file, malformed);
  const bad = [...malformed, ...findBadNodes(document).map((node) => locator.at(node.offset, node.message))];
  if (bad.length > 0) return problems(file, bad);
  const raw = toValue(document);
  return raw.kind === 'value'
    ? read(file, raw.value, locator)
    : problems(file, [locator.at(0, 'too many aliases: write the values out')]);
}

type Value = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'too_many_aliases' };

/** The library throws a ReferenceError when aliases multiply beyond the limit; unresolved ones were found before. */
function toValue(document: Document): Value {
  try {
    return { kind: 'value', value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    if (error instanceof ReferenceError) return { kind: 'too_many_aliases' };
    throw error;
  }
}

function read(file: string, raw: unknown, locator: Locator): ParsedConfiguration {
  const parsed = configuration.safeParse(raw ?? {});
  const findings: readonly Finding[] = parsed.success
    ? findBrokenReferences(parsed.data)
    : parsed.error.issues.flatMap((issue) => explainIssue(issue, raw));
  if (!parsed.success || findings.length > 0) return problems(file, findings.map(locator.find));
  return { kind: 'configuration', file, value: parsed.data };
}

function problems(file: string, found: readonly Problem[]): ParsedConfiguration {
  return { kind: 'problems', file, problems: found.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** `FILE:LINE:COLUMN: place: message`, one line per problem: the form that editors and terminals make clickable. */
export function renderProblems(file: string, found: readonly Problem[]): string {
  return found
    .map(({ line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`)
    .join('\n');
}
