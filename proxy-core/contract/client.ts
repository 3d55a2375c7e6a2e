import type { Failure } from './failures.ts';
import type { OperationInput, OperationName, OperationOutput } from './operations.ts';

/** How a call ends: never by a thrown error for something expected. */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** Carries one call to the core: the command socket, the operator port or IPC. */
export interface Transport {
  call(name: OperationName, input: unknown): Promise<Reply<unknown>>;
}

/** The typed face of a transport. */
export interface Client {
  call<N extends OperationName>(name: N, input: OperationInput<N>): Promise<Reply<OperationOutput<N>>>;
}

/** A typed client over any transport. The core has validated the output against the operation's schema. */
export function createClient(transport: Transport): Client {
  return {
    call: (name, input) => transport.call(name, input) as Promise<never>,
  };
}
