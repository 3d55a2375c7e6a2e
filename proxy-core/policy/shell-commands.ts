import { readShell, type SimpleCommand } from './shell-words.ts';

/**
 * What a shell text does, in forms a rule can compare: every simple command with its program's plain name, those
 * behind wrappers (`sudo`, `env`, `xargs`, `bash -c`, `find -exec`, `ssh`, …), whole pipelines, and the files written.
 */
export interface ShellActions {
  /** One line each, quoted only where needed: the commands, innermost last, and whole pipelines. */
  readonly commands: readonly string[];
  /** Targets of redirections, `tee`, and of patches that the shell applies. */
  readonly writes: readonly string[];
  /** There is more than was read. */
  readonly truncated: boolean;
}

const COMMAND_LIMIT = 256;
/** Words looked at in all, those behind wrappers counted again. */
const WORK_LIMIT = 200_000;
/** Characters of all commands together: each of them is compared with every pattern. A text's own length twice over, and this. */
const SPARE_LENGTH = 4 * 1024;
/** As much of a text as counts for these bounds. */
const READ_LENGTH = 32 * 1024;
/** Characters put together on the way, for one character of the text, and besides. */
const RENDER_FACTOR = 4;
const RENDER_SPARE = 16 * 1024;
const NEST_LIMIT = 6;
/** Programs that run the command which follows them; each word after them may be where it begins. */
const WRAPPERS = new Set(
  (
    'sudo doas env nohup command builtin exec time nice ionice timeout stdbuf setsid xargs parallel strace ltrace watch ' +
    'unbuffer chronic busybox toybox flock chroot unshare nsenter caffeinate script su runuser npx bunx uvx ssh function ' +
    'tmux screen pwsh powershell cmd'
  ).split(' '),
);
/** Words of the shell's grammar that stand before a command. */
const GRAMMAR = new Set('if then else elif while until do ! { coproc'.split(' '));
const SHELLS = new Set('sh bash zsh dash ksh fish ash mksh rbash'.split(' '));
/** Programs to which their input is only text; what they write it to is judged by its path. */
const KEEPS_INPUT_AS_IS = new Set(['cat', 'tee']);
const CONTAINER_RUN = /^(docker|podman|nerdctl|kubectl|oc)$/;
const WRAPPED_STARTS = 12;

/** Read a shell text into its actions. Never throws. */
export function readShellActions(text: string): ShellActions {
  return collect(text.length, (found) => readText(text, found, 0));
}

/** Read a command given as a list of words, `["bash", "-lc", "…"]`. */
export function readWordActions(words: readonly string[]): ShellActions {
  const length = words.reduce((sum, word) => sum + word.length + 1, 0);
  return collect(length, (found) => readCommand({ words, writes: [], input: '' }, found, 0));
}

interface Found {
  readonly commands: Set<string>;
  readonly writes: Set<string>;
  truncated: boolean;
  left: number;
  /** Characters of commands that may still be added, and that may still be put together. */
  spare: number;
  renders: number;
}

function collect(length: number, read: (found: Found) => void): ShellActions {
  const found: Found = {
    commands: new Set(),
    writes: new Set(),
    truncated: false,
    left: WORK_LIMIT,
    spare: 2 * Math.min(length, READ_LENGTH) + SPARE_LENGTH,
    renders: RENDER_FACTOR * Math.min(length, READ_LENGTH) + RENDER_SPARE,
  };
  read(found);
  return { commands: [...found.commands], writes: [...found.writes], truncated: found.truncated };
}

function readText(text: string, found: Found, depth: number): void {
  found.renders -= text.length;
  if (depth > NEST_LIMIT || found.renders < 0) {
    found.truncated = true;
    return;
  }
  const reading = readShell(text);
  found.truncated ||= reading.truncated;
  for (const pipeline of reading.pipelines) {
    if (found.truncated) return;
    if (pipeline.length > 1) add(found, pipeline.map((command) => render(strip(command.words))).join(' | '));
    for (const command of pipeline) readCommand(command, found, depth);
  }
}

function add(found: Found, line: string): void {
  if (line === '' || found.commands.has(line)) return;
  found.spare -= line.length;
  if (found.commands.size >= COMMAND_LIMIT || found.spare < 0) found.truncated = true;
  else found.commands.add(line);
}

/** Words in canonical quoting: what is bare is one plain word, so that a `;` in the line always stands inside quotes. */
const render = (words: readonly string[]): string =>
  words
    .map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ')
    .replace(/\s+/g, ' ');
