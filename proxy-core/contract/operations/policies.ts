import { z } from 'zod';
import { policyRecord } from '../records.ts';
import { command, name, none, query } from './shape.ts';

const EFFECTS = ['allow', 'alert', 'gate', 'block'] as const;

/** Versioned policies. */
export const POLICY_OPERATIONS = {
  'policies.apply': command(
    z.strictObject({
      document: z.string().max(4_194_304),
      file_name: z.string().max(1024),
      note: z.string().min(1).max(500),
    }),
    z.object({ policy: z.string(), version: z.int(), created: z.boolean() }),
  ),
  'policies.list': query(none, z.object({ policies: z.array(policyRecord) })),
  'policies.show': query(z.strictObject({ policy: z.string() }), z.object({ policy: policyRecord })),
  'policies.diff': query(
    z.strictObject({ a: z.string(), b: z.string() }),
    z.object({ a: z.string(), b: z.string(), changes: z.array(z.record(z.string(), z.unknown())), text: z.string() }),
  ),
  /** Evaluate a policy on a request (and, where given, on tool calls) without sending anything. */
  'policies.test': query(
    z.strictObject({
      policy: z.string(),
      agent: name.optional(),
      path: z.string().default('/v1/messages'),
      body: z.unknown(),
      tool_calls: z.array(z.strictObject({ name: z.string(), args: z.unknown().optional() })).default([]),
    }),
    z.object({
      policy: z.string(),
      effect: z.enum(EFFECTS),
      rule: z.string().nullable(),
      decisions: z.array(
        z.object({
          subject: z.string(),
          effect: z.enum(EFFECTS),
          rule: z.string().nullable(),
          explanation: z.array(z.record(z.string(), z.unknown())),
        }),
      ),
    }),
  ),
} as const;
