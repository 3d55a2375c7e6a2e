import { createClient } from '../../proxy-core/contract/client.ts';
import { OPERATIONS } from '../../proxy-core/contract/operations.ts';
import { spellCommands } from '../../proxy-core/contract/program.ts';
import { VERSION } from '../version.ts';
import { asksJson, type ParsedArguments, parseArguments } from './arguments.ts';
import { type CalledAs, type HomeProgram, INSTALLED_HERE, programFor } from './called-as.ts';
import { BadInput, type Command, type Invocation, type Options, type Outcome } from './command.ts';
import { CoreUnreachable, connectCore } from './connection.ts';
import { renderHelp } from './help.ts';
import { chooseHome } from './home.ts';
import { escapeText, renderJson } from './output.ts';

/** Where a command line is read from and written to. */
export interface Terminal {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Absent: as `rungate`. */
  readonly calledAs?: CalledAs;
  out(text: string): void;
  err(text: string): void;
}

/** Run one command line. Returns the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runCommandLine(terminal: Terminal, commands: readonly Command[]): Promise<0 | 1 | 2> {
  const json = asksJson(terminal.argv);
  const calledAs = terminal.calledAs ?? INSTALLED_HERE;
  const parsed = parseArguments(terminal.argv, commands);
  const home = chooseHome(parsed.kind === 'command' ? stringOf(parsed.values['home']) : undefined, terminal.env);
  const program = programFor(calledAs, home, terminal.env);
  const outcome = await attempt(terminal, { parsed, commands, json, home, program, calledAs });
  switch (outcome.kind) {
    case 'printed':
      terminal.out(`${json ? renderJson(outcome.json) : escapeText(outcome.text)}\n`);
      return outcome.exitCode ?? 0;
    case 'failed':
      report(terminal, json, spelled(outcome, program.here));
      return 1;
    case 'misused':
      report(terminal, json, { code: 'usage', message: outcome.message });
      return 2;
    case 'ended':
      return outcome.exitCode;
  }
}

type Reported = Omit<Extract<Outcome, { kind: 'failed' }>, 'kind'>;

function report(terminal: Terminal, json: boolean, { code, message, hint, context }: Reported): void {
  const error = {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(context === undefined ? {} : { context }),
  };
  const text = hint === undefined ? message : `${message}\n${hint}`;
  terminal.err(json ? `${renderJson({ error })}\n` : `rungate: ${escapeText(text)}\n`);
}

/** A failure with its commands as they are typed in this terminal, where a sentence may have any length. */
const spelled = ({ code, message, hint, context }: Reported, name: string): Reported => ({
  code,
  message: spellCommands(message, name),
  ...(hint === undefined ? {} : { hint: spellCommands(hint, name) }),
  ...(context === undefined ? {} : { context }),
});

interface Attempt {
  readonly parsed: ParsedArguments;
  readonly commands: readonly Command[];
  readonly json: boolean;
  readonly home: string;
  readonly program: HomeProgram;
  readonly calledAs: CalledAs;
}

async function attempt(
  terminal: Terminal,
  { parsed, commands, json, home, program, calledAs }: Attempt,
): Promise<Outcome> {
  switch (parsed.kind) {
    case 'version':
      return { kind: 'printed', json: { version: VERSION }, text: VERSION };
    case 'help': {
      const text = renderHelp(parsed.words, commands, calledAs.here);
      return { kind: 'printed', json: { help: text }, text };
    }
    case 'misused':
      return parsed;
    case 'command': {
      const invocation: Invocation<Options> = {
        operands: parsed.operands,
        options: parsed.values as Invocation<Options>['options'],
        home,
        json,
        note: (text) => terminal.err(json ? '' : escapeText(text)),
        env: terminal.env,
        program,
        call: validatingCall(home),
      };
      return perform(parsed.command, invocation);
    }
  }
}

const stringOf = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined);

/** Input that the operation's own schema refuses is a usage error, found without asking the core. */
function validatingCall(home: string): Invocation<Options>['call'] {
  const client = createClient(connectCore(home));
  return (name, input) => {
    const checked = OPERATIONS[name].input.safeParse(input);
    if (checked.success) return client.call(name, input);
    const issue = checked.error.issues[0];
    return Promise.reject(new BadInput(`${issue?.path.join('.') ?? 'input'}: ${issue?.message ?? 'not valid'}`));
  };
}

async function perform(command: Command, invocation: Invocation<Options>): Promise<Outcome> {
  try {
    return await command.run(invocation);
  } catch (error) {
    if (error instanceof CoreUnreachable) return { kind: 'failed', code: error.code, message: error.message };
    if (error instanceof BadInput) return { kind: 'misused', message: error.message };
    throw error;
  }
}
