import type { z } from 'zod';
import type { Reply } from '../contract/client.ts';
import { type Failure, failure } from '../contract/failures.ts';
import { OPERATIONS, type OperationName, type OperationOutput } from '../contract/operations.ts';
import type { Log } from '../ports.ts';
import { descriptorsExhausted, FREE_DESCRIPTORS } from '../store/descriptors.ts';
import { StoreUnavailable } from '../store/store.ts';
import { cureOf } from '../store/trouble-words.ts';
import { refuseDecision } from './decisions.ts';

/** Who calls: the audit keeps it. `channel` is the way in (`cli`, `desktop`, `console`, `config`). */
export interface Caller {
  readonly actor: string;
  readonly channel: string;
}

/** Raised by a handler to refuse; becomes the reply's failure. */
export class Refusal extends Error {
  readonly failure: Failure;
  constructor(reason: Failure) {
    super(reason.message);
    this.name = 'Refusal';
    this.failure = reason;
  }
}

/** One handler per operation; input and output are the operation's own types. */
export type Handlers = {
  readonly [N in OperationName]: (
    input: z.output<(typeof OPERATIONS)[N]['input']>,
    by: Caller,
  ) => OperationOutput<N> | Promise<OperationOutput<N>>;
};

/** Validates in, handles, validates out; never throws. */
export type Call = (name: string, input: unknown, by: Caller) => Promise<Reply<unknown>>;

/** The one door to the operations, the same for every transport. `permits` says what a way in may decide. */
export function createCall(handlers: Handlers, log: Log, permits: { readonly cliDecisions: boolean }): Call {
  return async (name, input, by) => {
    if (!isOperation(name)) return refuse(failure('not_found', `There is no operation ${name.slice(0, 80)}.`));
    const refusal = refuseDecision(name, by.channel, permits.cliDecisions);
    if (refusal !== null) {
      log.warn('control.decision_refused', { operation: name, channel: by.channel });
      return refuse(refusal);
    }
    const operation = OPERATIONS[name];
    const parsed = operation.input.safeParse(input);
    if (!parsed.success) return refuse(invalidInput(parsed.error));
    try {
      const handler = handlers[name] as (input: unknown, by: Caller) => unknown;
      const output = operation.output.safeParse(await handler(parsed.data, by));
      if (output.success) return { ok: true, value: output.data };
      log.error('control.invalid_output', { operation: name, issues: output.error.issues.length });
      return refuse(failure('internal_error', `The core answered ${name} in a form it should not.`));
    } catch (error) {
      if (error instanceof Refusal) return refuse(error.failure);
      if (error instanceof StoreUnavailable) return refuse(storeFailure(error));
      log.error('control.handler_failed', { operation: name, error: String(error) });
      if (descriptorsExhausted()) return refuse(noDescriptors(name));
      return refuse(failure('internal_error', `The core failed to carry out ${name}; its log says why.`));
    }
  };
}

const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name);

const refuse = (reason: Failure): Reply<never> => ({ ok: false, failure: reason });

function invalidInput(error: z.ZodError): Failure {
  const issue = error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'input' : issue.path.join('.');
  return failure('invalid_request', `${where}: ${issue?.message ?? 'not valid'}`, { field: where });
}

const noDescriptors = (name: OperationName): Failure =>
  failure(
    'internal_error',
    `The core could not carry out ${name}: no file descriptor is left.`,
    { recover: FREE_DESCRIPTORS },
    5,
  );

/** What a caller is told when a write could not be made. */
export function storeFailure(error: StoreUnavailable): Failure {
  return failure(
    'store_unavailable',
    `The store cannot be written (${error.trouble.reason}).`,
    { detail: error.trouble.detail, recover: `${cureOf(error.trouble)} Then try again.` },
    5,
  );
}
