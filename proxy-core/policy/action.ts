import { type ArgValue, isList, isObject } from './arguments.ts';
import { ABSENT, type ActionKind, type Seen, seen, unknown } from './facts.ts';
import { patchPaths, readShellActions, readWordActions, type ShellActions } from './shell-commands.ts';
import { kindOfTool } from './tool-kinds.ts';
import { mayType, readTyped, type TypedLine } from './typed-input.ts';

/**
 * What a call does, in one vocabulary for every client: run a command, write a file, send SQL, fetch an address. A call may do
 * several things (actions), and one action may be read in several ways (readings: the text as written, each command
 * in it). A gate or block rule holds if it holds for any reading, an allow rule only if it holds for all.
 */
export interface Reading {
  readonly kind: Seen;
  readonly command: Seen;
  readonly path: Seen;
  readonly url: Seen;
}

/** One thing a call does, in all its readings; never empty. */
export type Action = readonly Reading[];

const reading = (kind: ActionKind, facts: Partial<Reading> = {}): Reading => ({
  kind: seen(kind),
  command: ABSENT,
  path: ABSENT,
  url: ABSENT,
  ...facts,
});

/** The actions of a tool whose arguments are known. Never empty. */
export function actionsOf(tool: string, value: ArgValue): readonly Action[] {
  const kind = kindOfTool(tool);
  switch (kind) {
    case 'shell':
      return shellActions(tool, value);
    case 'write':
      return writeActions(value);
    case 'sql':
      return commandActions('sql', textsUnder(value, SQL_KEYS));
    case 'http':
      return urlActions(textsUnder(value, URL_KEYS));
    case 'other':
      return [[reading('other')]];
  }
}

/** The actions a tool may perform when its arguments are not known. */
export function possibleActions(tool: string, why: string): readonly Action[] {
  const kind = kindOfTool(tool);
  const doubt = unknown(why);
  if (kind === 'other' && mayType(tool)) return [[reading('shell', { command: doubt })], [reading('other')]];
  switch (kind) {
    case 'shell':
      return [[reading('shell', { command: doubt })], [reading('write', { path: doubt })]];
    case 'write':
      return [[reading('write', { path: doubt })], [reading('other')]];
    case 'sql':
      return [[reading('sql', { command: doubt })]];
    case 'http':
      return [[reading('http', { url: doubt })]];
    case 'other':
      return [[reading('other')]];
  }
}

/** The action of a statement. */
export const sqlActionOf = (text: string): Action => [reading('sql', { command: seen(text) })];
/** The action of a call to an address. */
export const urlActionOf = (text: string): Action => [reading('http', { url: seen(text) })];

/** The action of a tool that does nothing a rule names. */
export const otherAction = (): readonly Action[] => [[reading('other')]];

/** The action of a tool that is not known at all. */
export function anyAction(why: string): readonly Action[] {
  const doubt = unknown(why);
  return [[{ kind: doubt, command: doubt, path: doubt, url: doubt }]];
}

const COMMAND_KEYS = ['command', 'cmd', 'commands', 'script', 'code', 'shell_command', 'bash', 'input', 'chars'];
const SQL_KEYS = ['query', 'sql', 'statement', 'statements', 'q', 'command'];
const URL_KEYS = ['url', 'uri', 'href', 'endpoint', 'link', 'urls'];
const NEUTRAL_KEYS = new Set(
  (
    'description explanation restart timeout timeout_ms session_id id name cwd workdir working_directory dir_path shell ' +
    'login env justification yield_time_ms max_output_tokens'
  ).split(' '),
);

/** Texts under every one of the keys that is there: a tool may read any. Null when none is, or when what is there is no text. */
function textsUnder(value: ArgValue, keys: readonly string[]): readonly string[] | null {
  if (typeof value === 'string') return [value];
  if (!isObject(value)) return null;
  const texts: string[] = [];
  for (const key of keys) {
    const found = value.get(key);
    if (found === undefined || found === null) continue;
    const said = typeof found === 'string' ? [found] : isList(found) ? allTexts(found) : null;
    if (said === null) return null;
    texts.push(...said);
  }
  return texts.length === 0 ? null : [...new Set(texts)];
}

