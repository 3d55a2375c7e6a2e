import type { FrameEffect } from '../wire/format.ts';
import { stripNotes } from '../wire/note-strip.ts';
import { clampOutput, setMember } from '../wire/splice.ts';
import type { PolicyInForce } from './policy-book.ts';
import type { ReadRequest } from './request.ts';

/**
 * The only edits made to a request (behaviour §2), each spliced into the original text and recorded: the usage
 * chunk that budgets need, and an output ceiling that the policy sets.
 */
export interface EditedBody {
  readonly bytes: Uint8Array;
  /** What was set, for the trace (`stream_options.include_usage`, `max_tokens`). */
  readonly changed: readonly string[];
  /** The agent did not ask for the usage chunk, so it does not get it. */
  readonly hidesUsage: boolean;
  /** The same without that one edit, for a provider that refuses it. */
  readonly withoutUsage: Uint8Array;
}

const OUTPUT_KEYS = {
  chat: ['max_completion_tokens', 'max_tokens'],
  responses: ['max_output_tokens'],
  messages: ['max_tokens'],
  completions: ['max_tokens'],
} as const;

/** The body that goes upstream: the agent's own bytes, with no more than the edits of behaviour §2 spliced in. */
export function editBody(
  request: ReadRequest,
  policy: PolicyInForce,
  /** Finds a gate by id, to know our own notes in the history; null where the run has none. */
  gateById: ((gateId: string) => unknown) | null,
  /** Whether the provider may be asked for the usage chunk. */
  asksUsage: boolean,
): EditedBody {
  const { endpoint, facts } = request;
  if (endpoint.kind !== 'model' || facts === null) {
    return { bytes: request.body, changed: [], hidesUsage: false, withoutUsage: request.body };
  }
  let bytes = request.body;
  const changed: string[] = [];
  if (gateById !== null && endpoint.format !== 'embeddings' && endpoint.format !== 'completions') {
    const stripped = stripNotes(endpoint.format, bytes, (gateId) => gateById(gateId) !== null);
    if (stripped.changed > 0) {
      bytes = stripped.bytes;
      changed.push('[Rungate] note');
    }
  }
  const ceiling = policy.budget.maxOutputTokens;
  if (ceiling !== null && endpoint.format !== 'embeddings') {
    const clamped = clampOutput(bytes, OUTPUT_KEYS[endpoint.format], ceiling);
    if (clamped !== null) {
      bytes = clamped.bytes;
      changed.push(...clamped.changed);
    }
  }
  const streams = asksUsage && facts.stream && (endpoint.format === 'chat' || endpoint.format === 'completions');
  const withUsage = streams && !facts.asksUsage ? setMember(bytes, ['stream_options', 'include_usage'], 'true') : null;
  if (withUsage === null) return { bytes, changed, hidesUsage: false, withoutUsage: bytes };
  return { bytes: withUsage, changed: [...changed, USAGE_MEMBER], hidesUsage: true, withoutUsage: bytes };
}

/** Whether a frame is the usage chunk that only the proxy asked for. */
export const isAddedUsage = (edited: EditedBody, effect: FrameEffect): boolean => edited.hidesUsage && effect.usageOnly;

/** The request without the usage chunk, as the client wrote it; what else was edited stays. */
export const withoutAddedUsage = (edited: EditedBody): EditedBody => ({
  bytes: edited.withoutUsage,
  changed: edited.changed.filter((change) => change !== USAGE_MEMBER),
  hidesUsage: false,
  withoutUsage: edited.withoutUsage,
});

/** The member that is set to ask for it. */
export const USAGE_MEMBER = 'stream_options.include_usage';
