import type { Provider } from '../providers/provider.ts';
import type { Outcome } from './forward.ts';
import type { Answer } from './passage.ts';

/**
 * Which providers take the usage chunk that this proxy asks for (`stream_options.include_usage`). Some refuse a request
 * for it, some never answer one; a client that works with them directly must work through us (behaviour §2). What is
 * learnt lasts until the core ends; the provider's `include_usage` setting decides before anything is learnt.
 *
 * Threat: without the chunk a stream is charged by estimate, so an agent that can have a provider taken for one that refuses it
 * spends past its caps, and so do all others. Errors repeat what they were sent: words in one prove nothing. Only the client's own
 * bytes answered well where the edited ones were refused does, and never once a chunk has come for that model.
 */
export interface AddedUsage {
  /** Whether a request for this model may be edited on its way to this provider. */
  asks(provider: Provider, model: string | null): boolean;
  /** What an answer to an edited request says; `again`: the client's own bytes are to be sent once more. */
  learn(provider: Provider, model: string | null, outcome: Outcome): 'keep' | 'again';
  /** The client's own bytes were answered well where the edited ones were refused. */
  refused(provider: Provider, model: string | null): void;
}

export function createAddedUsage(): AddedUsage {
  const refusing = new Set<string>();
  const accepted = new Set<string>();
  /** Models that did not answer an edited request in time. */
  const silent = new Set<string>();
  const nameOf = ({ id }: Provider, model: string | null): string => `${id}\n${model ?? ''}`;
  return {
    asks: (provider, model) =>
      provider.includeUsage !== false && !refusing.has(provider.id) && !silent.has(nameOf(provider, model)),
    refused(provider, model) {
      if (!accepted.has(nameOf(provider, model))) refusing.add(provider.id);
    },
    learn(provider, model, outcome) {
      const known = nameOf(provider, model);
      if (outcome.kind === 'failed' && outcome.answer === null && outcome.failure.code === 'upstream_timeout') {
        // It may have been charged, so it is not sent again; but the agent's next try goes out as the agent wrote it.
        if (!accepted.has(known) && silent.size < MOST_KNOWN) silent.add(known);
        return 'keep';
      }
      if (outcome.kind !== 'completed' || outcome.agentGone) return 'keep';
      const { answer } = outcome;
      if (answer.status < 300) {
        if (answer.report?.usage != null && accepted.size < MOST_KNOWN) accepted.add(known);
        return 'keep';
      }
      const refuses = REFUSALS.has(answer.status) && !accepted.has(known);
      return refuses || namesTheEdit(answer) ? 'again' : 'keep';
    },
  };
}

/** How a server says that it does not know a member of the request. */
const REFUSALS = new Set([400, 422]);
/** Models are named by clients: what is remembered of them is bounded. */
const MOST_KNOWN = 10_000;
/** So much of an error is looked through, bytes. */
const LOOKED_AT = 64 * 1024;

const namesTheEdit = ({ status, body }: Answer): boolean =>
  status >= 400 &&
  body !== null &&
  /stream_options|include_usage/.test(Buffer.concat(body).subarray(0, LOOKED_AT).toString('latin1'));
