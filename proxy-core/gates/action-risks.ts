import type { RiskAction, RiskFact, RiskReading, RiskReason } from './risk-facts.ts';
import { readSql, SQL_LENGTH, type SqlStatement } from './sql-words.ts';

/** Risks that show in what a call does, read from its normalised actions: this is no second reader of shell text. */

type Show = (text: string) => string;

const textOf = (fact: RiskFact): string | null => (fact.kind === 'value' ? String(fact.value) : null);

/** One command line. The model chooses it, so nothing here takes longer than in proportion to its length. */
interface Line {
  readonly text: string;
  /** Programs come with their plain name, so no path stands before the first. */
  readonly words: readonly string[];
}

interface CommandRisk {
  readonly code: string;
  readonly text: string;
  readonly found: (line: Line) => boolean;
}

/** As much of a line as the policy reads; a longer one is told as not readable. */
const LINE_LENGTH = 64 * 1024;

/** The words after the first that is `word`; none if it is not there. */
const after = (words: readonly string[], word: string): readonly string[] => {
  const at = words.indexOf(word);
  return at < 0 ? [] : words.slice(at + 1);
};

/** `-xyz` that holds one of these letters. */
const hasFlag = (words: readonly string[], letters: RegExp): boolean =>
  words.some((word) => /^-[a-zA-Z]+$/.test(word) && letters.test(word));

const isRecursiveDelete = ({ text, words: [program = '', ...words] }: Line): boolean => {
  if (program === 'rm' && (hasFlag(words, /[rR]/) || words.includes('--recursive'))) return true;
  if ((program === 'find' || program === 'fd') && words.includes('-delete')) return true;
  if (/^(?:rimraf|shred|srm)$/.test(program)) return true;
  if (program === 'git' && (hasFlag(after(words, 'clean'), /[fx]/) || after(words, 'clean').includes('--force')))
    return true;
  return text.split(/[;&|]/).some(isWindowsDelete) || /\b(?:shutil\.rmtree|rm_rf|rimraf|rmSync|fs\.rm)\b/.test(text);
};

function isWindowsDelete(part: string): boolean {
  const words = part.toLowerCase().split(/\s+/);
  const at = words.findIndex((word) => /^(?:remove-item|rmdir|rd|del|erase)$/.test(word));
  return at >= 0 && words.slice(at + 1).some((word) => /(?:-recurse|-r|\/s)$/.test(word));
}

const isForcePush = ({ words: [program, ...words] }: Line): boolean => {
  const pushed = program === 'git' ? after(words, 'push') : [];
  return hasFlag(pushed, /[fd]/) || pushed.some((word) => /^(?:--force|--mirror$|--delete$|\+.|:.)/.test(word));
};

const TO_SHELL =
  /\|&?\s*(?:(?:sudo|doas|env|exec|command)\s+(?:-[^\s|]+\s+)*)*(?:[^\s|]*\/)?(?:sh|bash|zsh|dash|ksh|fish|ash|pwsh|powershell|iex|invoke-expression)(?:\s|$)/i;