function allTexts(list: readonly ArgValue[]): readonly string[] | null {
  const texts = list.filter((item) => typeof item === 'string');
  return texts.length === list.length ? texts : null;
}

function commandActions(kind: 'sql', texts: readonly string[] | null): readonly Action[] {
  if (texts === null) return [[reading(kind, { command: unknown('no argument is known to be the statement') })]];
  return bounded(
    kind,
    texts.map((text) => [reading(kind, { command: seen(text) })]),
  );
}

/** Things one call does that are judged one by one; what is beyond them is not known. */
const ACTIONS = 128;

const bounded = (kind: ActionKind, actions: readonly Action[]): readonly Action[] =>
  actions.length <= ACTIONS
    ? actions
    : [...actions.slice(0, ACTIONS), ...anyAction(`the call does more ${kind} actions than are read`)];

function urlActions(texts: readonly string[] | null): readonly Action[] {
  if (texts === null) return [[reading('http', { url: unknown('no argument is known to be the address') })]];
  return bounded(
    'http',
    texts.map((text) => [reading('http', { url: seen(text) })]),
  );
}

function shellActions(tool: string, value: ArgValue): readonly Action[] {
  const nested = isObject(value) ? value.get('action') : undefined;
  if (nested !== undefined && isObject(nested)) return shellActions(tool, nested);
  const keys = isObject(value) ? WHOLE_KEYS.filter((key) => isSaid(value.get(key))) : [];
  // A tool may read any of two keys: each is judged, the first with what stands beside it.
  const more = keys.length < 2 || !isObject(value) ? [] : keys.slice(1).map((key) => value.get(key) ?? null);
  return [...commandIn(tool, value), ...more.flatMap((one) => commandIn(tool, new Map([['command', one]])))];
}

const WHOLE_KEYS = ['command', 'cmd', 'commands', 'script', 'code', 'shell_command', 'bash'];
const isSaid = (value: ArgValue | undefined): boolean =>
  (typeof value === 'string' && value !== '') || (value !== undefined && isList(value) && value.length > 0);

function commandIn(tool: string, value: ArgValue): readonly Action[] {
  const found = findCommand(value);
  switch (found.kind) {
    case 'none':
      return [[reading('shell')]];
    case 'unclear':
      return possibleActions(tool, 'no argument is known to be the command');
    case 'words':
      return shellActionsOf(wordsAsText(found.words), readWordActions(found.words));
    case 'texts':
      return bounded(
        'shell',
        found.texts.slice(0, ACTIONS + 1).flatMap((text) => shellActionsOf(text, readShellActions(text))),
      );
  }
}

/** What typing into a running program does: the lines it ends, what it leaves standing, and the same without what stood before. */
export function typedActions(text: string, before: TypedLine | null): readonly Action[] {
  const joined = readTyped(text, before);
  const alone = before === null ? null : readTyped(text, null);
  const shell = [joined, ...(alone === null ? [] : [alone])]
    .filter((reading) => reading.text.trim() !== '')
    .flatMap((reading) => shellActionsOf(reading.text, readShellActions(reading.text)));
  const doubt = reading('shell', { command: unknown('the line was edited with keys that do not show in it') });
  const all = shell.length === 0 ? [[reading('shell')]] : shell;
  return joined.unclear && joined.text.includes('\n') ? [...all, [doubt]] : all;
}

type FoundCommand =
  | { readonly kind: 'none' | 'unclear' }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'words'; readonly words: readonly string[] };

function findCommand(value: ArgValue): FoundCommand {
  if (typeof value === 'string') return { kind: 'texts', texts: [value] };
  if (!isObject(value)) return { kind: 'unclear' };
  for (const key of COMMAND_KEYS) {
    const found = value.get(key);
    if (found === undefined || found === null || found === '') continue;
    if (typeof found === 'string') return { kind: 'texts', texts: withArguments(found, value.get('args')) };
    const texts = isList(found) ? allTexts(found) : null;
    if (texts === null) return { kind: 'unclear' };
    return key === 'commands' ? { kind: 'texts', texts } : { kind: 'words', words: texts };
  }
  const others = [...value.keys()].filter((key) => !NEUTRAL_KEYS.has(key) && !COMMAND_KEYS.includes(key));
  return { kind: others.length === 0 ? 'none' : 'unclear' };
}

