import type { Reply } from '../../proxy-core/contract/client.ts';
import type { Failure } from '../../proxy-core/contract/failures.ts';
import type { OperationInput, OperationName, OperationOutput } from '../../proxy-core/contract/operations.ts';
import type { HomeProgram } from './called-as.ts';

/** An option of a command, as it is parsed and as help shows it. */
export interface Option {
  readonly type: 'string' | 'boolean';
  /** What help calls its value (`N`, `FILE`); the values themselves (`a|b|c`) when only these are allowed. */
  readonly value?: string;
  /** One letter for it, after one dash. */
  readonly short?: string;
  /** The command means nothing without it. */
  readonly required?: true;
  readonly about: string;
}

/** By name, without the dashes. */
export type Options = Readonly<Record<string, Option>>;

/** The values of a command's options: texts are absent when not given (unless they are required), flags are false. */
export type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K]['type'] extends 'boolean'
    ? boolean
    : O[K] extends { readonly required: true }
      ? string
      : string | undefined;
};

/** How a command ends. What it prints is its value, so that every command has both forms. */
export type Outcome =
  /** `json` is the one document under `--json`, `text` what people read; exit 0, or 1 when the report is bad news. */
  | { readonly kind: 'printed'; readonly json: unknown; readonly text: string; readonly exitCode?: 0 | 1 }
  /** An expected failure: exit 1. `hint` says what to do; `context` holds the facts behind it, for programs. */
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly message: string;
      readonly hint?: string;
      readonly context?: Readonly<Record<string, unknown>>;
    }
  /** The command line is wrong: exit 2. */
  | { readonly kind: 'misused'; readonly message: string }
  /** A long-running command that has printed for itself. */
  | { readonly kind: 'ended'; readonly exitCode: 0 | 1 };

/** What a command is given. */
export interface Invocation<O extends Options> {
  /** As many words as the command's `operands` names; fewer where those in brackets were left out. */
  readonly operands: readonly string[];
  readonly options: OptionValues<O>;
  readonly home: string;
  readonly json: boolean;
  /** Say something on standard error while the command works; nobody but a person reads it. */
  note(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  /** How this program is called for this home, in this terminal and elsewhere. */
  readonly program: HomeProgram;
  /** Ask the running core. Rejects with CoreUnreachable without one and with BadInput for input it cannot take. */
  readonly call: <N extends OperationName>(name: N, input: OperationInput<N>) => Promise<Reply<OperationOutput<N>>>;
}

interface Definition<O extends Options> {
  /** What is typed, `agents add`. */
  readonly name: string;
  /** It lists what it is named for, so `NAME list` means it as well, as it does in other families. */
  readonly listed?: true;
  /** The words that must follow, as help names them; one in brackets, `[FILE]`, may be left out. */
  readonly operands: readonly string[];
  readonly about: string;
  readonly options: O;
  run(invocation: Invocation<O>): Promise<Outcome>;
}

/** A row of the command table, whatever its options are. */
export type Command = Definition<Options>;

/** Make a row of the command table. The values its `run` is given have the types of its own `options`. */
export function command<const O extends Options>(definition: Definition<O>): Command {
  return { ...definition, run: (invocation) => definition.run(invocation as Invocation<O>) };
}

/** The input of an operation does not fit its schema: what was typed is wrong. */
export class BadInput extends Error {}

/** An outcome from a reply: its value printed by `show`, or its failure. */
export function printed<T>(
  reply: Reply<T>,
  show: (value: T) => { readonly json: unknown; readonly text: string },
): Outcome {
  return reply.ok ? { kind: 'printed', ...show(reply.value) } : refused(reply.failure);
}

/** The outcome of a refusal: its sentence, what to do about it, and its facts. */
export function refused({ code, message, context }: Failure): Extract<Outcome, { kind: 'failed' }> {
  const { recover, ...facts } = context;
  return {
    kind: 'failed',
    code,
    message,
    ...(typeof recover === 'string' ? { hint: recover } : {}),
    ...(Object.keys(facts).length === 0 ? {} : { context: facts }),
  };
}
