import { z } from 'zod';
import { messagePart } from '../../contract/conversation.ts';
import {
  artifactRecord,
  auditRecord,
  budgetRecord,
  exchangeRecord,
  gateRecord,
  grantRecord,
  runRecord,
  stepRecord,
} from '../../contract/records.ts';
import { seal } from '../seal.ts';
import { RUN_EXPORT_SCHEMA } from './json.ts';

/** The JSON export's form. The published schema is made from it, and a test compares the two. */

const text = {
  sha256: z.string().describe('SHA-256 of the original bytes, lower-case hex; a masked text no longer has it.'),
  bytes: z.int().describe('Size of the original.'),
  text: z.string().nullable().describe('The content, secrets masked; null where it was left out.'),
  encoding: z.enum(['utf8', 'base64']).describe('How `text` stands for the bytes.'),
};
const messages = z.array(
  z.object({ role: z.string(), side: z.enum(['request', 'response']), parts: z.array(messagePart) }),
);
const request = z
  .object({
    bytes: z.int().describe('Size of the whole request body.'),
    base: z.string().nullable().describe('The exchange whose request this one repeats in part.'),
    keep_head: z.int().describe('So many of its first pieces come first,'),
    keep_tail: z.int().describe('and so many of its last pieces come last.'),
    pieces: z.array(z.object(text)).describe('What lies between: all of the body where `base` is null.'),
    news: messages.describe('The messages this request added to the conversation, read.'),
  })
  .describe('The exact request body, written as what differs from an earlier one.');
const response = z.object({
  ...text,
  content_type: z.string().nullable(),
  said: messages.describe('The answer, read. A streamed answer is here only; its frames are not repeated.'),
});

/** Amounts are nano-USD (`_nano`), instants epoch milliseconds (`_at`, `at`). */
export const runExport = z
  .object({
    schema: z.literal(RUN_EXPORT_SCHEMA),
    about: z.object({
      rungate_version: z.string(),
      exported_at: z.int(),
      installation: z.string(),
      key: z.string().describe('Fingerprint of the key that signed the seal.'),
      prompts: z.boolean().describe('Whether prompts and answers are in the file.'),
    }),
    run: runRecord,
    waited_ms: z.int().describe('Time in which at least one gate waited for a person.'),
    budgets: z.array(budgetRecord),
    gates: z.array(gateRecord),
    grants: z.array(grantRecord),
    artifacts: z.array(artifactRecord.extend({ content: z.object(text) })),
    steps: z.array(
      stepRecord.extend({
        call: exchangeRecord.extend({ request: request.nullable(), response: response.nullable() }).nullable(),
      }),
    ),
    audit: z.array(auditRecord).describe('The run’s records of the signed audit; see audit/chain.ts for their hashes.'),
    masked: z.int().describe('Secrets masked in the file.'),
    seal: seal.describe('Signature over every byte of the file; `rungate verify FILE` checks it.'),
  })
  .describe('One run of Rungate, complete. Amounts are integer nano-USD (_nano), instants epoch milliseconds.');

/** The published JSON Schema (draft 2020-12). */
export const renderRunExportSchema = (): string =>
  `${JSON.stringify({ title: 'Rungate run export', ...z.toJSONSchema(runExport, { io: 'output' }) }, null, 2)}\n`;
