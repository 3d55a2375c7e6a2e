import { type ArgValue, isList, isObject, type ParsedArguments } from './arguments.ts';
import {
  clientFileOf,
  isAddressOption,
  isClientVariable,
  saysAddress,
  setsVariable,
  setsVariableInCode,
} from './client-settings.ts';
import { quotedTexts } from './code-texts.ts';
import { type ActionKind, TOUCHED, type Touched } from './facts.ts';
import { callsConsole, commandCallsConsole, meddlesWithProcess, operatesRungate } from './operator-words.ts';
import { holdsHome, reachesHome } from './own-home.ts';
import type { OwnPlaces } from './own-places.ts';
import { inFolder } from './plain-paths.ts';
import {
  plainProgram,
  readScriptCommands,
  readWordCommands,
  type ScriptCommand,
  type ScriptReading,
} from './script-reading.ts';
import { patchPaths } from './shell-commands.ts';

/**
 * What a call reaches for that is not the agent's: Rungate itself, and the settings by which clients are governed. It is read from
 * normalised paths and words, so that a rule holds for a place however it is spelled. Threat: an agent that is told what
 * is blocked tries the next spelling. It stops no program that is written to a file and run later, and none that computes a name.
 */
interface Reader {
  /** Of the tool: what shells and file tools do to start-up scripts is another rule's. */
  readonly kind: ActionKind;
  readonly own: OwnPlaces;
  readonly found: Set<Touched>;
  /** Characters that may still be read. */
  left: number;
  values: number;
}

const LENGTH = 256 * 1024;
const VALUES = 2_000;
const DEPTH = 12;

/** What a call touches. `kind`: what its tool does by its name; `typed`: text that it types into a running program. */
export function touchesOf(
  kind: ActionKind,
  parsed: ParsedArguments,
  raw: string,
  own: OwnPlaces,
  typed: string | null = null,
): readonly Touched[] {
  const reader: Reader = { kind, own, found: new Set(), left: LENGTH, values: VALUES };
  if (typed !== null) readScript(typed, '', reader);
  else if (parsed.kind === 'unclear') readCode(raw, reader);
  else if (typeof parsed.value === 'string') readFreeText(kind, parsed.value, reader);
  else readValue(parsed.value, { kind, folder: folderIn(parsed.value), depth: 0 }, reader);
  return TOUCHED.filter((one) => reader.found.has(one));
}

/** What a source touches of which only the text is known. */
export function touchesOfText(text: string, own: OwnPlaces): readonly Touched[] {
  return touchesOf('other', { kind: 'unclear', why: '' }, text, own);
}

const add = (reader: Reader, one: Touched, found: boolean): void => {
  if (found) reader.found.add(one);
};

function spend(text: string, reader: Reader): boolean {
  reader.left -= text.length;
  return reader.left >= 0;
}

function readFreeText(kind: ActionKind, text: string, reader: Reader): void {
  if (kind === 'shell') readScript(text, '', reader);
  else if (kind === 'write') readPatch(text, reader);
  else if (kind === 'http') readAddress(text, reader);
  else if (kind === 'sql') readCode(text, reader);
  else readPath(text, '', reader);
}

interface Place {
  readonly kind: ActionKind;
  readonly folder: string;
  readonly depth: number;
}

const COMMAND_KEY =
  /^(command|cmd|commands|script|shell_command|bash|chars|shell|run|exec|cmdline|command_line|input|keys|keystrokes|stdin)$/;
const CODE_KEY = /^(code|source|sql|statement|statements|expression|python|javascript|js)$/;
const FOLDER_KEY = /^(cwd|workdir|working_directory|working_dir|directory|dir|dir_path|base_path|root)$/;
const URL_KEY = /^(url|uri|href|endpoint|link|urls|address|base_url)$/;
/** What is only said, searched or stored as words. */
const WORDS_KEY =
  /^(description|explanation|prompt|message|messages|body|title|subject|summary|comment|comments|query|q|pattern|regex|search|text|thought|thoughts|reasoning|justification|question|questions|answer|note|notes|todos|name|label|labels|content|contents|file_text|new_string|old_string|new_str|old_str|new_source|edits|value|replacement|insert_text|patch|patch_text|diff|data|plan|objective)$/;
