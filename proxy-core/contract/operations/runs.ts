import { z } from 'zod';
import { conversation } from '../conversation.ts';
import {
  artifactRecord,
  auditRecord,
  budgetRecord,
  exchangeRecord,
  gateRecord,
  grantRecord,
  RUN_STATES,
  runRecord,
  stepRecord,
} from '../records.ts';
import { command, name, none, pageLimit, query, usd } from './shape.ts';

const runId = z.strictObject({ run_id: z.string().max(128) });
const run = z.object({ run: runRecord });
const terms = z.array(z.string().min(1).max(200)).max(50);

/** Which runs are meant; every condition must hold, a list holds if any of its terms does. */
export const runFilter = z.strictObject({
  states: z.array(z.enum(RUN_STATES)).optional(),
  agents: z.array(name).max(50).optional(),
  policies: terms.optional(),
  models: terms.optional(),
  tools: terms.optional(),
  cost_over_usd: usd.optional(),
  cost_under_usd: usd.optional(),
  /** Start of the run, epoch ms, inclusive. */
  since: z.int().optional(),
  until: z.int().optional(),
  /** Words to find in the run's id, labels and recorded text. */
  text: z.string().max(400).optional(),
});
export type RunFilter = z.infer<typeof runFilter>;

const slice = {
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(1_048_576).default(65_536),
};
/** A part of stored bytes: as text where the cut part is UTF-8, else base64. Offsets and sizes in bytes. */
const bytesSlice = z.object({
  content_type: z.string().nullable(),
  encoding: z.enum(['utf8', 'base64']),
  content: z.string(),
  total_bytes: z.int(),
  next_offset: z.int().nullable(),
});

/** Runs and what they consist of. */
export const RUN_OPERATIONS = {
  /** Latest start first. `as_of` freezes the list for paging by `offset`: runs started later are not in it. */
  'runs.list': query(
    runFilter.extend({
      ids: z.array(z.string().max(128)).max(500).optional(),
      as_of: z.int().optional(),
      offset: z.int().min(0).optional(),
      limit: pageLimit.optional(),
    }),
    z.object({ runs: z.array(runRecord), total: z.int(), as_of: z.int() }),
  ),
  /** The values that occur, for suggestions. */
  'runs.facets': query(
    none,
    z.object({
      agents: z.array(z.string()),
      policies: z.array(z.string()),
      models: z.array(z.string()),
      tools: z.array(z.string()),
    }),
  ),
  'runs.show': query(
    runId.extend({ after_step: z.int().optional(), limit: z.int().min(1).max(5000).optional() }),
    z.object({
      run: runRecord,
      /** Milliseconds in which at least one gate of the run waited for a person. */
      waited_ms: z.int(),
      /** The run was stopped, and until then (epoch ms) its agent may start no other; null: it may. */
      starts_held_until: z.int().nullable(),
      budgets: z.array(budgetRecord),
      exchanges: z.array(exchangeRecord),
      steps: z.array(stepRecord),
      gates: z.array(gateRecord),
      grants: z.array(grantRecord),
      artifacts: z.array(artifactRecord),
    }),
  ),
  'runs.stop': command(runId, run),
  /** New calls of this run get 503 `operator_paused` until it is resumed. */
  'runs.pause': command(runId, run),
  'runs.resume': command(runId, run),
  'runs.audit': query(
    runId.extend({ after_seq: z.int().min(0).default(0), limit: pageLimit.default(200) }),
    z.object({ records: z.array(auditRecord) }),
  ),
  'exchanges.body': query(
    z.strictObject({ exchange_id: z.string().max(64), side: z.enum(['request', 'response']), ...slice }),
    bytesSlice,
  ),
  /** Request and answer read as a conversation. */
  'exchanges.messages': query(z.strictObject({ exchange_id: z.string().max(64) }), z.object({ conversation })),
  /** What ties a retry of this call to its gate; null where the request is not stored or not read. */
  'exchanges.fingerprint': query(
    z.strictObject({ exchange_id: z.string().max(64) }),
    z.object({ fingerprint: z.string().nullable() }),
  ),
  'artifacts.body': query(z.strictObject({ artifact_id: z.string().max(64), ...slice }), bytesSlice),
} as const;
