import { expandBraces, inFolder, plainPath } from './plain-paths.ts';
import { type ScriptState, startState, writeOut } from './script-variables.ts';
import { readShell, type SimpleCommand } from './shell-words.ts';

/**
 * A shell script as a row of commands whose words are written out: variables that it sets, folders that it enters, links and aliases
 * that it makes are followed. It serves the question what a script reaches (`touches.ts`), not what it prints.
 */

/** One command of a script. */
export interface ScriptCommand {
  /** Plain name, small letters, `.exe` and the like dropped. */
  readonly program: string;
  /** The words behind the program, written out. */
  readonly words: readonly string[];
  /** The same words as paths: joined with the folder the script stands in, links followed. */
  readonly paths: readonly string[];
  /** Variables it is given or sets, with their values. */
  readonly sets: readonly (readonly [name: string, value: string])[];
  readonly writes: readonly string[];
  /** Text that it reads from the script. */
  readonly input: string;
  /** Programs that read what it prints. */
  readonly feeds: readonly string[];
}

const COMMANDS = 512;
const DEPTH = 4;
/** Programs behind a command in its pipeline that are looked at. */
const FEEDS = 8;
/** Words of all commands, written out. */
const WORDS = 8_192;
/** Redirections of one command. */
const WRITES = 128;
/** Characters of scripts within scripts together. */
const WORK = 256 * 1024;
const GRAMMAR = new Set('if then else elif while until do ! { coproc time'.split(' '));
/** Programs to which words with blanks are text, and not commands to be run. */
const TEXT_PROGRAMS = new Set(
  (
    'echo printf git gh glab hg cat grep egrep fgrep rg ag ack sed awk gawk tr cut jq yq man apropos wc sort diff ' +
    'python python2 python3 node deno bun perl ruby php lua rscript osascript sqlite3 psql mysql write-host write-output curl wget'
  ).split(' '),
);

/** What was read of a script. */
export interface ScriptReading {
  readonly commands: readonly ScriptCommand[];
  /** There is more than was read. */
  readonly truncated: boolean;
}

interface Reader {
  readonly state: ScriptState;
  readonly found: ScriptCommand[];
  left: number;
  words: number;
  truncated: boolean;
  /** Texts that were read: a substitution stands in the word it is part of, and is not read again. */
  readonly texts: Set<string>;
}

/** Read a script that runs in a folder (empty: not known). Bounded; never throws. */
export function readScriptCommands(text: string, folder = ''): ScriptReading {
  const reader: Reader = {
    state: startState(folder),
    found: [],
    left: WORK,
    words: WORDS,
    truncated: false,
    texts: new Set(),
  };
  readText(text, reader, 0);
  return { commands: reader.found, truncated: reader.truncated };
}

/** Read a command that is given as words. */
export function readWordCommands(words: readonly string[], folder = ''): ScriptReading {
  const reader: Reader = {
    state: startState(folder),
    found: [],
    left: WORK,
    words: WORDS,
    truncated: false,
    texts: new Set(),
  };
  readOne({ words, writes: [], input: '' }, [], reader, 0);
  return { commands: reader.found, truncated: reader.truncated };
}

function readText(text: string, reader: Reader, depth: number): void {
  if (reader.texts.has(text)) return;
  reader.texts.add(text);
  reader.left -= text.length;
  if (depth > DEPTH || reader.left < 0) {
    reader.truncated = true;
    return;
  }
  const reading = readShell(text);
  reader.truncated ||= reading.truncated;
  for (const pipeline of reading.pipelines) {
    const programs = pipeline.map((command) => plainProgram(firstWord(command.words)));
    for (const [index, command] of pipeline.entries())
      readOne(command, programs.slice(index + 1, index + 1 + FEEDS), reader, depth);
  }
}

const isAssignment = (word: string): boolean => /^[A-Za-z_]\w*\+?=/.test(word);
const firstWord = (words: readonly string[]): string =>
  words.find((word) => !GRAMMAR.has(word) && !isAssignment(word)) ?? '';

/** A program's name without folder and ending. */
export const plainProgram = (word: string): string =>
  word
    .replaceAll('\\', '/')
    .slice(word.replaceAll('\\', '/').lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/\.(exe|cmd|bat|ps1)$/, '');

function readOne(command: SimpleCommand, feeds: readonly string[], reader: Reader, depth: number): void {
  if (reader.found.length >= COMMANDS || command.words.length > reader.words) {
    reader.truncated = true;
    return;
  }
  const { state } = reader;
  const start = command.words.findIndex((word) => !GRAMMAR.has(word));
  const all = command.words
    .slice(Math.max(start, 0))
    .map(plainVariable)
    .flatMap((word) => writeOut(word, state).flatMap(expandBraces))
    .slice(0, reader.words);
  reader.words -= all.length;
  const first = all.findIndex((word) => !isAssignment(word));
  const leading = first < 0 ? all : all.slice(0, first);
  const [named = '', ...rest] = first < 0 ? [] : all.slice(first);
  const alias = state.aliases.get(named);
  // A variable may hold a whole command.
  const split = alias === undefined && !/\s/.test(named) ? null : `${alias ?? named} ${rest.join(' ')}`;
  if (split !== null) readText(split, reader, depth + 1);
  const program = plainProgram(followLinks(inFolder(state.folder, named), state));
  const sets = [...leading, ...assigned(program, rest)].flatMap(readAssignment);
  for (const [name, value] of sets) state.variables.set(name, [value]);
  const folder = folderOf(program, rest, state);
  const paths = rest.map((word) => followLinks(inFolder(folder, word), state));
  reader.truncated ||= command.writes.length > WRITES;
  const writes = command.writes
    .slice(0, WRITES)
    .flatMap((word) => writeOut(word, state))
    .map((word) => followLinks(inFolder(state.folder, word), state));
  reader.found.push({ program, words: rest, paths, sets, writes, input: command.input, feeds });
  follow(program, rest, state);
  if (TEXT_PROGRAMS.has(program)) {
    if (feeds.some((one) => RUNS_INPUT.test(one))) readText(printed(program, rest, command.input), reader, depth + 1);
    return;
  }
  if (program === 'eval') readText(rest.join(' '), reader, depth + 1);
  for (const word of rest) if (/\s/.test(word)) readText(word, reader, depth + 1);
  if (command.input !== '' && RUNS_INPUT.test(program)) readText(command.input, reader, depth + 1);
}