const CONTENT_KEY =
  /^(content|contents|file_text|new_string|new_str|new_source|insert_text|text|data|replacement|value|patch|patch_text|diff|body|input)$/;
const PATH_KEY = /(^|_)(path|file|filename|file_name|destination|dest|target|to|notebook|uri)s?(_path)?$/;

const snake = (key: string): string =>
  key
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();

function folderIn(value: ArgValue): string {
  if (!isObject(value)) return '';
  for (const [key, inner] of value) {
    if (FOLDER_KEY.test(snake(key)) && typeof inner === 'string') return inner;
  }
  return '';
}

function readValue(value: ArgValue, place: Place, reader: Reader): void {
  reader.values -= 1;
  if (reader.values < 0 || place.depth > DEPTH) return;
  const deeper = { ...place, depth: place.depth + 1 };
  if (isList(value)) for (const item of value) readItem('', item, deeper, reader);
  if (!isObject(value)) return;
  for (const [key, inner] of value) readItem(snake(key), inner, deeper, reader);
  readWritten(value, place, reader);
}

function readItem(key: string, value: ArgValue, place: Place, reader: Reader): void {
  if (typeof value === 'string') readText(key, value, place, reader);
  else if (COMMAND_KEY.test(key) && isList(value)) readWords(value, place, reader);
  else if (!WORDS_KEY.test(key) || key === 'edits') readValue(value, place, reader);
}

function readWords(list: readonly ArgValue[], place: Place, reader: Reader): void {
  const words = list.filter((item) => typeof item === 'string');
  if (!spend(words.join(' '), reader)) return;
  runCommands(readWordCommands(words, place.folder), reader);
  // A list may be several commands as well as the words of one.
  for (const word of words) if (/\s/.test(word)) readScript(word, place.folder, reader);
}

