import type { Log } from '../ports.ts';
import { maskArguments } from '../redaction/mask-body.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { BodyMasker, MaskedBody } from './body-masker.ts';
import type { NewBlock, Receipt, Store, Verb, VerbInput, VerbOutput } from './store.ts';

/**
 * A store that never sees a secret (`redaction.at_storage`): what a run asked and was answered is masked on its way into
 * the trace, the index and the audit. Nothing here is what agents or providers get: calls are forwarded, released and
 * fingerprinted from memory. What stays exact is what people and agents rely on to the byte: what a gate proposes, in its
 * record and in the audit of who decided on it; the answer it keeps until its run's trace is removed; and artifacts that an
 * agent hands in.
 */
export interface MaskingPorts {
  readonly redactor: Redactor;
  readonly masker: BodyMasker;
  readonly log: Log;
}

/** The same store, with what it is given masked. Bodies are masked on another thread, in the order in which they come. */
export function maskWrites(store: Store, { redactor, masker, log }: MaskingPorts): Store {
  const pending = new Set<Promise<unknown>>();
  const idle = async (): Promise<void> => {
    while (pending.size > 0) await Promise.all(pending);
  };

  /** A body that cannot be masked is not stored: its call goes on, its trace lacks it. */
  const storeBody = (verb: BodyVerb, { exchangeId, body }: VerbInput<BodyVerb>): Receipt<null> => {
    const written = masker.mask(body).then(
      ({ body: shown, masked }: MaskedBody) => store.write(verb, { exchangeId, body: shown, masked }),
      (error: unknown) => {
        log.error('store.body_not_masked', { exchange_id: exchangeId, error: String(error) });
        return { committed: Promise.resolve(null), durable: Promise.resolve(null) };
      },
    );
    const settled = written.then(({ committed }) => committed).catch(() => undefined);
    pending.add(settled);
    void settled.finally(() => pending.delete(settled));
    const receipt = {
      committed: written.then(({ committed }) => committed),
      durable: written.then(({ durable }) => durable),
    };
    // Callers wait for one of the two; the other's rejection must not end the process.
    for (const promise of Object.values(receipt)) promise.catch(() => undefined);
    return receipt;
  };

  return {
    read: store.read,
    reads: store.reads,
    get trouble() {
      return store.trouble;
    },
    write<V extends Verb>(verb: V, input: VerbInput<V>): Receipt<VerbOutput<V>> {
      if (isBodyVerb(verb)) return storeBody(verb, input as VerbInput<BodyVerb>) as Receipt<VerbOutput<V>>;
      const mask = MASKED[verb] as ((redactor: Redactor, input: VerbInput<V>) => VerbInput<V>) | undefined;
      return store.write(verb, mask === undefined ? input : mask(redactor, input));
    },
    async durable() {
      await idle();
      await store.durable();
    },
    async close() {
      await idle();
      await store.close();
      await masker.close();
    },
  };
}

type BodyVerb = 'storeRequest' | 'storeResponse';
const isBodyVerb = (verb: Verb): verb is BodyVerb => verb === 'storeRequest' || verb === 'storeResponse';

const tree = <T>(redactor: Redactor, value: T): T => redactor.tree(value).value as T;

/** What callers say of a call beside its body. */
function maskCall<Input extends VerbInput<'admit'> | VerbInput<'refuse'>>(redactor: Redactor, input: Input): Input {
  const { path, model, start } = input;
  return {
    ...input,
    path: redactor.text(path).value,
    model: model === null ? null : redactor.text(model).value,
    start: start === null ? null : { ...start, labels: tree(redactor, start.labels) },
  };
}

/** What a rule has blocked is quoted; nobody decides on it any more, so it need not stay exact. */
const maskBlock = (redactor: Redactor, { block }: { readonly block?: NewBlock }): { readonly block?: NewBlock } =>
  block === undefined ? {} : { block: tree(redactor, block) };

/** The verbs that carry something of what was asked or answered. */
const MASKED: { readonly [V in Verb]?: (redactor: Redactor, input: VerbInput<V>) => VerbInput<V> } = {
  admit: (redactor, input) => ({
    ...maskCall(redactor, input),
    toolResults: input.toolResults.map((result) =>
      result.output === undefined
        ? result
        : { ...result, output: { ...result.output, text: maskArguments(result.output.text, redactor).value } },
    ),
  }),
  refuse: (redactor, input) => ({
    ...maskCall(redactor, input),
    ...maskBlock(redactor, input),
    context: tree(redactor, input.context),
  }),
  settle: (redactor, input) => ({
    ...input,
    ...maskBlock(redactor, input),
    toolCalls: input.toolCalls.map((call) => ({ ...call, argsText: maskArguments(call.argsText, redactor).value })),
  }),
  addStep: (redactor, input) => ({
    ...input,
    summary: redactor.text(input.summary).value,
    detail: tree(redactor, input.detail),
  }),
  startRun: (redactor, input) => ({
    ...input,
    start: { ...input.start, labels: tree(redactor, input.start.labels) },
  }),
  recordFact: (redactor, input) => ({ ...input, fields: tree(redactor, input.fields) }),
};