const TO_INTERPRETER = /\|\s*(?:[^\s|]*\/)?(?:python|perl|ruby|node|php|deno|bun)[\d.]*(?:\s|$)/i;
const SHELL_OF_DOWNLOAD =
  /^(?:sh|bash|zsh|dash|ksh|fish|ash|eval|source|\.)\s.*(?:<\(|\$\(|`)\s*(?:curl|wget|fetch)\b/s;

const isPipeToShell = ({ text }: Line): boolean =>
  TO_SHELL.test(text) ||
  TO_INTERPRETER.test(from(text, /\b(?:curl|wget|fetch|iwr|invoke-webrequest)\b/i)) ||
  SHELL_OF_DOWNLOAD.test(text) ||
  /\b(?:iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring)\b/i.test(
    from(text, /\b(?:iex|invoke-expression)\b/i),
  );

/** The text from the first place on that has this shape; empty without one. */
function from(text: string, shape: RegExp): string {
  const at = text.search(shape);
  return at < 0 ? '' : text.slice(at);
}

const COMMAND_RISKS: readonly CommandRisk[] = [
  { code: 'recursive_delete', text: 'Deletes whole folders', found: isRecursiveDelete },
  { code: 'force_push', text: 'Overwrites or deletes published history', found: isForcePush },
  { code: 'pipe_to_shell', text: 'Runs what it pipes or downloads as a program', found: isPipeToShell },
  {
    code: 'sudo',
    text: 'Runs with the rights of another user',
    found: ({ words: [program = ''] }) => /^(?:sudo|doas|su|pkexec|runas|run0)$/.test(program),
  },
  {
    code: 'disk',
    text: 'Writes to a disk or file system as a whole',
    found: ({ words: [program = '', ...words] }) =>
      /^(?:mkfs\S*|fdisk|sfdisk|parted|wipefs|diskutil)$/.test(program) ||
      (program === 'dd' && words.some((word) => word.startsWith('of=/dev/'))),
  },
];

/** What the commands of one shell action do. */
export function commandRisks(action: RiskAction, show: Show): readonly RiskReason[] {
  const lines = action.flatMap(({ kind, command }) => {
    const line = textOf(kind) === 'shell' ? textOf(command) : null;
    return line === null ? [] : [lineOf(line.slice(0, LINE_LENGTH))];
  });
  return COMMAND_RISKS.flatMap(({ code, text, found }) => {
    const line = lines.find(found);
    return line === undefined ? [] : [{ code, level: 'critical' as const, text: `${text}: ${show(line.text)}` }];
  });
}

const lineOf = (text: string): Line => ({ text, words: text.split(/\s+/) });

/** A text that no quote or escape makes harder to read than its marks are. */
const QUOTED = /'[^']*'|"[^"]*"/g;
const HARD_TO_QUOTE = /[\\$`#\r\n!]|<</;
/** Redirections between descriptors join no commands. */
const DESCRIPTORS = /[<>]&(?:\d+|-)|&>>?/g;
const JOINS = /[;&|\r\n`]|\$\(|[<>]\(/;

/**
 * Whether a call runs more than one command, or calls several tools. In doubt it does: where quotes could hide or
 * fake a mark, every mark counts.
 */
export function isCompound(actions: readonly RiskAction[]): boolean {
  const main = actions.filter((action) => textOf(action[0]?.kind ?? ABSENT) !== 'write');
  if (main.length > 1) return true;
  return main.some((action) => {
    const [written] = action;
    const text = written === undefined || textOf(written.kind) !== 'shell' ? null : textOf(written.command);
    return text !== null && joinsCommands(text.trim());
  });
}

const ABSENT: RiskFact = { kind: 'absent' };

function joinsCommands(text: string): boolean {
  if (text.length > LINE_LENGTH) return true;
  const bare = HARD_TO_QUOTE.test(text) ? text : text.replace(QUOTED, '');
  return JOINS.test(bare.replace(DESCRIPTORS, ' '));
}

/** Statements that destroy more than the rows they name. */
export function sqlRisks({ kind, command }: RiskReading, show: Show): readonly RiskReason[] {
  const written = textOf(kind) === 'sql' ? textOf(command) : null;
  if (written === null) return [];
  const risks = readSql(written).flatMap((statement) => {
    const text = sqlRisk(statement);
    return text === null
      ? []
      : [{ code: 'destructive_sql', level: 'critical' as const, text: `${text}: ${show(written)}` }];
  });
  return written.length <= SQL_LENGTH ? risks : [...risks, LONG_SQL];
}

const LONG_SQL: RiskReason = {
  code: 'unreadable',
  level: 'high',
  text: 'Cannot be read for certain: the statement is too long to read whole',
};

function sqlRisk({ words, unbounded }: SqlStatement): string | null {
  if (words.some((word) => word === 'DROP' || word === 'TRUNCATE')) return 'Drops or empties tables';
  return unbounded ? 'Changes every row' : null;
}

/** A written path that is not in the working directory. Home folders and variables count as outside. */
export function pathRisks({ kind, path }: RiskReading, cwd: string | null, show: Show): readonly RiskReason[] {
  const written = textOf(kind) === 'write' ? textOf(path) : null;
  if (written === null || isInside(written, cwd)) return [];
  return [{ code: 'outside_cwd', level: 'high', text: `Writes outside the working directory: ${show(written)}` }];
}

/** With no known working directory, what is certainly outside of any is still told. */
function isInside(written: string, cwd: string | null): boolean {
  const path = written
    .trim()
    .replace(/^file:\/\//, '')
    .replaceAll('\\', '/');
  if (/^[~$%]/.test(path)) return false;
  const absolute = path.startsWith('/') || /^[A-Za-z]:/.test(path);
  if (!absolute) return resolved(path) !== null;
  if (cwd === null) return true;
  const base = resolved(cwd.replaceAll('\\', '/'));
  const target = resolved(path);
  return base !== null && target !== null && (target === base || target.startsWith(`${base === '/' ? '' : base}/`));
}

/** The path without `.`, `..` and doubled slashes; null when it leaves the folder it starts from. */
function resolved(path: string): string | null {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined && !path.startsWith('/')) return null;
  }
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}`;
}
