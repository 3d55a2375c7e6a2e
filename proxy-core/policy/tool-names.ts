import type { DeclaredTool } from '../wire/format.ts';

/**
 * Tool names as clients repair them. Several run a declared tool when the model writes its name with blanks, in another case, with
 * a namespace in front or with letters that only look the same, so such a call is judged as that tool too (behaviour §4).
 */

/** The name that rules compare: an MCP tool in a namespace is `mcp__server__tool`, as other clients write it. */
export function qualifiedName(tool: { readonly name: string; readonly namespace?: string }): string {
  return tool.namespace?.startsWith('mcp__') === true ? `${tool.namespace}__${tool.name}` : tool.name;
}

/** Marks that no reader shows: controls, soft hyphen, joiners, direction marks, variation selectors, tags. */
const HIDDEN = /\p{Cc}|\p{Cf}|\p{Default_Ignorable_Code_Point}/gu;
const ACCENTS = /\p{M}/gu;
/** Cyrillic, Greek and Armenian letters that look like Latin ones (Unicode confusables, the part tool names can be written with). */
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    а: 'a',
    в: 'b',
    е: 'e',
    һ: 'h',
    і: 'i',
    ј: 'j',
    к: 'k',
    ӏ: 'l',
    м: 'm',
    н: 'h',
    о: 'o',
    р: 'p',
    ԛ: 'q',
    г: 'r',
    ѕ: 's',
    с: 'c',
    т: 't',
    у: 'y',
    ѵ: 'v',
    ԝ: 'w',
    х: 'x',
    ԁ: 'd',
    α: 'a',
    β: 'b',
    ε: 'e',
    ι: 'i',
    κ: 'k',
    ν: 'v',
    ο: 'o',
    ρ: 'p',
    τ: 't',
    υ: 'u',
    χ: 'x',
    ϲ: 'c',
    ϳ: 'j',
    ո: 'n',
    օ: 'o',
    ս: 'u',
    հ: 'h',
    ց: 'g',
    զ: 'q',
    ɡ: 'g',
    ı: 'i',
    ⅼ: 'l',
    '‐': '-',
    '‑': '-',
    '–': '-',
    '—': '-',
    '−': '-',
  }),
);
const LONGEST = 512;

/** A name without what may differ: blanks around it, case, hidden marks, accents, look-alike letters. Separators stay. */
function plainLetters(name: string): string {
  const folded = name.slice(0, LONGEST).normalize('NFKD').replace(HIDDEN, '').replace(ACCENTS, '').toLowerCase().trim();
  return Array.from(folded, (letter) => LOOK_ALIKES.get(letter) ?? letter).join('');
}

const SEPARATOR = /__|[.:/\\|>]+/;
const withoutJoints = (text: string): string => text.replace(/[\s_-]+/g, '');

/**
 * Spellings by which a name may be known, the whole first: then without each prefix in front (`functions.`, `default_api:`,
 * `mcp__server__`), in plain letters without the marks between words. At most 8.
 */
export function spellingsOf(name: string): readonly string[] {
  const parts = plainLetters(name).split(SEPARATOR).slice(-8);
  const whole = parts.map((_, index) => withoutJoints(parts.slice(index).join('')));
  return [...new Set(whole)].filter((spelling) => spelling !== '');
}

/** The spelling of a name as a whole. */
const spellingOf = (name: string): string => spellingsOf(name)[0] ?? '';

/** Names by spelling. */
export type NameIndex = ReadonlyMap<string, readonly DeclaredTool[]>;

const indexes = new WeakMap<readonly DeclaredTool[], NameIndex>();

/** The declared tools by the spelling of their qualified and own names; kept for as long as the list lives. */
function indexOf(declared: readonly DeclaredTool[]): NameIndex {
  const known = indexes.get(declared);
  if (known !== undefined) return known;
  const index = new Map<string, DeclaredTool[]>();
  for (const tool of declared) {
    for (const spelling of new Set([spellingOf(qualifiedName(tool)), spellingOf(tool.name)])) {
      const tools = index.get(spelling);
      if (tools === undefined) index.set(spelling, [tool]);
      else tools.push(tool);
    }
  }
  indexes.set(declared, index);
  return index;
}

/** Whether the request declares a tool by this very name. */
export const isDeclared = (
  declared: readonly DeclaredTool[],
  call: { readonly name: string; readonly namespace?: string },
): boolean => declaredExactly(declared, call) !== null;

/** The tool that is declared by the very name of a call, or null. */
export function declaredExactly(
  declared: readonly DeclaredTool[],
  call: { readonly name: string; readonly namespace?: string },
): DeclaredTool | null {
  const qualified = qualifiedName(call);
  return declared.find((tool) => tool.name === call.name || qualifiedName(tool) === qualified) ?? null;
}

/** The declared tools that a client may run for a name that is declared by none of them exactly; none when one is. */
export function declaredAs(
  declared: readonly DeclaredTool[],
  call: { readonly name: string; readonly namespace?: string },
): readonly DeclaredTool[] {
  if (declared.length === 0 || isDeclared(declared, call)) return [];
  const index = indexOf(declared);
  const found = spellingsOf(qualifiedName(call)).flatMap((spelling) => index.get(spelling) ?? []);
  return [...new Set(found)];
}
