import { type Args, asArgs, asTexts, textUnder } from './view-args.ts';

/** What a shell tool was asked to run, out of the arguments of the known clients (clients §1). */
export interface ShellArgs {
  readonly command: string;
  /** As given, not resolved. */
  readonly cwd: string | null;
  /** Names in an `env` argument. */
  readonly env: readonly string[];
}

const COMMAND_KEYS = ['command', 'cmd', 'commands', 'script', 'code', 'shell_command', 'bash', 'input', 'chars'];
const CWD_KEYS = ['workdir', 'cwd', 'working_directory', 'workingDirectory', 'dir_path', 'directory'];

/** The command of a call; null where none can be found, so that the arguments are shown as they are. */
export function readShellArgs(args: unknown): ShellArgs | null {
  if (typeof args === 'string') return { command: args, cwd: null, env: [] };
  const given = asArgs(args);
  if (given === null) return null;
  const nested = asArgs(given['action']);
  if (nested !== null) return readShellArgs(nested);
  const command = commandOf(given);
  if (command === null) return null;
  return { command, cwd: findCwd(given), env: Object.keys(asArgs(given['env']) ?? {}) };
}

/** The working directory that a call names itself; null without one. */
export const findCwd = (args: unknown): string | null => {
  const given = asArgs(args);
  const nested = given === null ? null : asArgs(given['action']);
  const cwd = given === null ? null : textUnder(nested ?? given, CWD_KEYS);
  return cwd === '' ? null : cwd;
};

function commandOf(args: Args): string | null {
  for (const key of COMMAND_KEYS) {
    const found = Object.hasOwn(args, key) ? args[key] : undefined;
    if (found === undefined || found === null || found === '') continue;
    if (typeof found === 'string') return withArguments(found, args['args']);
    const words = asTexts(found);
    if (words === null) return null;
    return key === 'commands' ? words.join('\n') : wordsAsText(words);
  }
  return null;
}

/** `{command: "rm", args: ["-rf", "a b"]}` is one command. */
function withArguments(command: string, args: unknown): string {
  if (typeof args === 'string') return `${command} ${args}`;
  const words = asTexts(args);
  return words === null ? command : [command, ...words.map(quoted)].join(' ');
}

/** `["bash", "-lc", TEXT]` is TEXT; other lists are written as a shell would have to be told them. */
function wordsAsText(words: readonly string[]): string {
  const [, flag = '', script] = words;
  if (words.length === 3 && script !== undefined && /^-[a-z]*c$/.test(flag)) return script;
  return words.map(quoted).join(' ');
}

const quoted = (word: string): string => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