/** Programs that run, or hand to a program, what they read. */
const RUNS_INPUT =
  /^((ba|z|da|k|a|fi)?sh|xargs|parallel|sudo|env|ssh|at|batch|source|pwsh|powershell|cmd|tmux|screen|su)$/;

function printed(program: string, rest: readonly string[], input: string): string {
  if (program === 'cat') return input;
  if (program === 'printf')
    return rest
      .slice(/%/.test(rest[0] ?? '') ? 1 : 0)
      .join(' ')
      .replaceAll('\\n', '\n');
  return rest.filter((word) => !/^-[neE]+$/.test(word)).join(' ');
}

/** `$env:NAME` of PowerShell as other shells write it. */
const plainVariable = (word: string): string =>
  word.replace(/^\$env:(\w+)=/i, '$1=').replace(/\$\{?env:(\w+)\}?/gi, (_, name: string) => `\${${name}}`);

/** The words of `export`, `env`, `setx` and their like that set variables. */
function assigned(program: string, rest: readonly string[]): readonly string[] {
  if (program === 'setx' || (program === 'set' && /^-[a-z]*x/.test(rest[0] ?? ''))) {
    const [name = '', value = ''] = rest.filter((word) => !/^[-/]\w+$/.test(word));
    return [`${name}=${value}`];
  }
  if (program === 'set' && rest[0] === '--') return [];
  return SETTERS.test(program) ? rest.filter(isAssignment) : [];
}
const SETTERS = /^(export|declare|typeset|local|readonly|set|env|sudo|docker|podman|setenv|launchctl|systemctl|alias)$/;

function readAssignment(word: string): readonly (readonly [string, string])[] {
  const found = /^([A-Za-z_]\w*)\+?=(.*)$/s.exec(word);
  return found === null ? [] : [[found[1] ?? '', (found[2] ?? '').replaceAll('$', '*')]];
}

/** The folder in which a command's words are meant. */
function folderOf(program: string, rest: readonly string[], { folder }: ScriptState): string {
  if (!/^(git|make|tar|env|npm|pnpm|yarn|cargo)$/.test(program)) return folder;
  const flag = rest.findIndex((word) => /^(-C|--directory|--cwd|--prefix|--chdir)$/.test(word));
  const given = rest[flag + 1];
  return flag < 0 || given === undefined ? folder : inFolder(folder, given);
}

/** What a command changes for those after it. */
function follow(program: string, rest: readonly string[], state: ScriptState): void {
  const given = rest.filter((word) => !word.startsWith('-'));
  switch (program) {
    case 'cd':
    case 'pushd':
    case 'chdir':
    case 'set-location':
    case 'sl':
      state.folder = followLinks(inFolder(state.folder, given[0] ?? '~'), state);
      return;
    case 'alias':
      for (const word of rest) {
        const found = /^([\w.-]+)=(.*)$/s.exec(word);
        if (found !== null) state.aliases.set(found[1] ?? '', found[2] ?? '');
      }
      return;
    case 'for':
    case 'select':
      if (rest[1] === 'in') state.variables.set(rest[0] ?? '', rest.slice(2, 10));
      return;
    case 'set':
      if (rest[0] === '--')
        for (const [index, word] of rest.slice(1, 10).entries()) state.variables.set(String(index + 1), [word]);
      return;
    case 'ln':
    case 'cp':
    case 'mv':
    case 'mount':
    case 'mklink':
      noteLink(program === 'mklink' ? given.toReversed() : given, state);
  }
}

function noteLink(given: readonly string[], state: ScriptState): void {
  const [from, to] = given;
  if (from === undefined || given.length > 2 || state.links.size >= 64) return;
  const source = inFolder(state.folder, from);
  const name = source.slice(source.replace(/\/+$/, '').lastIndexOf('/') + 1);
  const target = to === undefined || to === '.' ? name : to.endsWith('/') ? `${to}${name}` : to;
  state.links.set(placeOf(inFolder(state.folder, target)), source);
}

const placeOf = (path: string): string => plainPath(path).parts.join('/');

/** A path with a link that the script has made resolved. */
function followLinks(path: string, state: ScriptState): string {
  if (state.links.size === 0) return path;
  const place = placeOf(path);
  for (const [link, source] of state.links) {
    if (link !== '' && place === link) return source;
    if (link !== '' && place.startsWith(`${link}/`)) return `${source}${place.slice(link.length)}`;
  }
  return path;
}
