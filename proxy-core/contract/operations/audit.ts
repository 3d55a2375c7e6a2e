import { z } from 'zod';
import { command, none, query } from './shape.ts';

const brokenRecord = z.object({ seq: z.int(), reason: z.string() }).nullable();

/** The signed audit, what may be removed beside it, and what is masked on the way out. */
export const AUDIT_OPERATIONS = {
  'audit.status': query(
    none,
    z.object({
      records: z.int(),
      head: z.object({ seq: z.int(), hash: z.string(), signed_at: z.int().nullable() }).nullable(),
      /** Fingerprint of the installation's signing key. */
      key: z.string(),
      anchors: z.array(
        z.object({
          where: z.string(),
          last_at: z.int().nullable(),
          last_seq: z.int().nullable(),
          last_error: z.string().nullable(),
        }),
      ),
    }),
  ),
  /** Check the whole chain, its signed head and its anchors, off the event loop. */
  'audit.verify': query(
    none,
    z.object({ ok: z.boolean(), records: z.int(), broken: brokenRecord, detail: z.string() }),
  ),
  'retention.status': query(
    none,
    z.object({
      days: z.number().nullable(),
      max_gb: z.number().nullable(),
      store_bytes: z.int(),
      trace_bytes: z.int(),
      audit_bytes: z.int(),
      oldest_run_at: z.int().nullable(),
    }),
  ),
  /** Remove traces and stored texts of runs that ended (open ones: were last active) before a time, or the oldest until a size is met; never the audit. */
  'retention.purge': command(
    z.strictObject({
      days: z.number().min(0).optional(),
      max_gb: z.number().min(0).optional(),
      dry_run: z.boolean().default(false),
    }),
    z.object({ runs: z.int(), bytes_before: z.int(), bytes_after: z.int() }),
  ),
  /** Text as exports would show it under the configured patterns and the given further ones. */
  'redaction.preview': query(
    z.strictObject({ text: z.string().max(65_536), patterns: z.array(z.string().max(500)).max(50).default([]) }),
    z.object({ text: z.string(), masked: z.int() }),
  ),
} as const;
