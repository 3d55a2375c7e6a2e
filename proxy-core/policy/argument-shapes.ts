import { type Action, anyAction, shellActionsOf, sqlActionOf, urlActionOf } from './action.ts';
import { type ArgValue, isList, isObject } from './arguments.ts';
import { TOLD_KEYS } from './carried-calls.ts';
import { carrierKind } from './carriers.ts';
import type { ActionKind } from './facts.ts';
import { readShellActions, readWordActions } from './shell-commands.ts';
import { splitServer } from './tool-kinds.ts';

/**
 * What the arguments of a call say that it does, whatever its tool is called: a command under `command`, a statement under `sql`, an
 * address under `url`. Such a reading may be wrong, so it only counts for rules that gate or block (behaviour §4).
 */

const HITS = 64;
const LENGTH = 128 * 1024;
const VALUES = 1_000;
const DEPTH = 3;
const COMMAND = /^(command|commands|cmd|cmds|shell_command|bash_command|command_line|cmdline|shell|bash)$/;
/** Words that are commands only where the tool runs something. */
const SCRIPT = /^(script|scripts|run|exec|code|source_code|program)$/;
const SQL = /^(sql|sql_query|sql_statement|raw_sql)$/;
const MAYBE_SQL = /^(query|queries|statement|statements)$/;
const LOOKS_SQL =
  /^\s*(select|insert\s+into|update|delete\s+from|drop|truncate|alter|create|replace\s+into|with|merge\s+into|grant|revoke|attach|pragma)\s/i;
const URL = /^(url|uri|href|endpoint|request_url|target_url)$/;
/** Tools that only speak of what they are given, by the first word of their names. */
const SPEAKS = new Set(
  (
    'explain describe document show search find lookup validate lint format check parse analyze analyse review translate summarize ' +
    'summarise render log record note annotate track ask suggest generate draft highlight complete'
  ).split(' '),
);
/** Tools that look things up: their `query` is no statement. */
const SEARCHES = /search|find|lookup|docs|google|bing|web|wiki|ask|retriev|recall|memory/;
const RUNS =
  /(^|_)(run|runs|exec|execute|eval|evaluate|shell|bash|script|terminal|ssh|docker|remote|console|job|cron|task|python|ipython|repl|interpreter|jupyter|notebook|kernel|cell|sandbox|node|nodejs|javascript|js|deno|ruby|perl|php|powershell|code_execution)(_|$)/;

interface Search {
  readonly kind: ActionKind;
  readonly runs: boolean;
  readonly searches: boolean;
  readonly language: string;
  readonly actions: Action[];
  values: number;
  /** Characters that may still be read. */
  left: number;
}

/** What arguments say that a call does beside what its tool is known for; empty when they say nothing. Bounded. */
export function shapedActions(tool: string, kind: ActionKind, value: ArgValue): readonly Action[] {
  // What a known carrier is given are another tool's arguments.
  if (kind === 'shell' || !isObject(value) || carrierKind(tool) === 'known') return [];
  const name = (splitServer(tool)?.tool ?? tool)
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z\d]+/g, '_')
    .toLowerCase();
  const runs = RUNS.test(name);
  if (!runs && SPEAKS.has(name.split('_')[0] ?? '')) return [];
  const search: Search = {
    kind,
    runs,
    searches: SEARCHES.test(name),
    language: languageOf(`${name} ${textAt(value, 'language')} ${textAt(value, 'lang')}`),
    actions: [],
    values: VALUES,
    left: LENGTH,
  };
  look(value, 0, search);
  return search.actions;
}

const textAt = (value: ReadonlyMap<string, ArgValue>, key: string): string => {
  const found = value.get(key);
  return typeof found === 'string' ? found.slice(0, 32).toLowerCase() : '';
};

function languageOf(text: string): string {
  if (/bash|shell|\bsh\b|zsh|powershell|ssh|docker|terminal/.test(text)) return 'shell';
  if (/node|javascript|typescript|(^|[_ ])(js|ts)([_ ]|$)|deno/.test(text)) return 'node';
  return /ruby|perl|php/.exec(text)?.[0] ?? 'python';
}

const snake = (key: string): string =>
  key
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();

function look(value: ArgValue, depth: number, search: Search): void {
  search.values -= 1;
  if (search.values < 0 || depth > DEPTH || search.actions.length >= HITS) return;
  if (isList(value)) for (const item of value) look(item, depth + 1, search);
  if (!isObject(value)) return;
  for (const [key, inner] of value) {
    if (TOLD_KEYS.has(snake(key))) continue;
    const found = readShape(snake(key), inner, search);
    if (found.length > 0) search.actions.push(...found);
    else look(inner, depth + 1, search);
  }
}

function readShape(key: string, value: ArgValue, search: Search): readonly Action[] {
  const texts =
    typeof value === 'string' ? [value] : isList(value) ? value.filter((one) => typeof one === 'string') : [];
  const said = texts.filter((text) => text.trim() !== '');
  if (said.length === 0) return [];
  search.left -= said.reduce((sum, text) => sum + text.length, 0);
  if (search.left < 0) return COMMAND.test(key) ? anyAction('the commands of this call are too long to read') : [];
  // A file tool's `command` says which of the things it does.
  const ownWord = /^(command|shell)$/.test(key) && (search.kind === 'write' || search.kind === 'sql');
  if (COMMAND.test(key) && !ownWord) return commandShapes(key, said);
  if (SCRIPT.test(key) && search.runs) return said.flatMap((text) => codeShapes(key, text, search.language));
  if (search.kind === 'sql' || search.kind === 'write') return [];
  if (SQL.test(key)) return said.map(sqlActionOf);
  if (MAYBE_SQL.test(key) && !search.searches) return said.filter((text) => LOOKS_SQL.test(text)).map(sqlActionOf);
  return URL.test(key) && search.kind !== 'http' ? said.map(urlActionOf) : [];
}

/** One command as text or as words; `commands` are several. */
function commandShapes(key: string, said: readonly string[]): readonly Action[] {
  const [first = '', ...more] = said;
  if (more.length === 0 || key.endsWith('s'))
    return said.flatMap((text) => shellActionsOf(text, readShellActions(text)));
  return shellActionsOf([first, ...more].join(' '), readWordActions(said));
}

/** A script is shell text, or code of the language that the tool's name or its argument says. */
function codeShapes(key: string, text: string, language: string): readonly Action[] {
  if (language === 'shell' || /^(run|exec|scripts?)$/.test(key)) return shellActionsOf(text, readShellActions(text));
  const words = [language, /^(node|ruby|perl)$/.test(language) ? '-e' : '-c', text];
  return shellActionsOf(words.join(' '), readWordActions(words));
}
