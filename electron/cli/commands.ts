import type { Command } from './command.ts';
import { agentCommands } from './commands/agents.ts';
import { budgetCommands } from './commands/budgets.ts';
import { configCommands } from './commands/config.ts';
import { doctor } from './commands/doctor.ts';
import { pauseCommands } from './commands/pause.ts';
import { runCommands } from './commands/runs.ts';
import { serve } from './commands/serve.ts';

/** Every command, in the order in which help lists them. A new family is one file and one line here. */
export const COMMANDS: readonly Command[] = [
  serve,
  ...agentCommands,
  ...budgetCommands,
  ...runCommands,
  ...pauseCommands,
  ...configCommands,
  doctor,
];
