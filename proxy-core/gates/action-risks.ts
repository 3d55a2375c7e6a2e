import type { RiskAction, RiskFact, RiskReading, RiskReason } from './risk-facts.ts';

/** Risks that show in what a call does, read from its normalised actions: this is no second reader of shell text. */

type Show = (text: string) => string;

const textOf = (fact: RiskFact): string | null => (fact.kind === 'value' ? String(fact.value) : null);

interface CommandRisk {
  readonly code: string;
  readonly text: string;
  readonly shapes: readonly RegExp[];
}

/** A program at the start of a command line. Programs come with their plain name, so no path stands before it. */
const COMMAND_RISKS: readonly CommandRisk[] = [
  {
    code: 'recursive_delete',
    text: 'Deletes whole folders',
    shapes: [
      /^rm\s(?:.*\s)?(?:-[a-zA-Z]*[rR][a-zA-Z]*|--recursive)(?:\s|$)/s,
      /^(?:find|fd)\s.*\s-delete(?:\s|$)/s,
      /^(?:rimraf|shred|srm)(?:\s|$)/,
      /^git\s(?:.*\s)?clean\s(?:.*\s)?(?:-[a-z]*[fx][a-z]*|--force)(?:\s|$)/s,
      /(?:^|[;&|\s])(?:remove-item|rmdir|rd|del|erase)\s[^;|&]*(?:-recurse|-r\b|\/s)(?:\s|$)/i,
      /\b(?:shutil\.rmtree|rm_rf|rimraf|rmSync|fs\.rm)\b/,
    ],
  },
  {
    code: 'force_push',
    text: 'Overwrites or deletes published history',
    shapes: [
      /^git\s(?:.*\s)?push\s(?:.*\s)?(?:--force\S*|-[a-zA-Z]*[fd][a-zA-Z]*|--mirror|--delete|\+\S+|:\S+)(?:\s|$)/s,
    ],
  },
  {
    code: 'pipe_to_shell',
    text: 'Runs what it pipes or downloads as a program',
    shapes: [
      /\|&?\s*(?:(?:sudo|doas|env|exec|command)\s+(?:-\S+\s+)*)*(?:\S*\/)?(?:sh|bash|zsh|dash|ksh|fish|ash|pwsh|powershell|iex|invoke-expression)(?:\s|$)/i,
      /\b(?:curl|wget|fetch|iwr|invoke-webrequest)\b.*\|\s*(?:\S*\/)?(?:python|perl|ruby|node|php|deno|bun)[\d.]*(?:\s|$)/is,
      /^(?:sh|bash|zsh|dash|ksh|fish|ash|eval|source|\.)\s.*(?:<\(|\$\(|`)\s*(?:curl|wget|fetch)\b/s,
      /\b(?:iex|invoke-expression)\b.*\b(?:iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring)\b/is,
    ],
  },
  {
    code: 'sudo',
    text: 'Runs with the rights of another user',
    shapes: [/^(?:sudo|doas|su|pkexec|runas|run0)(?:\s|$)/],
  },
  {
    code: 'disk',
    text: 'Writes to a disk or file system as a whole',
    shapes: [/^(?:mkfs\S*|fdisk|sfdisk|parted|wipefs|diskutil)(?:\s|$)/, /^dd\s(?:.*\s)?of=\/dev\//s],
  },
];

/** What the commands of one shell action do. */
export function commandRisks(action: RiskAction, show: Show): readonly RiskReason[] {
  const lines = action.flatMap(({ kind, command }) => {
    const line = textOf(kind) === 'shell' ? textOf(command) : null;
    return line === null ? [] : [line];
  });
  return COMMAND_RISKS.flatMap(({ code, text, shapes }) => {
    const line = lines.find((one) => shapes.some((shape) => shape.test(one)));
    return line === undefined ? [] : [{ code, level: 'critical' as const, text: `${text}: ${show(line)}` }];
  });
}

/** A text that no quote or escape makes harder to read than its marks are. */
const QUOTED = /'[^']*'|"[^"]*"/g;
const HARD_TO_QUOTE = /[\\$`#\r\n!]|<</;
/** Redirections between descriptors join no commands. */
const DESCRIPTORS = /\d*[<>]&(?:\d+|-)|&>>?/g;
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
  const bare = HARD_TO_QUOTE.test(text) ? text : text.replace(QUOTED, '');
  return JOINS.test(bare.replace(DESCRIPTORS, ' '));
}

const SQL_COMMENT = /--[^\n]*|\/\*.*?\*\//gs;
const SQL_TEXT = /'(?:[^']|'')*'/g;

/** Statements that destroy more than the rows they name. */
export function sqlRisks({ kind, command }: RiskReading, show: Show): readonly RiskReason[] {
  const written = textOf(kind) === 'sql' ? textOf(command) : null;
  if (written === null) return [];
  const statements = written.replace(SQL_TEXT, "''").replace(SQL_COMMENT, ' ').split(';');
  return statements.flatMap((statement) => {
    const text = sqlRisk(statement.trim());
    return text === null
      ? []
      : [{ code: 'destructive_sql', level: 'critical' as const, text: `${text}: ${show(written)}` }];
  });
}

function sqlRisk(statement: string): string | null {
  if (/\b(?:drop|truncate)\b/i.test(statement)) return 'Drops or empties tables';
  const changes = /\b(?:delete\s+from|update\s+\S+(?:\s+(?:as\s+)?\w+)?\s+set)\b/i.test(statement);
  return changes && !/\bwhere\b/i.test(statement) ? 'Changes every row' : null;
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