/** `{command: "rm", args: ["-rf", "x"]}` is one command. */
function withArguments(command: string, args: ArgValue | undefined): readonly string[] {
  const texts = args !== undefined && isList(args) ? allTexts(args) : null;
  if (texts !== null) return [[command, ...texts].join(' ')];
  return [typeof args === 'string' ? `${command} ${args}` : command];
}

/** `["bash", "-lc", TEXT]` is TEXT; other lists are written with spaces. */
function wordsAsText(words: readonly string[]): string {
  const [, flag, script] = words;
  return words.length === 3 && flag !== undefined && /^-[a-z]*c$/.test(flag) ? (script ?? '') : words.join(' ');
}

/** The actions of a command: itself in all its readings, and the files that it writes. */
export function shellActionsOf(text: string, actions: ShellActions): readonly Action[] {
  const commands = [...new Set([text, ...actions.commands])];
  const readings = commands.map((command) => reading('shell', { command: seen(command) }));
  if (actions.truncated) readings.push(reading('shell', { command: unknown('the command is too long to read whole') }));
  return bounded('write', [readings, ...actions.writes.slice(0, ACTIONS + 1).map(pathAction)]);
}

const PATH_KEY =
  /(^|_)(path|file|filename|destination|dest|directory|folder|uri)s?$|^(source|target|from|to|file_name)$/;
const PATCH_KEYS = ['input', 'patch', 'patch_text', 'diff'];
const READING_COMMANDS = new Set(['view', 'read', 'list', 'undo_edit']);

function writeActions(value: ArgValue): readonly Action[] {
  if (typeof value === 'string') return pathActions(patchPaths(value));
  if (!isObject(value)) return pathActions([]);
  const command = value.get('command');
  if (typeof command === 'string' && READING_COMMANDS.has(command)) return [[reading('other')]];
  return pathActions([...new Set([...listPaths(value, 0), ...listPatchPaths(value)])]);
}

const snake = (key: string): string => key.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();

/** Values under keys that name a path, in the object and in lists of objects inside it. */
function listPaths(value: ArgValue, depth: number): readonly string[] {
  if (isList(value)) return depth > 3 ? [] : value.flatMap((item) => listPaths(item, depth + 1));
  if (!isObject(value)) return [];
  return [...value].flatMap(([key, inner]) => {
    const names = PATH_KEY.test(snake(key));
    if (typeof inner === 'string') return names ? [inner] : [];
    const texts = names && isList(inner) ? allTexts(inner) : null;
    return texts ?? (isList(inner) ? listPaths(inner, depth + 1) : []);
  });
}

function listPatchPaths(value: ReadonlyMap<string, ArgValue>): readonly string[] {
  return [...value].flatMap(([key, inner]) =>
    typeof inner === 'string' && PATCH_KEYS.includes(snake(key)) ? patchPaths(inner) : [],
  );
}

function pathActions(paths: readonly string[]): readonly Action[] {
  if (paths.length === 0) return [[reading('write', { path: unknown('no argument is known to be the path') })]];
  return bounded('write', paths.slice(0, ACTIONS + 1).map(pathAction));
}

/** A path as written and, where that differs, with `.`, `..`, doubled and backward slashes resolved. */
function pathAction(path: string): Action {
  return [...new Set([path, normalPath(path)])].map((text) => reading('write', { path: seen(text) }));
}

function normalPath(path: string): string {
  const text = path
    .trim()
    .replace(/^file:\/\//, '')
    .replaceAll('\\', '/');
  const absolute = text.startsWith('/');
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !absolute) parts.push(part);
  }
  return `${absolute ? '/' : ''}${parts.join('/')}`;
}
