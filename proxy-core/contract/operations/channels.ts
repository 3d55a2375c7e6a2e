import { z } from 'zod';
import { channelRecord } from '../records.ts';
import { command, none, query } from './shape.ts';

/** The ways people are told. */
export const CHANNEL_OPERATIONS = {
  'channels.list': query(none, z.object({ channels: z.array(channelRecord) })),
  'channels.test': command(
    z.strictObject({ name: z.string() }),
    z.object({ delivered: z.boolean(), detail: z.string() }),
  ),
  /** A host or a browser says how showing a notice went; a failure becomes a banner in the console. */
  'notices.report': command(
    z.strictObject({
      notice_id: z.string().max(64),
      outcome: z.enum(['shown', 'failed', 'dismissed']),
      detail: z.string().max(300).optional(),
    }),
    z.object({}),
  ),
} as const;
