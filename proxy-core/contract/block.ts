import { z } from 'zod';
import type { StepRecord } from './records.ts';

/** Judged before anything left, in the provider's answer, or as a call of the tool invocation API. */
export const BLOCK_STAGES = ['request', 'response', 'tool'] as const;

/**
 * How a block by a rule describes itself (behaviour §7: recorded like a gate): in the detail of its refusal step and in its
 * `policy.blocked` record, under the same names. Where prompts were left out of an export, what quotes them is missing.
 */
export const blockDetail = z.object({
  stage: z.enum(BLOCK_STAGES),
  /** The code that the agent was given. */
  failure: z.string(),
  rule: z.string(),
  policy: z.string(),
  message: z.string().nullable(),
  recover: z.string(),
  /** The clauses that made the rule count, each with the value seen: `args.amount_usd 1240 ≥ 500`. */
  matched: z.array(z.string()).catch([]),
  /** The tool whose call the rule stopped; null at the request stage. */
  tool: z.string().nullable(),
  /** The names of all tools that were withheld with it. */
  tools: z.array(z.string()).catch([]),
  /** The call whose request or answer it was. */
  blocked_exchange_id: z.string(),
  /** What did not go on: the request to the provider, or the provider's answer from this byte on. */
  withheld: z.enum(['request', 'answer']),
  withheld_from: z.int(),
  withheld_bytes: z.int().nullable(),
  withheld_sha256: z.string().nullable(),
  /** A refusal of its own, a text in the stream that had begun, an error in it, a broken connection, or nothing: the agent had gone. */
  sent: z.enum(['refusal', 'text', 'error', 'cut', 'nothing']),
  /** Of a refusal; null for what a stream ended with. */
  sent_status: z.int().nullable(),
  sent_type: z.string().nullable(),
  sent_bytes: z.int(),
  sent_sha256: z.string(),
  /** What was sent, word for word up to `SENT_KEPT` characters. */
  sent_text: z.string().nullable().catch(null),
});
export type BlockDetail = z.infer<typeof blockDetail>;

/** Most of what was sent that a block keeps word for word, characters: refusals are far shorter. */
export const SENT_KEPT = 16_384;

/** What a step says of a block, or null for every other step. */
export function readBlock({ kind, detail }: Pick<StepRecord, 'kind' | 'detail'>): BlockDetail | null {
  if (kind !== 'refusal') return null;
  const read = blockDetail.safeParse(detail);
  return read.success ? read.data : null;
}

/** What the agent was given instead, in words that end a sentence: `a refusal (403)`. */
export function describeSent({ sent, sent_status }: Pick<BlockDetail, 'sent' | 'sent_status'>): string {
  switch (sent) {
    case 'refusal':
      return `a refusal (${sent_status ?? 'without a status'})`;
    case 'text':
      return 'a text in place of the call';
    case 'error':
      return 'an error inside the stream';
    case 'cut':
      return 'a broken connection';
    case 'nothing':
      return 'nothing: it had gone';
  }
}
