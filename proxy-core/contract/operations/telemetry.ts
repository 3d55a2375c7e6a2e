import { z } from 'zod';
import { none, query } from './shape.ts';

/** Live OpenTelemetry. */
export const TELEMETRY_OPERATIONS = {
  'telemetry.status': query(
    none,
    z.object({
      endpoint: z.string().nullable(),
      protocol: z.string().nullable(),
      content: z.boolean(),
      queued: z.int(),
      exported: z.int(),
      dropped: z.int(),
      last_export_at: z.int().nullable(),
      last_error: z.string().nullable(),
    }),
  ),
} as const;
