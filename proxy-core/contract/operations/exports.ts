import { z } from 'zod';
import { command } from './shape.ts';

export const EXPORT_FORMATS = ['json', 'html', 'pdf', 'csv', 'otlp', 'bundle'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const preparedExport = z.object({
  export_id: z.string(),
  file_name: z.string(),
  content_type: z.string(),
  bytes: z.int(),
  /** Of the file, hex. */
  sha256: z.string(),
  runs: z.int(),
  /** Secrets masked in it. */
  masked: z.int(),
});
export type PreparedExport = z.infer<typeof preparedExport>;

/** A run, or all runs of a time range, as files. */
export const EXPORT_OPERATIONS = {
  /** Write an export to a private file, ready to be downloaded or saved. Of one run, or of all in a time range (a zip). */
  'exports.prepare': command(
    z.strictObject({
      /** Chosen by the caller, so that it can cancel and follow `export.progress`. */
      export_id: z.string().regex(/^exp_[A-Za-z0-9]{8,40}$/),
      run_id: z.string().max(128).optional(),
      since: z.int().optional(),
      until: z.int().optional(),
      format: z.enum(EXPORT_FORMATS),
      /** Whether prompts and answers are in it; their hashes are either way. */
      prompts: z.boolean().default(true),
      paper: z.enum(['A4', 'Letter']).default('A4'),
    }),
    preparedExport,
  ),
  'exports.cancel': command(z.strictObject({ export_id: z.string() }), z.object({ cancelled: z.boolean() })),
  /** Desktop: the host asks where to and saves a prepared export there. */
  'exports.save': command(
    z.strictObject({ export_id: z.string() }),
    z.object({ saved: z.boolean(), path: z.string().nullable() }),
  ),
} as const;
