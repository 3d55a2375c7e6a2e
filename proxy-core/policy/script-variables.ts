import { readShell } from './shell-words.ts';

/**
 * What a shell script knows of itself: variables it sets, the folder it stands in, links and aliases it makes. Words are written out with
 * it as far as the script alone tells; what it does not tell becomes `*`, which fits any name.
 */
export interface ScriptState {
  readonly variables: Map<string, readonly string[]>;
  readonly aliases: Map<string, string>;
  /** Paths that stand for others, by their place. */
  readonly links: Map<string, string>;
  /** Empty while it is not known. */
  folder: string;
}

/** The state at the start of a script that runs in a folder. */
export function startState(folder: string): ScriptState {
  const usual: readonly (readonly [string, string])[] = [
    ['HOME', '~'],
    ['USERPROFILE', '~'],
    ['XDG_DATA_HOME', '~/.local/share'],
    ['XDG_STATE_HOME', '~/.local/state'],
    ['XDG_CONFIG_HOME', '~/.config'],
    ['APPDATA', '~/appdata/roaming'],
    ['LOCALAPPDATA', '~/appdata/local'],
    ['RUNGATE_HOME', '~/.local/share/rungate'],
  ];
  return {
    variables: new Map(usual.map(([name, value]) => [name, [value]])),
    aliases: new Map(),
    links: new Map(),
    folder,
  };
}

const FORMS = 8;
const EXPANSIONS = 16;
const LONGEST = 8 * 1024;
const EXPANSION = /\$(\w+)|\$\{(!?)([A-Za-z_]\w*|\d)([^{}]*)\}|\$\(([^()]*)\)/;

/** A word in every form that it may have; at most 8. */
export function writeOut(word: string, state: ScriptState, depth = 0): readonly string[] {
  let forms: readonly string[] = [word];
  for (let round = 0; round < EXPANSIONS; round += 1) {
    const open = forms.some((form) => EXPANSION.test(form));
    if (!open) return forms;
    forms = forms.flatMap((form) => expandOne(form, state, depth)).slice(0, FORMS);
    if (forms.some((form) => form.length > LONGEST)) return forms.map((form) => form.slice(0, LONGEST));
  }
  return forms.map((form) => form.replaceAll('$', '*'));
}

function expandOne(form: string, state: ScriptState, depth: number): readonly string[] {
  const found = EXPANSION.exec(form);
  if (found === null) return [form];
  const before = form.slice(0, found.index);
  const after = form.slice(found.index + found[0].length);
  return valuesOf(found, state, depth).map((value) => before + value.replaceAll('$', '*') + after);
}

function valuesOf(found: RegExpExecArray, state: ScriptState, depth: number): readonly string[] {
  const [, plain, indirect = '', braced, rest = '', command] = found;
  if (command !== undefined) return depth > 2 ? ['*'] : [outputOf(command, state, depth + 1)];
  const name = plain ?? braced ?? '';
  if (name === 'PWD') return [state.folder === '' ? '*' : state.folder];
  const known = lookUp(name, state);
  if (indirect !== '') return (known ?? []).flatMap((one) => lookUp(one, state) ?? ['*']);
  const otherwise = /^:?[-=+](.*)$/s.exec(rest)?.[1];
  if (otherwise !== undefined) return [...(known ?? []), otherwise].map((one) => one.replaceAll('$', '*'));
  return rest === '' ? (known ?? ['*']) : [...(known ?? []), '*'];
}

/** Names of the environment are told apart by case in shells, not on Windows. */
const lookUp = (name: string, { variables }: ScriptState): readonly string[] | undefined =>
  variables.get(name) ?? (name.length > 3 ? variables.get(name.toUpperCase()) : undefined);

/** What a substituted command prints, for the few that only hand on their words. */
function outputOf(command: string, state: ScriptState, depth: number): string {
  const pipeline = readShell(command).pipelines.at(-1);
  const [first, second] = pipeline ?? [];
  if (first === undefined) return '*';
  const words = first.words.map((word) => writeOut(word, state, depth)[0] ?? '');
  const [program = '', ...rest] = words;
  const given = rest.filter((word) => !/^-[\w-]*$/.test(word));
  const printed = printedBy(program, given, state);
  if (second === undefined) return printed;
  const decodes =
    /^(base64|openssl)$/.test(second.words[0] ?? '') && second.words.some((word) => /^-(d|D|-decode)$/.test(word));
  return decodes ? decodeBase64(printed) : '*';
}

function printedBy(program: string, given: readonly string[], { folder }: ScriptState): string {
  const last = given.at(-1) ?? '';
  switch (program) {
    case 'echo':
      return given.join(' ');
    case 'printf':
      return given
        .slice(1)
        .reduce((text, word) => text.replace('%s', () => word), (given[0] ?? '').replace(/\\n$/, ''));
    case 'realpath':
    case 'readlink':
    case 'which':
    case 'command':
    case 'type':
    case 'cygpath':
      return last === '' ? '*' : last;
    case 'dirname':
      return `${last}/..`;
    case 'basename':
      return last.slice(last.lastIndexOf('/') + 1);
    case 'pwd':
      return folder === '' ? '*' : folder;
    default:
      return '*';
  }
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Text that stands in Base64 (RFC 4648 §4), as far as it is Latin letters. */
export function decodeBase64(text: string): string {
  let bits = 0;
  let held = 0;
  let decoded = '';
  for (const mark of text.slice(0, LONGEST).replace(/[\s=]/g, '')) {
    const digit = DIGITS.indexOf(mark);
    if (digit < 0) return '*';
    held = ((held << 6) | digit) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      decoded += String.fromCharCode((held >> bits) & 0xff);
    }
  }
  return decoded;
}
