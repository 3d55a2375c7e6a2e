import type { Command } from './command.ts';
import { agentCommands } from './commands/agents.ts';
import { budgetCommands } from './commands/budgets.ts';
import { channelCommands } from './commands/channels.ts';
import { configCommands } from './commands/config.ts';
import { consoleAddress } from './commands/console.ts';
import { doctor } from './commands/doctor.ts';
import { exportRuns } from './commands/export.ts';
import { gateCommands } from './commands/gates.ts';
import { grantCommands } from './commands/grants.ts';
import { keyCommands } from './commands/keys.ts';
import { pauseCommands } from './commands/pause.ts';
import { policyCommands } from './commands/policies.ts';
import { retentionCommands } from './commands/retention.ts';
import { runCommands } from './commands/runs.ts';
import { serve } from './commands/serve.ts';
import { verify } from './commands/verify.ts';

/** Every command, in the order in which help lists them. A new family is one file and one line here. */
export const COMMANDS: readonly Command[] = [
  serve,
  consoleAddress,
  ...agentCommands,
  ...policyCommands,
  ...budgetCommands,
  ...gateCommands,
  ...grantCommands,
  ...runCommands,
  exportRuns,
  verify,
  ...retentionCommands,
  ...pauseCommands,
  ...channelCommands,
  ...keyCommands,
  ...configCommands,
  doctor,
];
