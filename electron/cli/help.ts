import { commandsUnder, findCommand, GLOBAL_OPTIONS, requiredOptions } from './arguments.ts';
import type { Command, Options } from './command.ts';
import { renderFields } from './output.ts';

/**
 * Help for the words that were typed: one command's own page, else the commands under them, else all. `program` is what
 * is typed to call this program.
 */
export function renderHelp(words: readonly string[], commands: readonly Command[], program: string): string {
  const command = findCommand(words, commands);
  if (command !== null) return renderCommand(command, program);
  const group = commandsUnder(words.slice(0, 1), commands);
  return words.length === 0 ? renderOverview(commands, program) : renderFamily(group, program);
}

/** What people come for, and the first words of the commands that serve it. */
const PURPOSES: readonly (readonly [string, readonly string[]])[] = [
  ['Start and look after it', ['serve', 'console', 'doctor', 'config', 'keys']],
  ['Agents and their limits', ['agents', 'policies', 'budgets', 'channels']],
  ['Decide', ['gates', 'approve', 'reject', 'grants', 'pause', 'resume', 'stop']],
  ['What happened', ['runs', 'run', 'export', 'verify', 'retention']],
];

const firstWord = ({ name }: Command): string => name.split(' ')[0] ?? '';

const typed = ({ name, operands, options }: Command): string => {
  const required = requiredOptions(options).map(([option, { value }]) => `--${option} ${value ?? 'TEXT'}`);
  return [name, ...operands, ...required].join(' ');
};

const examples = (program: string): readonly string[] => [
  `  ${program} serve --demo`,
  `  ${program} agents add my-agent --budget-usd 5`,
  `  ${program} gates --state pending`,
];

function renderOverview(commands: readonly Command[], program: string): string {
  const known = new Set(PURPOSES.flatMap(([, words]) => words));
  const purposes = [...PURPOSES, ['More', commands.map(firstWord).filter((word) => !known.has(word))] as const];
  const width = Math.max(...commands.map((each) => typed(each).length));
  const groups = purposes.flatMap(([purpose, words]) => {
    const members = commands.filter((each) => words.includes(firstWord(each)));
    return members.length === 0 ? [] : [`${purpose}\n${renderRows(members, width)}`];
  });
  return [
    `Usage: ${program} COMMAND [OPTIONS]`,
    ...groups,
    `Every command takes\n${renderOptions(GLOBAL_OPTIONS)}`,
    `Examples\n${examples(program).join('\n')}`,
    `One command in full: ${program} help COMMAND`,
  ].join('\n\n');
}

const renderRows = (commands: readonly Command[], width = 0): string =>
  renderFields(commands.map((each) => [`  ${typed(each).padEnd(width)}`, each.about] as const));

const renderFamily = (commands: readonly Command[], program: string): string =>
  `Usage: ${program} COMMAND [OPTIONS]\n\n${renderRows(commands)}\n\nEvery command takes\n${renderOptions(GLOBAL_OPTIONS)}`;

function renderCommand(command: Command, program: string): string {
  const isFree = Object.keys(command.options).length > requiredOptions(command.options).length;
  const options = isFree ? ' [OPTIONS]' : '';
  const all = renderOptions({ ...command.options, ...GLOBAL_OPTIONS });
  return `Usage: ${program} ${typed(command)}${options}\n\n${command.about}\n\n${all}`;
}

const renderOptions = (options: Options): string =>
  renderFields(
    Object.entries(options).map(([name, { short, value, about }]) => [
      `  ${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
      about,
    ]),
  );
