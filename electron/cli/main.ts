import { calledAs } from './called-as.ts';
import { COMMANDS } from './commands.ts';
import { runCommandLine } from './run.ts';

/** The program behind `rungate`: runs when it is imported and ends with the command's exit code. */

// `rungate runs | head` closes our output early; that is the reader's choice and no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const exitCode = await runCommandLine(
  {
    argv: process.argv.slice(2),
    env: process.env,
    calledAs: calledAs(process.env),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  COMMANDS,
);
// Ends when the output is flushed; nothing else may keep a finished command alive.
process.stdout.write('', () => process.exit(exitCode));
