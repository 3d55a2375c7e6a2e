import { commandsUnder, findCommand, GLOBAL_OPTIONS, requiredOptions } from './arguments.ts';
import type { Command, Options } from './command.ts';
import { renderFields } from './output.ts';

/** Help for the words that were typed: one command's own page, else the commands under them, else all. */
export function renderHelp(words: readonly string[], commands: readonly Command[]): string {
  const command = findCommand(words, commands);
  if (command !== null) return renderCommand(command);
  const group = commandsUnder(words.slice(0, 1), commands);
  return renderOverview(group.length === 0 ? commands : group);
}

const usage = ({ name, operands, options }: Command): string => {
  const required = requiredOptions(options).map(([option, { value }]) => `--${option} ${value ?? 'TEXT'}`);
  return ['rungate', name, ...operands, ...required].join(' ');
};

function renderOverview(commands: readonly Command[]): string {
  const rows = commands.map((each) => [`  ${usage(each)}`, each.about] as const);
  return `Usage: rungate COMMAND [OPTIONS]\n\n${renderFields(rows)}\n\nEvery command takes\n${renderOptions(GLOBAL_OPTIONS)}`;
}

function renderCommand(command: Command): string {
  const isFree = Object.keys(command.options).length > requiredOptions(command.options).length;
  const options = isFree ? ' [OPTIONS]' : '';
  const all = renderOptions({ ...command.options, ...GLOBAL_OPTIONS });
  return `Usage: ${usage(command)}${options}\n\n${command.about}\n\n${all}`;
}

const renderOptions = (options: Options): string =>
  renderFields(
    Object.entries(options).map(([name, option]) => [
      `  --${name}${option.value === undefined ? '' : ` ${option.value}`}`,
      option.about,
    ]),
  );