const PLAIN_WORD = /^[\w@%+=:,./~$*?{}[\]^!#-]+$/;
const baseName = (program: string): string => program.slice(program.lastIndexOf('/') + 1).replace(/\.exe$/i, '');

/** The words without grammar and assignments in front, the program by its plain name. */
function strip(words: readonly string[]): readonly string[] {
  const start = words.findIndex((word) => !GRAMMAR.has(word) && !/^[A-Za-z_]\w*\+?=/.test(word));
  if (start < 0) return words;
  const [program = '', ...rest] = words.slice(start);
  return [program.includes('(') ? program : baseName(program), ...rest];
}

/** A command, perhaps behind a wrapper of its own name. */
interface Wrapped extends SimpleCommand {
  readonly repeats?: true;
}

function readCommand(command: Wrapped, found: Found, depth: number): void {
  found.left -= command.words.length;
  if (found.left < 0) {
    found.truncated = true;
    return;
  }
  const words = strip(command.words);
  const [program = '', ...rest] = words;
  const input = KEEPS_INPUT_AS_IS.has(program) ? '' : command.input.trim();
  const line = render(input === '' ? words : [...words, input]);
  found.renders -= line.length;
  if (found.renders < 0) found.truncated = true;
  if (found.truncated || (found.commands.has(line) && command.writes.length === 0)) return;
  // A chain of one wrapper (`sudo sudo …`) says the same at each link.
  if (command.repeats !== true) add(found, line);
  if (found.truncated) return;
  if (words.length < command.words.length) add(found, render(command.words));
  for (const path of command.writes) addWrite(found, path);
  if (program === 'tee') for (const path of rest.filter((word) => !word.startsWith('-'))) addWrite(found, path);
  if (/^apply_?patch$/.test(program))
    for (const path of patchPaths([command.input.trimStart(), ...rest].join('\n'))) addWrite(found, path);
  readWrapped(program, rest, command.input, found, depth);
}

function addWrite(found: Found, path: string): void {
  if (!/^\/dev\/(null|stdout|stderr|tty|fd\/\d+)$/.test(path)) found.writes.add(path);
}

/** The commands that a command runs in turn. */
function readWrapped(program: string, rest: readonly string[], input: string, found: Found, depth: number): void {
  if (depth > NEST_LIMIT) {
    found.truncated = true;
    return;
  }
  if (SHELLS.has(program) || program === 'su' || program === 'script') {
    const flag = rest.findIndex((word) => /^-[a-z]*c$/.test(word));
    const script = flag < 0 ? undefined : rest[flag + 1];
    if (script !== undefined) readText(script, found, depth + 1);
    if (input !== '') readText(input, found, depth + 1);
  }
  if (program === 'eval' || program === 'trap') readText(rest.join(' '), found, depth + 1);
  if (program === 'trap') for (const word of rest) if (!found.truncated) readText(word, found, depth + 1);
  if (program === 'find' || program === 'fd') readExec(rest, found, depth);
  const runs = CONTAINER_RUN.test(program) && rest.slice(0, 2).some((word) => word === 'exec' || word === 'run');
  if (!WRAPPERS.has(program) && !runs) return;
  readSuffixes(program, rest, input, found, depth);
  for (const word of rest) if (!found.truncated && /\s/.test(word)) readText(word, found, depth + 1);
}

/** `find … -exec rm -rf {} \;` */
function readExec(rest: readonly string[], found: Found, depth: number): void {
  for (const [index, word] of rest.entries()) {
    if (found.truncated) return;
    if (!/^(-exec|-execdir|-ok|-okdir|-x|-X|--exec|--exec-batch)$/.test(word)) continue;
    if (found.left < 0) return;
    readCommand({ words: rest.slice(index + 1), writes: [], input: '' }, found, depth + 1);
  }
}

/** Which of a wrapper's words is the command depends on its options; try every one that could name a program. */
function readSuffixes(program: string, rest: readonly string[], input: string, found: Found, depth: number): void {
  let tried = 0;
  for (const [index, word] of rest.entries()) {
    if (word.startsWith('-') || /^[A-Za-z_]\w*=/.test(word) || /^\d+[smhd]?$/.test(word)) continue;
    if (tried >= WRAPPED_STARTS || found.truncated) return;
    tried += 1;
    const words = rest.slice(index);
    readCommand({ words, writes: [], input, ...(word === program ? { repeats: true } : {}) }, found, depth + 1);
  }
}

// What follows the name is cut off below: an expression that looks for its end takes quadratic time on a line of blanks.
const PATCH_PATH = /^\*\*\* (?:Add File|Update File|Delete File|Move to): (.*)$/gm;
const DIFF_PATH = /^(?:\+\+\+|---) (?:[ab]\/)?([^\t\n\r]*)/gm;

/** The files that a patch touches: Codex's own format, else a unified diff. Empty when it is neither. */
export function patchPaths(patch: string): readonly string[] {
  const own = [...patch.matchAll(PATCH_PATH)].map((found) => (found[1] ?? '').trimEnd());
  const paths = own.length > 0 ? own : [...patch.matchAll(DIFF_PATH)].map((found) => found[1] ?? '');
  return [...new Set(paths)].filter((path) => path !== '' && path !== '/dev/null');
}
