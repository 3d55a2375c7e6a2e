/**
 * The wire between the test process, which owns Chromium, and the forked main process. Both ends may ask (and wait for
 * an answer) and tell (and go on). Messages arrive in the order they were sent.
 */
export interface Link<Asks extends Questions, Serves extends Questions> {
  ask<N extends keyof Asks & string>(name: N, input: Asks[N]['input']): Promise<Asks[N]['output']>;
  /** Like `ask` for what has no answer; a failure on the other side is that side's. */
  tell<N extends keyof Asks & string>(name: N, input: Asks[N]['input']): void;
  serve<N extends keyof Serves & string>(
    name: N,
    answer: (input: Serves[N]['input']) => Answered<Serves[N]['output']>,
  ): void;
  /** The other side is gone: everything still asked fails with this. */
  cut(error: Error): void;
}

/** What can be asked: by name, what goes over and what comes back. */
export type Questions = Record<string, { readonly input: unknown; readonly output: unknown }>;

/** Where no answer is wanted, whatever the function returns is only waited for. */
type Answered<O> = undefined extends O ? unknown : O | Promise<O>;

type Wire =
  | { readonly kind: 'ask'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'tell'; readonly name: string; readonly input: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string };

/** One end of the wire, over anything that carries structured clones. */
export function createLink<Asks extends Questions, Serves extends Questions>(
  send: (message: unknown) => void,
): Link<Asks, Serves> & { receive(message: unknown): void } {
  type Answer = (input: unknown) => unknown;
  const served = new Map<string, Answer>();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let next = 0;
  let gone: Error | null = null;
  const answer = async (name: string, input: unknown): Promise<unknown> => {
    const found = served.get(name);
    if (found === undefined) throw new Error(`nobody answers "${name}"`);
    return found(input);
  };
  const receive = (message: unknown): void => {
    const wire = message as Wire;
    switch (wire.kind) {
      case 'ask':
        answer(wire.name, wire.input).then(
          (output) => send({ kind: 'answer', id: wire.id, output } satisfies Wire),
          (error: unknown) => send({ kind: 'failure', id: wire.id, message: messageOf(error) } satisfies Wire),
        );
        return;
      case 'tell':
        void answer(wire.name, wire.input);
        return;
      case 'answer':
        waiting.get(wire.id)?.resolve(wire.output);
        waiting.delete(wire.id);
        return;
      case 'failure':
        waiting.get(wire.id)?.reject(new Error(wire.message));
        waiting.delete(wire.id);
        return;
    }
  };
  return {
    receive,
    ask(name, input) {
      if (gone !== null) return Promise.reject(gone);
      const id = next++;
      const answered = Promise.withResolvers<unknown>();
      waiting.set(id, answered);
      send({ kind: 'ask', id, name, input } satisfies Wire);
      return answered.promise as Promise<never>;
    },
    tell(name, input) {
      if (gone === null) send({ kind: 'tell', name, input } satisfies Wire);
    },
    serve(name, given) {
      served.set(name, given as Answer);
    },
    cut(error) {
      gone = error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
