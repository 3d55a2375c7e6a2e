import { type Document, isScalar, visit, type YAMLError } from 'yaml';

/** Something wrong at a character offset of the text. */
export interface BadNode {
  readonly offset: number;
  readonly message: string;
}

// The library's own messages repeat parts of the text, and a pasted key may be in it.
const MESSAGES: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BAD_DQ_ESCAPE: 'this escape is not allowed in a quoted text',
  BLOCK_AS_IMPLICIT_KEY: 'a map cannot begin here; is a quote, a line break or an indentation missing?',
  MISSING_CHAR: 'a quote, a bracket, a comma or a colon is missing here',
  MULTIPLE_DOCS: 'the file must hold one document',
  NON_STRING_KEY: 'a key must be a text',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
  TAB_AS_INDENT: 'indent with spaces, not tabs',
  TAG_RESOLVE_FAILED: 'tags (!…) are not used here',
  UNEXPECTED_TOKEN: 'this does not belong here',
};

/** What a parse error means, without any of the file's text. */
export const explainYamlError = (error: YAMLError): string => MESSAGES[error.code] ?? 'this is not valid YAML';

/**
 * What the grammar allows and a configuration must not have: a key given twice (one value would silently
 * win), `__proto__`, and an alias without its anchor.
 */
export function findBadNodes(document: Document): readonly BadNode[] {
  const bad: BadNode[] = [];
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const offset = key.range?.[0] ?? 0;
        if (seen.has(key.value)) bad.push({ offset, message: 'this key is given twice in the same map' });
        if (key.value === '__proto__') bad.push({ offset, message: 'this key is not allowed' });
        seen.add(key.value);
      }
    },
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined)
        bad.push({ offset: alias.range?.[0] ?? 0, message: 'this alias has no anchor before it' });
    },
  });
  return bad;
}
