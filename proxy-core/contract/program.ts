import { type Failure, MESSAGE_LIMIT } from './failures.ts';

/**
 * How this program is called in the commands that it shows. Texts are written with the word `rungate`; whoever shows them
 * puts the real name in its place, so that a command works as pasted. Who started the program found the name out
 * (`electron/cli/called-as.ts`); nothing else knows it.
 */
export interface Program {
  /** For readers in any folder: the agent port and the console. Holds `--home` where the home is not the default one. */
  readonly anywhere: string;
  /** For readers who are not signed in: a name without a path of this machine, and where it works. */
  readonly unsigned: { readonly name: string; readonly where: string | null };
}

/** A program that is installed as `rungate`. */
export const INSTALLED: Program = { anywhere: 'rungate', unsigned: { name: 'rungate', where: null } };

/** The first words of all commands. A test compares them with the command line's own table. */
export const COMMAND_WORDS = [
  'agents',
  'approve',
  'budgets',
  'channels',
  'config',
  'console',
  'doctor',
  'export',
  'gates',
  'grants',
  'keys',
  'pause',
  'policies',
  'redaction',
  'reject',
  'resume',
  'retention',
  'run',
  'runs',
  'serve',
  'stop',
  'verify',
] as const;

// Not within a path or a name, and not where a text has been spelled before.
const WRITTEN = new RegExp(String.raw`(?<![\w./\\-]|npx )rungate(?= (?:${COMMAND_WORDS.join('|')})\b)`, 'g');

/** A text of our own with its commands spelled as they are to be typed. Spelling twice changes nothing. */
export const spellCommands = (text: string, name: string): string => text.replace(WRITTEN, () => name);

/**
 * A failure with its sentence and its `recover` spelled. A sentence has 200 characters: where a long name does not fit,
 * what follows the command goes first, then the clause that holds the command; a command is whole or not there.
 */
export function spellFailure(failure: Failure, name: string): Failure {
  if (name === INSTALLED.anywhere) return failure;
  const { recover } = failure.context;
  const context =
    typeof recover === 'string' ? { ...failure.context, recover: spellCommands(recover, name) } : failure.context;
  return { ...failure, message: spellSentence(failure.message, name), context };
}

function spellSentence(message: string, name: string): string {
  const at = message.search(WRITTEN);
  if (at === -1) return message;
  const before = message.slice(0, at);
  const end = message.slice(at).search(COMMAND_END);
  const command = end === -1 ? message.slice(at) : message.slice(at, at + end);
  const choices = [message, `${before}${command}`].map((text) => spellCommands(text, name));
  return choices.find((text) => text.length <= MESSAGE_LIMIT) ?? `${withoutClause(before)}.`;
}

// A command's own words hold none of these: names are letters, digits, dots, dashes and underscores.
const COMMAND_END = /[,;)](?:\s|$)|\.$/;

/** What stands before the clause that a command closes: `Cap crossed; raise it: COMMAND` is left with `Cap crossed`. */
function withoutClause(before: string): string {
  const clause = Math.max(before.lastIndexOf('; '), before.lastIndexOf(', '), before.lastIndexOf('. '));
  return clause === -1 ? before.replace(/[\s:(]+$/, '') : before.slice(0, clause);
}
