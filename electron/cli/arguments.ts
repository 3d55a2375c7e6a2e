import { parseArgs } from 'node:util';
import { suggestion } from '../../proxy-core/config/nearest.ts';
import type { Command, Option, Options } from './command.ts';

/** The options that every command takes. */
export const GLOBAL_OPTIONS = {
  home: { type: 'string', value: 'DIR', about: 'The installation’s folder (or RUNGATE_HOME).' },
  json: { type: 'boolean', about: 'Print one JSON document.' },
  help: { type: 'boolean', short: 'h', about: 'Show what a command does.' },
  version: { type: 'boolean', short: 'v', about: 'Show the version.' },
} as const satisfies Options;

/** What a command line asks for. */
export type ParsedArguments =
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly operands: readonly string[];
      readonly values: Readonly<Record<string, string | boolean | undefined>>;
    }
  | { readonly kind: 'help'; readonly words: readonly string[] }
  | { readonly kind: 'version' }
  | { readonly kind: 'misused'; readonly message: string };

/** Match a command line against the table. Options may stand anywhere; `--` ends them. */
export function parseArguments(argv: readonly string[], commands: readonly Command[]): ParsedArguments {
  // All commands' options are known while the words are sought, so that `rungate --port 0 serve` works too.
  const scan = tokenize(argv, Object.assign({}, GLOBAL_OPTIONS, ...commands.map((each) => each.options)));
  if (scan.options.some((option) => option.name === 'version')) return { kind: 'version' };
  if (scan.options.some((option) => option.name === 'help')) return helpFor(scan.words, commands);
  if (scan.words[0] === 'help') return helpFor(scan.words.slice(1), commands);
  // Who types the name alone wants to know what there is; an option alone is a mistake.
  if (argv.length === 0) return { kind: 'help', words: [] };
  const command = findCommand(scan.words, commands);
  if (command === null) return { kind: 'misused', message: unknownCommand(scan.words, commands) };
  return readCommand(argv, command);
}

/** Help for words that name something; others are as wrong here as they are without `help`. */
const helpFor = (words: readonly string[], commands: readonly Command[]): ParsedArguments =>
  words.length === 0 || findCommand(words, commands) !== null || commandsUnder(words, commands).length > 0
    ? { kind: 'help', words }
    : { kind: 'misused', message: unknownCommand(words, commands) };

/** Whether the caller wants JSON, even when the rest of the line is wrong. */
export function asksJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/** The commands whose names begin with these words (all of them for none). */
export const commandsUnder = (words: readonly string[], commands: readonly Command[]): readonly Command[] =>
  commands.filter((each) => words.every((word, index) => each.name.split(' ')[index] === word));

/** The command that a line's words begin with; the longest name wins. */
export function findCommand(words: readonly string[], commands: readonly Command[]): Command | null {
  const named = commands.filter((each) => nameIn(words, each) !== null);
  return named.toSorted((a, b) => b.name.length - a.name.length)[0] ?? null;
}

/** The name of a command that these words begin with; its longer one, with `list`, goes first. */
function nameIn(words: readonly string[], { name, listed }: Command): readonly string[] | null {
  const names = [...(listed === true ? [[name, 'list']] : []), name.split(' ')];
  return names.find((each) => each.every((word, index) => words[index] === word)) ?? null;
}

function unknownCommand(words: readonly string[], commands: readonly Command[]): string {
  const [first, second] = words;
  if (first === undefined) return 'no command given; --help lists them';
  const group = commandsUnder([first], commands);
  if (group.length === 0) {
    const names = new Set(commands.flatMap((each) => each.name.split(' ')[0] ?? []));
    return `unknown command \`${first}\`${suggestion(first, names)}`;
  }
  const names = group.map((each) => each.name.split(' ')[1] ?? '');
  if (second === undefined) return `\`${first}\` needs one of: ${names.join(', ')}`;
  return `unknown command \`${first} ${second}\`${suggestion(second, names)}`;
}

interface GivenOption {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  /** The value looks like the next option: `--run --usd 5`. */
  readonly swallowed: boolean;
}

function tokenize(argv: readonly string[], options: Options) {
  const types = Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options: types,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: GivenOption[] = [];
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option') {
      const { name, rawName, value, inlineValue } = token;
      given.push({ name, rawName, value, swallowed: inlineValue === false && value.startsWith('--') });
    }
    if (token.kind === 'positional') words.push(token.value);
  }
  return { options: given, words };
}

function readCommand(argv: readonly string[], command: Command): ParsedArguments {
  const known: Options = { ...GLOBAL_OPTIONS, ...command.options };
  const { options, words } = tokenize(argv, known);
  const values: Record<string, string | boolean | undefined> = {};
  for (const [name, option] of Object.entries(known)) values[name] = option.type === 'boolean' ? false : undefined;
  const given = new Set<string>();
  for (const option of options) {
    const wrong = wrongOption(option, known, given);
    if (wrong !== null) return { kind: 'misused', message: wrong };
    given.add(option.name);
    values[option.name] = option.value ?? true;
  }
  const operands = words.slice(nameIn(words, command)?.length);
  const wrong = wrongOperands(operands, command) ?? missingOption(command, given);
  return wrong === null ? { kind: 'command', command, operands, values } : { kind: 'misused', message: wrong };
}

function wrongOption(option: GivenOption, known: Options, given: ReadonlySet<string>): string | null {
  const spec = Object.hasOwn(known, option.name) ? known[option.name] : undefined;
  if (spec === undefined) {
    return `unknown option \`${option.rawName}\`${suggestion(
      option.rawName,
      Object.keys(known).map((name) => `--${name}`),
    )}`;
  }
  // Of two amounts or names one would silently win.
  if (given.has(option.name) && spec.type === 'string') return `\`--${option.name}\` is given twice`;
  if (spec.type === 'boolean') return option.value === undefined ? null : `\`--${option.name}\` takes no value`;
  if (option.value === undefined || option.value === '' || option.swallowed)
    return `\`--${option.name}\` needs a value (${spec.value ?? 'TEXT'})`;
  const allowed = spec.value?.includes('|') === true ? spec.value.split('|') : null;
  if (allowed === null || allowed.includes(option.value)) return null;
  return `\`--${option.name}\` must be one of ${allowed.join(', ')}${suggestion(option.value, allowed)}`;
}

function missingOption({ name, options }: Command, given: ReadonlySet<string>): string | null {
  const [missing] = requiredOptions(options).filter(([option]) => !given.has(option));
  return missing === undefined ? null : `\`rungate ${name}\` needs --${missing[0]} ${missing[1].value ?? 'TEXT'}`;
}

/** The options without which a command means nothing, with their names. */
export const requiredOptions = (options: Options): readonly (readonly [string, Option])[] =>
  Object.entries(options).filter(([, option]) => option.required === true);

function wrongOperands(operands: readonly string[], command: Command): string | null {
  const missing = command.operands[operands.length];
  if (missing !== undefined && !missing.startsWith('[')) return `\`rungate ${command.name}\` needs ${missing}`;
  return operands.length > command.operands.length ? `\`rungate ${command.name}\` takes no further words` : null;
}