function readText(key: string, text: string, { kind, folder }: Place, reader: Reader): void {
  const runs = COMMAND_KEY.test(key) && (kind === 'shell' || kind === 'other');
  if (runs || (kind === 'shell' && CODE_KEY.test(key))) readScript(text, folder, reader);
  if (CODE_KEY.test(key) || (kind === 'sql' && !FOLDER_KEY.test(key))) readCode(text, reader);
  if (URL_KEY.test(key) || /^[a-z][\w+.-]*:\/\//i.test(text)) readAddress(text, reader);
  if (!WORDS_KEY.test(key) && text.length <= 4_096 && !text.includes('\n')) readPath(text, folder, reader);
}

function readPath(text: string, folder: string, reader: Reader): void {
  if (!spend(text, reader)) return;
  add(reader, 'rungate_home', reachesHome(text, reader.own) || reachesHome(inFolder(folder, text), reader.own));
  const process = { program: 'cat', words: [text], paths: [], sets: [], writes: [], input: '', feeds: [] };
  add(reader, 'rungate_process', meddlesWithProcess(process, [], reader.own));
}

function readAddress(text: string, reader: Reader): void {
  if (!spend(text, reader)) return;
  add(reader, 'rungate_console', callsConsole(text, reader.own));
  if (/^(file|sqlite):/i.test(text))
    add(reader, 'rungate_home', reachesHome(text.replace(/^sqlite:/i, ''), reader.own));
}

/** A file that is written, by its path and what is put into it. */
function readWritten(value: ReadonlyMap<string, ArgValue>, { kind, folder }: Place, reader: Reader): void {
  const entries = [...value].map(([key, inner]) => [snake(key), inner] as const);
  const contents = entries.flatMap(([key, inner]) =>
    CONTENT_KEY.test(key) && typeof inner === 'string' ? [inner] : [],
  );
  const paths = entries.flatMap(([key, inner]) => (PATH_KEY.test(key) && typeof inner === 'string' ? [inner] : []));
  if (kind !== 'write' && (contents.length === 0 || kind !== 'other')) return;
  const nested = entries.flatMap(([key, inner]) => (key === 'edits' && isList(inner) ? inner : []));
  for (const edit of nested) {
    if (!isObject(edit)) continue;
    for (const [key, inner] of edit)
      if (CONTENT_KEY.test(snake(key)) && typeof inner === 'string') contents.push(inner);
  }
  for (const content of contents)
    if (/^\*\*\* Begin Patch|^(---|\+\+\+) /m.test(content.slice(0, 4_096))) readPatch(content, reader);
  for (const path of paths) readFile(inFolder(folder, path), contents.join('\n'), reader);
}

function readPatch(patch: string, reader: Reader): void {
  if (!spend(patch, reader)) return;
  const added = patch
    .split('\n')
    .filter((line) => line.startsWith('+') && !line.startsWith('+++'))
    .map((line) => line.slice(1))
    .join('\n');
  for (const path of patchPaths(patch).slice(0, 64)) {
    readPath(path, '', reader);
    readFile(path, added, reader);
  }
}

const PROSE = /\.(md|mdx|markdown|txt|rst|adoc|html?|tex|org|csv|log|svg|po|snap|example|sample|template|dist)$/i;
const SHELL_FILE =
  /\.(sh|bash|zsh|fish|ksh|command|ps1|bat|cmd)$|(^|\/)(makefile|justfile|procfile|dockerfile|containerfile)$|(^|\/)(hooks|\.husky)\/[\w-]+$|\.(service|plist|desktop|timer)$/i;

/** What a file says, by what kind of file it is. */
function readFile(path: string, content: string, reader: Reader): void {
  const file = clientFileOf(path);
  add(reader, 'client_base_url', file === 'client' && saysAddress(content));
  add(reader, 'agent_config', file === 'client' || file === 'agent' || (file === 'profile' && reader.kind === 'other'));
  if (file === 'profile' || file === 'environment' || file === 'client')
    add(reader, 'client_base_url', setsVariable(content));
  if (PROSE.test(path) || !spend(content, reader)) return;
  if (SHELL_FILE.test(path) || file === 'profile' || content.startsWith('#!')) readScript(content, '', reader);
  else readCode(content, reader);
}

/** Source code, SQL or a text of no known form: its quoted texts, alone and joined as code joins them. */
function readCode(code: string, reader: Reader): void {
  if (!spend(code, reader)) return;
  const { own } = reader;
  const texts = quotedTexts(code);
  const joined = [texts.join('/'), texts.join(''), texts.join('/').replaceAll('/rungate', '/rungate/')];
  const tokens = code
    .slice(0, LENGTH)
    .split(/[\s"'`(),;<>]+/)
    .filter((token) => /rung|[*?]/i.test(token))
    .slice(0, 1_000);
  add(
    reader,
    'rungate_home',
    [...texts, ...joined, ...tokens].some((text) => text.length <= 16_384 && reachesHome(text, own)),
  );
  add(
    reader,
    'rungate_command',
    texts.some((_, at) => operatesRungate(texts.slice(at, at + 8).filter((text) => text !== ' '))),
  );
  add(reader, 'rungate_console', callsConsole(code, own) || portBeside(code, own));
  add(reader, 'client_base_url', setsVariableInCode(code));
  for (const text of texts)
    if (/\s/.test(text) && text.length <= 4_096) readCommands(readScriptCommands(text).commands, reader);
}

/** A port of its own beside a loopback host: `connect({ port: 4142 })`. */
const portBeside = (code: string, { consolePorts }: OwnPlaces): boolean =>
  consolePorts.some((port) => new RegExp(`\\bport["']?\\s{0,4}[:=]\\s{0,4}["']?${port}\\b`, 'i').test(code)) &&
  /connect|request\(|fetch|http\.get|socket/i.test(code);

function readScript(text: string, folder: string, reader: Reader): void {
  if (!spend(text, reader)) {
    add(reader, 'unread', reader.kind === 'shell');
    return;
  }
  runCommands(readScriptCommands(text, folder), reader);
  // Shells of Windows keep the backslashes that others take away.
  if (/\\/.test(text) && /[A-Za-z]:\\|%\w+%|\$env:|appdata|\\\\[.?]\\/i.test(text))
    runCommands(readScriptCommands(text.replaceAll('\\', '/'), folder), reader);
}

/** Commands that the call itself runs: what was not read of them is said. */
function runCommands({ commands, truncated }: ScriptReading, reader: Reader): void {
  add(reader, 'unread', truncated && reader.kind === 'shell');
  readCommands(commands, reader);
}

function readCommands(commands: readonly ScriptCommand[], reader: Reader): void {
  for (const command of commands) readCommand(command, commands, reader);
}

const INTERPRETERS =
  /^(python[\d.]*|node|nodejs|deno|bun|tsx|perl|ruby|php|lua|rscript|osascript|awk|gawk|sqlite3|psql|mysql|duckdb|emacs|vim|ed)$/;
const TREES =
  /^(cp|mv|ln|tar|zip|7z|rsync|rm|chmod|chown|scp|find|fd|mount|chattr|robocopy|xcopy|move|move-item|copy-item|remove-item|rd|rmdir|del|sed|grep|rg)$/;
const TREE_FLAG = /^-\w*[rRa]\w*$|^--(recursive|archive)$|^-(exec|execdir|delete|ok)$|^-recurse$/i;

function readCommand(command: ScriptCommand, all: readonly ScriptCommand[], reader: Reader): void {
  const { program, words, writes, sets, input } = command;
  const { own } = reader;
  const given = pathsGiven(command);
  const home = [...given, ...writes].some((path) => reachesHome(path, own)) || reachesHome(program, own);
  const takes =
    TREES.test(program) &&
    (/^(mv|ln|tar|zip|7z|rsync|mount|robocopy|move|move-item)$/.test(program) ||
      words.some((word) => TREE_FLAG.test(word)));
  add(reader, 'rungate_home', home || (takes && given.some((path) => holdsHome(path, own))));
  add(
    reader,
    'rungate_home',
    sets.some(([name]) => /^RUNGATE_HOME$/i.test(name)),
  );
  add(reader, 'rungate_command', operatesRungate([program, ...words]));
  add(reader, 'rungate_process', meddlesWithProcess(command, all, own));
  add(reader, 'rungate_console', commandCallsConsole(command, own));
  readSettings(command, reader);
  if (!INTERPRETERS.test(program)) return;
  for (const code of [...words.filter((word) => /[\s"'`()/]/.test(word)), input])
    if (code !== '') readCode(code, reader);
}

const SAYS = /^(echo|printf|write-host|write-output|man|apropos|which|whereis|type|alias|gh|glab)$/;
const SEARCHES = /^(grep|egrep|fgrep|rg|ag|ack|sed|awk|gawk|jq|yq|tr|git-grep)$/;

/** The words of a command that may be paths; not the pattern it searches for, and not what it only says. */
function pathsGiven({ program, words, paths }: ScriptCommand): readonly string[] {
  if (SAYS.test(program)) return [];
  const both = words.map((word, index) => [word, paths[index] ?? word] as const);
  if (program === 'git') {
    const said = /^(-m|--message|-F|--grep|-S|-G|--author|grep)$/;
    return both
      .filter(([word], index) => !/\s/.test(word) && !said.test(words[index - 1] ?? '') && !/^--\w+=/.test(word))
      .flat();
  }
  if (!SEARCHES.test(program)) return both.flat();
  const pattern = words.findIndex(
    (word, index) => !word.startsWith('-') && !/^-[efA-CmgtT]$/.test(words[index - 1] ?? ''),
  );
  return both
    .filter(
      ([word], index) => index !== pattern && words[index - 1] !== '-e' && !/^--?(regexp|include|exclude)/.test(word),
    )
    .flat();
}

const READS =
  /^(cat|less|more|head|tail|grep|egrep|fgrep|rg|ls|stat|wc|diff|jq|yq|file|bat|cmp|git|find|fd|test|\[|\[\[|md5sum|sha256sum|echo|printf|cd|type|source|\.)$/;

/** Settings that a command makes: variables for what it starts, files that clients and shells read. */
function readSettings({ program, words, paths, sets, writes, input }: ScriptCommand, reader: Reader): void {
  add(
    reader,
    'client_base_url',
    sets.some(([name]) => isClientVariable(name)),
  );
  const removes = /^(unset|env|sudo|remove-item|ri|set|setx|export)$/.test(program);
  add(
    reader,
    'client_base_url',
    removes && words.some((word) => isClientVariable(word.replace(/^(-u|--unset=|env:|-)/i, ''))),
  );
  add(reader, 'client_base_url', words.some(isAddressOption));
  const said = [...words, input].join('\n');
  if (/^(claude|codex|gemini|opencode|qwen|npx|copilot)$/.test(program)) {
    const settings = words.some((word) => setsVariable(word) || /^(env\.)?\w+_BASE_URL$/i.test(word));
    add(reader, 'client_base_url', settings);
    add(
      reader,
      'agent_config',
      /^(mcp (add|add-json|remove)|config (set|add|remove)|plugin (install|add|enable)|hooks (add|install))\b/.test(
        words.filter((word) => !word.startsWith('-')).join(' '),
      ),
    );
  }
  if (program === 'git' && words.includes('config'))
    add(
      reader,
      'agent_config',
      words.length > 2 &&
        words.some((word) => /^core\.(hookspath|fsmonitor|sshcommand)(=|$)/i.test(word)) &&
        !words.includes('--get'),
    );
  const targets = [
    ...writes,
    ...(READS.test(program) && !/^(sed|perl)$/.test(program) ? [] : writtenBy(program, words, paths)),
  ];
  for (const target of targets) {
    readPath(target, '', reader);
    readFile(target, said, reader);
  }
}

/** The files that a program's words say it writes. */
function writtenBy(program: string, words: readonly string[], paths: readonly string[]): readonly string[] {
  const files = paths.filter((_, index) => !(words[index] ?? '').startsWith('-'));
  switch (plainProgram(program)) {
    case 'cp':
    case 'mv':
    case 'ln':
    case 'install':
    case 'rsync':
    case 'scp':
    case 'copy':
    case 'move':
    case 'copy-item':
    case 'move-item': {
      const last = files.at(-1) ?? '';
      const name = (files[0] ?? '').split('/').at(-1) ?? '';
      return [last, `${last}/${name}`];
    }
    case 'tee':
    case 'truncate':
    case 'rm':
    case 'unlink':
    case 'shred':
    case 'sponge':
    case 'chmod':
    case 'set-content':
    case 'add-content':
    case 'out-file':
    case 'ed':
    case 'vim':
    case 'ex':
    case 'nano':
      return files;
    case 'sed':
    case 'perl':
      return words.some((word) => /^-\w*i|^--in-place/.test(word)) ? files : [];
    case 'curl':
    case 'wget':
      return files.filter((_, index) =>
        /^(-o|-O|--output|--output-document)$/.test(words[words.indexOf(files[index] ?? '') - 1] ?? ''),
      );
    case 'dd':
      return words.flatMap((word) => (word.startsWith('of=') ? [word.slice(3)] : []));
    default:
      return [];
  }
}
